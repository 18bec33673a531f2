/**
 * The whole policy on one page: every permission, and what each built-in role may do and how far.
 * `own` reaches the actor's own resources, `any` everybody's. What is not listed is refused.
 */

export type Reach = 'own' | 'any'

interface PermissionDefinition {
  readonly description: string
  /** Whether an API key may carry it as a scope (always with reach `any`). */
  readonly keyScope: boolean
  /** How far it can go. With another reach it would never apply, so no role has it. */
  readonly reaches: readonly Reach[]
}

const ANY = ['any'] as const
const OWN_OR_ANY = ['own', 'any'] as const

export const PERMISSIONS = {
  'profile:read': {
    description: 'Read the full profile, private fields included',
    keyScope: true,
    reaches: OWN_OR_ANY,
  },
  'profile:list': { description: 'List and search profiles', keyScope: true, reaches: ANY },
  'profile:update': { description: 'Change a profile', keyScope: true, reaches: OWN_OR_ANY },
  'profile:delete': {
    description: 'Delete a member and erase their personal data',
    keyScope: false,
    reaches: ANY,
  },
  'profile:export': {
    description: 'Export everything that is held about a member',
    keyScope: false,
    reaches: OWN_OR_ANY,
  },
  'account:delete': {
    description: 'Delete oneself, where the site allows it',
    keyScope: false,
    reaches: ['own'],
  },
  'user:suspend': { description: 'Suspend and reinstate a member', keyScope: false, reaches: ANY },
  'session:end': {
    description: 'See the sessions of a member, and end them',
    keyScope: false,
    reaches: OWN_OR_ANY,
  },
  'identity:manage': {
    description: 'See the identities of a member, and unlink them',
    keyScope: false,
    reaches: ANY,
  },
  'role:assign': {
    description: 'Give roles to members and take them away',
    keyScope: false,
    reaches: ANY,
  },
  'role:define': { description: 'Define custom roles', keyScope: false, reaches: ANY },
  'badge:manage': {
    description: 'Create, change and delete badges',
    keyScope: false,
    reaches: ANY,
  },
  'badge-rule:manage': {
    description: 'Create, change and delete the rules that award badges',
    keyScope: false,
    reaches: ANY,
  },
  'badge:assign': {
    description: 'Give badges to members and take them away',
    keyScope: true,
    reaches: ANY,
  },
  'visit:record': { description: 'Record a visit', keyScope: false, reaches: ['own'] },
  'visit:read': { description: 'Read visits and streaks', keyScope: true, reaches: OWN_OR_ANY },
  'service:manage': {
    description: 'Create, change and delete services and slots',
    keyScope: false,
    reaches: ANY,
  },
  'booking:create': { description: 'Book a slot', keyScope: true, reaches: OWN_OR_ANY },
  'booking:cancel': { description: 'Cancel a booking', keyScope: true, reaches: OWN_OR_ANY },
  'booking:read': { description: 'Read bookings', keyScope: true, reaches: OWN_OR_ANY },
  'booking:confirm': { description: 'Confirm or decline a booking', keyScope: false, reaches: ANY },
  'page:manage': {
    description: 'Say who may open which pages of the site',
    keyScope: false,
    reaches: ANY,
  },
  'api-key:manage': {
    description: 'Create, change and revoke API keys',
    keyScope: false,
    reaches: ANY,
  },
  'audit:read': {
    description: 'Read the audit log and the elevated identities',
    keyScope: true,
    reaches: ANY,
  },
  'stats:read': { description: 'Read the site in figures', keyScope: false, reaches: ANY },
  'event:read': {
    description: 'Follow what changes on the site',
    keyScope: true,
    reaches: ANY,
  },
  'webhook:manage': {
    description: 'Create, change and delete webhooks',
    keyScope: false,
    reaches: ANY,
  },
  'job:run': {
    description: 'See background jobs and ask for a run',
    keyScope: false,
    reaches: ANY,
  },
  'health:read': {
    description: 'Read how the site is: its storage, its schedule and what waits',
    keyScope: true,
    reaches: ANY,
  },
  'issuer:read': {
    description: 'See whose tokens count, and why a token would be refused',
    keyScope: false,
    reaches: ANY,
  },
  'explain:others': {
    description: 'Explain what a call would answer for somebody else',
    keyScope: false,
    reaches: ANY,
  },
} as const satisfies Record<string, PermissionDefinition>

export type Permission = keyof typeof PERMISSIONS
export type Rights = { readonly [P in Permission]?: Reach }

/** Every member has the role `member`; the others are given. */
export const ROLES = {
  member: {
    'profile:read': 'own',
    'profile:update': 'own',
    'profile:export': 'own',
    'account:delete': 'own',
    'session:end': 'own',
    'visit:record': 'own',
    'visit:read': 'own',
    'booking:create': 'own',
    'booking:cancel': 'own',
    'booking:read': 'own',
  },
  moderator: {
    'profile:read': 'any',
    'profile:list': 'any',
    'profile:update': 'any',
    'user:suspend': 'any',
    'session:end': 'any',
    'visit:record': 'own',
    'visit:read': 'any',
    'booking:create': 'own',
    'booking:cancel': 'own',
    'booking:read': 'own',
    'stats:read': 'any',
  },
  'bookings-manager': {
    'visit:record': 'own',
    'service:manage': 'any',
    'booking:create': 'any',
    'booking:cancel': 'any',
    'booking:read': 'any',
    'booking:confirm': 'any',
    'stats:read': 'any',
  },
  admin: {
    'profile:read': 'any',
    'profile:list': 'any',
    'profile:update': 'any',
    'profile:delete': 'any',
    'profile:export': 'any',
    'user:suspend': 'any',
    'session:end': 'any',
    'identity:manage': 'any',
    'role:assign': 'any',
    'role:define': 'any',
    'badge:manage': 'any',
    'badge-rule:manage': 'any',
    'badge:assign': 'any',
    'account:delete': 'own',
    'visit:record': 'own',
    'visit:read': 'any',
    'service:manage': 'any',
    'booking:create': 'any',
    'booking:cancel': 'any',
    'booking:read': 'any',
    'booking:confirm': 'any',
    'page:manage': 'any',
    'api-key:manage': 'any',
    'audit:read': 'any',
    'stats:read': 'any',
    'event:read': 'any',
    'webhook:manage': 'any',
    'job:run': 'any',
    'health:read': 'any',
    'issuer:read': 'any',
    'explain:others': 'any',
  },
} as const satisfies Record<string, Rights>

export type Role = keyof typeof ROLES

/** A role that a site has defined for itself; stored, not written here. */
export interface CustomRole {
  readonly name: string
  readonly rights: Rights
}

/** What a visitor token may do: no role, nobody else's bookings. */
export const VISITOR_GRANTS = {
  'booking:create': 'own',
  'booking:read': 'own',
  'booking:cancel': 'own',
} as const satisfies Rights

export const PERMISSION_NAMES = namesOf(PERMISSIONS)

/** What an API key may carry as a scope. */
export const KEY_SCOPES = PERMISSION_NAMES.filter((name) => PERMISSIONS[name].keyScope)

function namesOf<Name extends string>(record: Record<Name, unknown>): Name[] {
  return Object.keys(record) as Name[]
}

export function isPermission(name: string): name is Permission {
  return Object.hasOwn(PERMISSIONS, name)
}

export function isRole(name: string): name is Role {
  return Object.hasOwn(ROLES, name)
}
