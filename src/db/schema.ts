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
  WebhookId,
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

interface SealedText {
  readonly sealed: string
  /** The name of what it is sealed with. */
  readonly sealedBy: string
  /** Until when it also signs, in milliseconds since the epoch; null for the current one. */
  readonly until: number | null
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
  /** Whether the member wants mail about bookings. */
  bookingMails: integer('booking_mails', { mode: 'boolean' }).notNull().default(true),
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

/** Stretches of the log that are sealed; see `security/audit-chain.ts`. */
export const auditSeals = sqliteTable('audit_seals', {
  number: integer().primaryKey(),
  afterId: text('after_id').notNull(),
  untilId: text('until_id').notNull(),
  head: text().notNull(),
  signed: text().notNull(),
  sealedAt: text('sealed_at').notNull(),
  /** JSON; null once the stretch is cleared. */
  guide: text(),
  /** The name of its file; null while it has none. */
  archivedAs: text('archived_as'),
  clearedAt: text('cleared_at'),
})

/** Entries that came after their stretch was sealed; a trigger notes them. */
export const auditLate = sqliteTable('audit_late', {
  id: text().$type<AuditId>().primaryKey(),
  /** The stretch that has it; null while none has. */
  number: integer(),
})

/** Entries of which what may be removed is removed; the operator inserts a row. */
export const auditRemoved = sqliteTable('audit_removed', {
  id: text().$type<AuditId>().primaryKey(),
  /** What stands for it; null until it is removed. */
  digest: text(),
})

/** Kept by triggers. */
export const counters = sqliteTable(
  'counters',
  {
    kind: text({ enum: ['members', 'joined', 'bookings', 'awards'] }).notNull(),
    key: text().notNull(),
    count: integer().notNull(),
  },
  (table) => [primaryKey({ columns: [table.kind, table.key] })],
)

/** Written by each award, for good. */
export const awardsByDay = sqliteTable('awards_by_day', {
  /** Of the site, `YYYY-MM-DD`. */
  day: text().primaryKey(),
  count: integer().notNull(),
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

export const refusals = sqliteTable('refusals', {
  requestId: text('request_id').primaryKey(),
  at: text().notNull(),
  /** A member, or an API key. */
  caller: text().notNull(),
  method: text().notNull(),
  /** The path as it is declared. */
  route: text().notNull(),
  status: integer().notNull(),
  code: text().notNull(),
  stage: text(),
  required: text(),
  reach: text(),
})

export const refusalCounts = sqliteTable(
  'refusal_counts',
  {
    /** Empty if no key of this site was sent. */
    keyId: text('key_id').notNull(),
    /** UTC, `YYYY-MM-DD`. */
    day: text().notNull(),
    code: text().notNull(),
    /** Empty if it has none. */
    stage: text().notNull(),
    count: integer().notNull(),
  },
  (table) => [primaryKey({ columns: [table.keyId, table.day, table.code, table.stage] })],
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

/** What whoever has booked is to be told by mail; triggers write it with the change of the booking. */
export const bookingNotices = sqliteTable(
  'booking_notices',
  {
    bookingId: text('booking_id').$type<BookingId>().notNull(),
    /** That of the booking after the change. */
    revision: integer().notNull(),
    status: text({ enum: ['pending', 'confirmed', 'declined', 'canceled'] }).notNull(),
    createdAt: text('created_at').notNull(),
    /** From when on it may be sent; null once nothing is left to do. */
    dueAt: text('due_at'),
    attempts: integer().notNull().default(0),
    outcome: text().$type<NoticeOutcome>(),
    /** A keyed hash of the network the booking came from, until nothing is left to do. */
    network: text(),
  },
  (table) => [primaryKey({ columns: [table.bookingId, table.revision] })],
)

/** What came of a notice. */
export type NoticeOutcome =
  /** It was taken by the mail service. */
  | 'sent'
  /** It was handed over, and nobody has heard what came of it: it is not sent again. */
  | 'sending'
  /** The mail service could not take it just then. */
  | 'postponed'
  /** The mail service does not take such mail. */
  | 'refused'
  /** The address gets no mail any more. */
  | 'suppressed'
  /** The address, or the network, has had its mails of the day. */
  | 'limited'
  /** The member wants none. */
  | 'unwanted'
  /** There is no address. */
  | 'nobody'
  /** The booking has changed again since. */
  | 'overtaken'
  /** It could not be sent in time. */
  | 'late'

/** Addresses that get no mail about bookings any more, as keyed hashes. */
export const mailSuppressions = sqliteTable('mail_suppressions', {
  addressHash: text('address_hash').primaryKey(),
  reason: text({ enum: ['ended', 'refused'] }).notNull(),
  createdAt: text('created_at').notNull(),
})

/** Mails of a day (UTC) to an address that nobody has confirmed, and because of a network. */
export const mailCounts = sqliteTable(
  'mail_counts',
  {
    day: text().notNull(),
    /** `address` or `network` and a keyed hash. */
    subject: text().notNull(),
    mails: integer().notNull(),
  },
  (table) => [primaryKey({ columns: [table.day, table.subject] })],
)

/** Secret addresses that calendar programs read bookings at. */
export const calendarFeeds = sqliteTable('calendar_feeds', {
  /** SHA-256 of the secret. */
  secretHash: text('secret_hash').primaryKey(),
  kind: text({ enum: ['member', 'service', 'booking'] }).notNull(),
  /** Whose rights it hangs on; null for a booking of somebody who has no account. */
  userId: text('user_id').$type<UserId>(),
  serviceId: text('service_id').$type<ServiceId>(),
  bookingId: text('booking_id').$type<BookingId>(),
  createdAt: text('created_at').notNull(),
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

export const webhooks = sqliteTable('webhooks', {
  id: text().$type<WebhookId>().primaryKey(),
  url: text().notNull(),
  /** Types of events; null for all. */
  types: text({ mode: 'json' }).$type<readonly string[]>(),
  createdBy: text('created_by').$type<UserId>().notNull(),
  enabled: integer({ mode: 'boolean' }).notNull(),
  /** Null as long as it is enabled. */
  disabledBecause: text('disabled_because', {
    enum: ['asked', 'failing', 'gone', 'secret', 'address'],
  }),
  disabledAt: text('disabled_at'),
  /** Sealed, the current one first. */
  secrets: text({ mode: 'json' }).$type<readonly SealedText[]>().notNull(),
  /** By which name the site was reached when the address was given. */
  siteHost: text('site_host'),
  /** The last position of the feed that it is not told. */
  since: integer().notNull(),
  revision: integer().notNull(),
  createdAt: text('created_at').notNull(),
  updatedAt: text('updated_at').notNull(),
  /** Who was told by mail that it was disabled. */
  disabledTold: text('disabled_told').$type<UserId>(),
})

export const feed = sqliteTable('feed', {
  /** Rises with every commit, may skip, and is never given twice. */
  position: integer().primaryKey(),
  id: text().$type<EventId>().notNull(),
  type: text().notNull(),
  at: text().notNull(),
  subject: text().notNull(),
  /** After the change; null for what has none, or is gone. */
  revision: integer(),
  fields: text({ mode: 'json' }).$type<readonly string[]>().notNull(),
  about: text({ mode: 'json' }).$type<Readonly<Record<string, string | number>>>().notNull(),
})
/** What becomes of whoever a signal is about. */
export type SignalAction = 'nothing' | 'end-sessions' | 'suspend'

/** What an issuer has told of its subjects; one row for each thing told, so that none is taken twice. */
export const signals = sqliteTable('signals', {
  /** A hash of the issuer and of what it calls it. */
  id: text().primaryKey(),
  issuer: text().notNull(),
  kind: text().notNull(),
  action: text({ enum: ['nothing', 'end-sessions', 'suspend'] }).notNull(),
  /** Null once it has been followed up. */
  subject: text(),
  sid: text(),
  /** Milliseconds since the epoch. */
  happenedAt: integer('happened_at').notNull(),
  issuedUntil: integer('issued_until').notNull(),
  receivedAt: text('received_at').notNull(),
})

/** Until when tokens of an identity were issued that are good no more. */
export const sessionEnds = sqliteTable(
  'session_ends',
  {
    identityHash: text('identity_hash').notNull(),
    /** Milliseconds since the epoch. */
    issuedUntil: integer('issued_until').notNull(),
    /** Of one session at the issuer; empty for all of them. */
    sid: text().notNull(),
  },
  (table) => [primaryKey({ columns: [table.identityHash, table.issuedUntil, table.sid] })],
)

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
