/**
 * The tables as drizzle sees them. The SQL in `migrations/` is the truth; a test compares the two.
 * Times are RFC 3339 UTC with milliseconds as text, unless a column says otherwise.
 */
import { integer, primaryKey, sqliteTable, text } from 'drizzle-orm/sqlite-core'
import type {
  AuditId,
  BadgeId,
  BookingId,
  EventId,
  KeyId,
  PageRuleId,
  RuleId,
  RunId,
  ServiceId,
  SlotId,
  UserId,
} from './ids.ts'

export * from './auth-schema.ts'

export const site = sqliteTable('site', {
  key: text().primaryKey(),
  value: text().notNull(),
})

export interface Address {
  readonly line1: string | null
  readonly line2: string | null
  readonly city: string | null
  readonly region: string | null
  readonly postalCode: string | null
  readonly country: string | null
}

export const users = sqliteTable('users', {
  id: text().$type<UserId>().primaryKey(),
  displayName: text('display_name').notNull(),
  /** The display name as it is sorted and searched by; see `nameKey`. */
  nameKey: text('name_key').notNull(),
  bio: text(),
  avatarUrl: text('avatar_url'),
  email: text(),
  phone: text(),
  address: text({ mode: 'json' }).$type<Address>(),
  status: text({ enum: ['active', 'suspended'] }).notNull(),
  /** Moves with every change of this member's rights. */
  accessRevision: integer('access_revision').notNull(),
  visitShard: integer('visit_shard').notNull(),
  revision: integer().notNull(),
  createdAt: text('created_at').notNull(),
  updatedAt: text('updated_at').notNull(),
  /** Whether a person wrote the display name, or the address, here; then no provider changes it. */
  ownName: integer('own_name', { mode: 'boolean' }).notNull().default(false),
  ownEmail: integer('own_email', { mode: 'boolean' }).notNull().default(false),
  /** Why they are suspended, as whoever did it wrote; null for those who are not. */
  suspensionReason: text('suspension_reason'),
})

export const identities = sqliteTable(
  'identities',
  {
    issuer: text().notNull(),
    subject: text().notNull(),
    userId: text('user_id').$type<UserId>().notNull(),
    identityHash: text('identity_hash').notNull(),
    /** Whether BOOTSTRAP_ADMINS has been honoured; it is once, so that a later demotion lasts. */
    bootstrapped: integer({ mode: 'boolean' }).notNull(),
    createdAt: text('created_at').notNull(),
    /**
     * When its provider said what the profile shows, in milliseconds since the epoch; null for an identity
     * that was linked later, which says nothing of its member.
     */
    toldAt: integer('told_at').default(0),
    /** From when on userinfo may be asked; null once it has answered. Milliseconds since the epoch. */
    askAfter: integer('ask_after').default(0),
  },
  (table) => [primaryKey({ columns: [table.issuer, table.subject] })],
)

export const erasedIdentities = sqliteTable('erased_identities', {
  identityHash: text('identity_hash').primaryKey(),
  /** Milliseconds since the epoch, to be compared with a token's `iat`. */
  erasedAt: integer('erased_at').notNull(),
  /** Whether BOOTSTRAP_ADMINS had been honoured for it, which happens once. */
  bootstrapped: integer({ mode: 'boolean' }).notNull(),
})

export const erasures = sqliteTable('erasures', {
  userId: text('user_id').$type<UserId>().primaryKey(),
  visitShard: integer('visit_shard').notNull(),
  requestedAt: text('requested_at').notNull(),
  /** API keys whose gates still have to be told. */
  keyIds: text('key_ids', { mode: 'json' }).$type<readonly KeyId[]>().notNull(),
})

export const userRoles = sqliteTable(
  'user_roles',
  {
    userId: text('user_id').$type<UserId>().notNull(),
    role: text().notNull(),
    assignedAt: text('assigned_at').notNull(),
    assignedBy: text('assigned_by').notNull(),
    /** Those of the member, kept by triggers, so that holders of a role are found in their order. */
    nameKey: text('name_key').notNull().default(''),
    status: text({ enum: ['active', 'suspended'] })
      .notNull()
      .default('active'),
  },
  (table) => [primaryKey({ columns: [table.userId, table.role] })],
)

export const roles = sqliteTable('roles', {
  name: text().primaryKey(),
  permissions: text({ mode: 'json' }).$type<Readonly<Record<string, 'own' | 'any'>>>().notNull(),
  revision: integer().notNull(),
  createdAt: text('created_at').notNull(),
  updatedAt: text('updated_at').notNull(),
})

/** Empty: a deleted role is an event. Versions before that write here until this one is deployed. */
export const roleDeletions = sqliteTable('role_deletions', {
  role: text().primaryKey(),
  /** API keys whose gates still have to be told. */
  keyIds: text('key_ids', { mode: 'json' }).$type<readonly KeyId[]>().notNull(),
})

export const badges = sqliteTable('badges', {
  id: text().$type<BadgeId>().primaryKey(),
  slug: text().notNull(),
  title: text().notNull(),
  description: text().notNull(),
  backgroundColor: text('background_color').notNull(),
  textColor: text('text_color').notNull(),
  iconUrl: text('icon_url'),
  position: integer().notNull(),
  revision: integer().notNull(),
  createdAt: text('created_at').notNull(),
  updatedAt: text('updated_at').notNull(),
})

export const badgeRules = sqliteTable('badge_rules', {
  id: text().$type<RuleId>().primaryKey(),
  badgeId: text('badge_id').$type<BadgeId>().notNull(),
  metric: text({ enum: ['visits', 'visitDays', 'streakDays'] }).notNull(),
  threshold: integer().notNull(),
  windowDays: integer('window_days'),
  enabled: integer({ mode: 'boolean' }).notNull(),
  revision: integer().notNull(),
  createdAt: text('created_at').notNull(),
  updatedAt: text('updated_at').notNull(),
})

export const badgeAssignments = sqliteTable(
  'badge_assignments',
  {
    userId: text('user_id').$type<UserId>().notNull(),
    badgeId: text('badge_id').$type<BadgeId>().notNull(),
    assignedAt: text('assigned_at').notNull(),
    assignedBy: text('assigned_by', { enum: ['rule', 'admin', 'partner'] }).notNull(),
    auditId: text('audit_id').$type<AuditId>().notNull(),
    /** Set when the badge was taken away; a rule never gives it back. */
    removedAt: text('removed_at'),
  },
  (table) => [primaryKey({ columns: [table.userId, table.badgeId] })],
)

export const auditLog = sqliteTable('audit_log', {
  id: text().$type<AuditId>().primaryKey(),
  at: text().notNull(),
  actor: text().notNull(),
  onBehalfOf: text('on_behalf_of'),
  action: text().notNull(),
  target: text().notNull(),
  reason: text(),
  requestId: text('request_id'),
  changes: text({ mode: 'json' }).$type<Readonly<Record<string, unknown>>>().notNull(),
})

export const jobRuns = sqliteTable('job_runs', {
  id: text().$type<RunId>().primaryKey(),
  job: text().notNull(),
  status: text({ enum: ['requested', 'running', 'succeeded', 'failed'] }).notNull(),
  /** `cron`, or the id of the admin who asked. */
  requestedBy: text('requested_by').notNull(),
  requestedAt: text('requested_at').notNull(),
  startedAt: text('started_at'),
  finishedAt: text('finished_at'),
  counts: text({ mode: 'json' }).$type<Readonly<Record<string, number>>>().notNull(),
  error: text(),
  cursor: text(),
})

export const idempotencyKeys = sqliteTable(
  'idempotency_keys',
  {
    caller: text().notNull(),
    /** Its hash. */
    key: text().notNull(),
    fingerprint: text().notNull(),
    status: integer().notNull(),
    /** The answer as JSON, sealed under the key itself. */
    body: text().notNull(),
    createdAt: text('created_at').notNull(),
    /** Whose data the answer shows, if that is somebody else than the caller. */
    about: text(),
    /** What the act was on: events about it are followed up before the answer is given again. */
    target: text(),
  },
  (table) => [primaryKey({ columns: [table.caller, table.key] })],
)

export const apiKeys = sqliteTable('api_keys', {
  id: text().$type<KeyId>().primaryKey(),
  name: text().notNull(),
  createdBy: text('created_by').$type<UserId>().notNull(),
  /** SHA-256 of the secret. */
  secretHash: text('secret_hash').notNull(),
  /** Those before the last rotations, each good until its grace ends. */
  previousSecrets: text('previous_secrets', { mode: 'json' })
    .$type<readonly { readonly hash: string; readonly until: string }[]>()
    .notNull(),
  scopes: text({ mode: 'json' }).$type<readonly string[]>().notNull(),
  /** CIDR ranges; null for everywhere. */
  allowedIps: text('allowed_ips', { mode: 'json' }).$type<readonly string[]>(),
  rateLimit: integer('rate_limit'),
  rateWindowSeconds: integer('rate_window_seconds'),
  monthlyQuota: integer('monthly_quota'),
  enabled: integer({ mode: 'boolean' }).notNull(),
  expiresAt: text('expires_at'),
  revokedAt: text('revoked_at'),
  /** Moves with every change of what the key may do, its creator's rights included. */
  accessRevision: integer('access_revision').notNull(),
  revision: integer().notNull(),
  createdAt: text('created_at').notNull(),
  updatedAt: text('updated_at').notNull(),
  /** Whether every secret it has had has a checksum in it that only this site can compute. */
  isKeyed: integer('is_keyed', { mode: 'boolean' }).notNull(),
})

export const apiKeyUsage = sqliteTable(
  'api_key_usage',
  {
    keyId: text('key_id').$type<KeyId>().notNull(),
    /** UTC, `YYYY-MM-DD`. */
    day: text().notNull(),
    requests: integer().notNull(),
    lastUsedAt: text('last_used_at').notNull(),
  },
  (table) => [primaryKey({ columns: [table.keyId, table.day] })],
)

export const services = sqliteTable('services', {
  id: text().$type<ServiceId>().primaryKey(),
  name: text().notNull(),
  description: text().notNull(),
  /** IANA name; recurrences of slots are wall-clock times there. */
  timeZone: text('time_zone').notNull(),
  autoConfirm: integer('auto_confirm', { mode: 'boolean' }).notNull(),
  cancelUntilMinutes: integer('cancel_until_minutes').notNull(),
  /** How long a pending booking holds its place; null for as long as it is pending. */
  holdMinutes: integer('hold_minutes'),
  revision: integer().notNull(),
  createdAt: text('created_at').notNull(),
  updatedAt: text('updated_at').notNull(),
})

export const slots = sqliteTable('slots', {
  id: text().$type<SlotId>().primaryKey(),
  serviceId: text('service_id').$type<ServiceId>().notNull(),
  startsAt: text('starts_at').notNull(),
  endsAt: text('ends_at').notNull(),
  capacity: integer().notNull(),
  createdAt: text('created_at').notNull(),
})

export interface Contact {
  readonly name: string | null
  readonly email: string | null
  readonly phone: string | null
}

export const bookings = sqliteTable('bookings', {
  id: text().$type<BookingId>().primaryKey(),
  serviceId: text('service_id').$type<ServiceId>().notNull(),
  slotId: text('slot_id').$type<SlotId>().notNull(),
  startsAt: text('starts_at').notNull(),
  endsAt: text('ends_at').notNull(),
  /** Whose it is now: a member, a visitor or a key. */
  owner: text().notNull(),
  /** Who made it. */
  bookedBy: text('booked_by').notNull(),
  status: text({ enum: ['pending', 'confirmed', 'declined', 'canceled'] }).notNull(),
  /** When a pending booking stops holding its place. */
  holdUntil: text('hold_until'),
  note: text(),
  contact: text({ mode: 'json' }).$type<Contact>(),
  confirmedBy: text('confirmed_by'),
  reason: text(),
  revision: integer().notNull(),
  createdAt: text('created_at').notNull(),
  updatedAt: text('updated_at').notNull(),
  /** What the service was called when it was last there; null for what nobody knows any more. */
  serviceName: text('service_name'),
  /** Until how long before the start its owner may cancel it, as it was when they booked. */
  cancelUntilMinutes: integer('cancel_until_minutes'),
  /** Whether it is for whoever is named in `contact`, and not for who made it. */
  isForGuest: integer('is_for_guest', { mode: 'boolean' }).notNull(),
  /** The contact in the form it is compared in; it goes with the contact. */
  guestEmail: text('guest_email'),
  guestPhone: text('guest_phone'),
  /** A keyed hash of the network that a visitor booked from, until the booking ends. */
  network: text(),
})

/** Who may open a page: a word, a permission and how far it has to go, or a badge. */
export type PageAccess =
  | 'anyone'
  | 'visitors-only'
  | 'members'
  | { readonly may: string; readonly reach: 'own' | 'any' }
  | { readonly badge: BadgeId }

/** There is one column more, `badge_id`, which is made of `access` and keeps badges that it names. */
export const pageRules = sqliteTable('page_rules', {
  id: text().$type<PageRuleId>().primaryKey(),
  /** A pattern, as it was sent. */
  path: text().notNull(),
  /** The pattern in the form in which it is compared; see `security/pages/page-rule.ts`. */
  pathKey: text('path_key').notNull(),
  access: text({ mode: 'json' }).$type<PageAccess>().notNull(),
  onUnauthenticated: text('on_unauthenticated', { enum: ['sign-in', '401', '404'] }).notNull(),
  signInPath: text('sign_in_path'),
  forbiddenPath: text('forbidden_path'),
  webSocket: integer('web_socket', { mode: 'boolean' }).notNull(),
  position: integer().notNull(),
  revision: integer().notNull(),
  createdAt: text('created_at').notNull(),
  updatedAt: text('updated_at').notNull(),
})

export const events = sqliteTable('events', {
  id: text().$type<EventId>().primaryKey(),
  kind: text().notNull(),
  /** What the act was on, as its audit row names it. */
  subject: text().notNull(),
  createdAt: text('created_at').notNull(),
  /** API keys whose gates have to be told. */
  keyIds: text('key_ids', { mode: 'json' }).$type<readonly KeyId[]>().notNull(),
})

/** One for each tick, so that an object which knows another has seen a later state. */
export const storeMarks = sqliteTable('store_marks', {
  mark: integer().primaryKey(),
  token: text().notNull(),
  at: text().notNull(),
})

/** The mark that each visit object has confirmed. */
export const storeShards = sqliteTable('store_shards', {
  shard: integer().primaryKey(),
  mark: integer().notNull(),
  token: text().notNull(),
})

/** Written by commands of the operator; the site itself only says how far it has come. */
export const operatorRequests = sqliteTable('operator_requests', {
  id: text().primaryKey(),
  kind: text().notNull(),
  isDryRun: integer('is_dry_run', { mode: 'boolean' }).notNull(),
  requestedAt: text('requested_at').notNull(),
  status: text({ enum: ['requested', 'running', 'succeeded', 'failed'] }).notNull(),
  finishedAt: text('finished_at'),
  /** Until when a tick has it to itself. */
  claimedUntil: text('claimed_until'),
  /** Where the next tick goes on. */
  progress: text({ mode: 'json' }).$type<Readonly<Record<string, unknown>>>().notNull(),
  report: text({ mode: 'json' }).$type<Readonly<Record<string, unknown>>>().notNull(),
})

/** Always empty; see `dry-run.ts`. */
export const dryRun = sqliteTable('dry_run', {
  seq: integer().primaryKey(),
  step: integer(),
  result: text().notNull(),
  never: integer().notNull(),
})
