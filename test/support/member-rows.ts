/**
 * What D1 stores about a member: a row for every table that can hold one, and what a deletion makes
 * of each column. `test/erasure.test.ts` fails if a table or a column is missing here.
 */
import { env } from 'cloudflare:workers'
import { BUILT_IN } from '../../src/db/issuers.ts'

/** The ids by which rows name a member. */
export interface Names {
  readonly userId: string
  /** The id of their account of the built-in login. */
  readonly account: string
  readonly keyId: string
}

type Fate =
  /** A deletion deletes the row, or empties the column. */
  | 'goes'
  /** The id stays and leads to nobody any more; the text says why it has to stay. */
  | { readonly stays: string }
  /** The column only looks as if it named a member; the text says what it holds. */
  | { readonly holds: string }

const RECORD = { stays: 'who did what is on record, by an id that leads to nobody' }
const OTHERS_ROW = { stays: 'the row is somebody else’s, and says who acted' }
const BOOKED = { stays: 'what was booked stays on record without the person' }

/** The fate of every `table.column` with a foreign key to a member or a name that speaks of one. */
export const FATES: Readonly<Record<string, Fate>> = {
  'identities.user_id': 'goes',
  'identities.subject': 'goes',
  'user_roles.user_id': 'goes',
  'user_roles.assigned_by': OTHERS_ROW,
  'badge_assignments.user_id': 'goes',
  'badge_assignments.assigned_by': { holds: 'rule, admin or partner' },
  'audit_log.actor': RECORD,
  'audit_log.on_behalf_of': RECORD,
  'audit_log.target': RECORD,
  'job_runs.requested_by': RECORD,
  'idempotency_keys.caller': 'goes',
  'idempotency_keys.about': 'goes',
  'idempotency_keys.target': 'goes',
  'api_keys.created_by': 'goes',
  'webhooks.created_by': 'goes',
  'webhooks.disabled_told': 'goes',
  'feed.subject': RECORD,
  'feed.about': RECORD,
  'api_key_usage.key_id': 'goes',
  'refusals.caller': 'goes',
  'refusal_counts.key_id': 'goes',
  'bookings.owner': BOOKED,
  'bookings.booked_by': BOOKED,
  'bookings.confirmed_by': OTHERS_ROW,
  'calendar_feeds.user_id': 'goes',
  'mail_counts.subject': { holds: 'a hash of an address that has no account, for a day' },
  'events.subject': 'goes',
  'events.key_ids': { stays: 'in events about others, until the gates of these keys are told' },
  'erasures.user_id': { holds: 'whom the deletion itself notes, until their objects are empty' },
  'erasures.key_ids': { holds: 'what the deletion itself notes, until their gates are told' },
  'role_deletions.key_ids': { holds: 'nothing since 0012_outbox.sql' },
  'signals.subject': {
    holds: 'whom an issuer has told of, until it is followed up, deleted or not',
  },
  'auth_sessions.user_id': 'goes',
  'auth_sessions.subject': 'goes',
  'auth_accounts.user_id': 'goes',
  'auth_accounts.account_id': 'goes',
  'auth_passkeys.user_id': 'goes',
  'auth_tickets.user_id': 'goes',
  'auth_places.user_id': 'goes',
  'auth_attempts.account': { holds: 'a hash of an address that was tried, for a day' },
  'auth_attempts.subject': { holds: 'a hash of what somebody typed, for an hour' },
  'token_keys.sealed_by': { holds: 'a hash of the secret' },
}

/** Tables that hold nothing about a member, and what they hold instead. */
export const WITHOUT_MEMBERS: Readonly<Record<string, string>> = {
  site: 'facts about the site',
  erased_identities: 'hashes; see docs/decisions/deleted-members-leave-a-hash.md',
  erasures: 'nothing before a deletion, which writes it',
  badges: 'what the site gives',
  badge_rules: 'what the site gives',
  page_rules: 'which pages the site opens to whom',
  services: 'what the site offers',
  slots: 'what the site offers',
  roles: 'what the site has defined',
  token_keys: 'the site’s own keys',
  auth_attempts: 'hashes of what somebody typed',
  audit_seals: 'digests of what is in the log',
  audit_late: 'nothing, unless an entry comes late',
  audit_removed: 'ids of entries that somebody had typed too much into',
  store_marks: 'what binds the database to the objects',
  store_shards: 'what binds the database to the objects',
  operator_requests: 'what was reconciled, by ids that mostly lead to nobody any more',
  dry_run: 'nothing, at any time',
  signals: 'what issuers have told',
  session_ends: 'hashes, as of those who were never here',
  role_deletions: 'nothing since 0012_outbox.sql',
  booking_notices: 'which booking has changed, and a hash of a visitor’s network',
  mail_suppressions: 'hashes of addresses that want to stay left alone',
  mail_counts: 'hashes of addresses and networks, for a day',
  counters: 'how many there are of what',
  awards_by_day: 'how many badges were given',
}

const AT = '2026-01-01T00:00:00.000Z'
const LATER = '2999-01-01T00:00:00.000Z'

/** A statement for each table that adds rows with the member in all of its columns in `FATES`. */
export const ROWS: Readonly<Record<string, (names: Names) => string>> = {
  // The member's first request has made this row.
  users: () => `select 1`,
  auth_users: ({ account }) => `insert into auth_users
    (id, name, email, email_verified, created_at, updated_at)
    values ('${account}', 'Ada', '${account}@example.com', 1, '${AT}', '${AT}')`,
  identities: ({ userId, account }) => `insert into identities
    (issuer, subject, user_id, identity_hash, bootstrapped, created_at)
    values ('${BUILT_IN}', '${account}', '${userId}', 'hash', 0, '${AT}')`,
  user_roles: ({ userId }) => `insert into user_roles (user_id, role, assigned_at, assigned_by)
    select id, 'moderator', '${AT}', '${userId}' from users`,
  badge_assignments: ({ userId }) => `insert into badge_assignments
    (user_id, badge_id, assigned_at, assigned_by, audit_id)
    values ('${userId}', 'bdg_1', '${AT}', 'admin', 'aud_1')`,
  audit_log: ({ userId }) => `insert into audit_log
    (id, at, actor, on_behalf_of, action, target, changes)
    values ('aud_1', '${AT}', '${userId}', '${userId}', 'user.update', '${userId}', '{}')`,
  job_runs: ({ userId }) => `insert into job_runs
    (id, job, status, requested_by, requested_at, finished_at, counts)
    values ('run_1', 'award-badges', 'succeeded', '${userId}', '${AT}', '${AT}', '{}')`,
  idempotency_keys: ({ userId }) => `insert into idempotency_keys
    (caller, key, fingerprint, status, body, created_at, about, target)
    values ('${userId}', 'one', '', 200, '', '${LATER}', null, null),
      ('usr_other', 'two', '', 200, '', '${LATER}', '${userId}', '${userId}')`,
  api_keys: ({ userId, keyId }) => `insert into api_keys (id, name, created_by, secret_hash,
      previous_secrets, scopes, enabled, access_revision, revision, created_at, updated_at)
    values ('${keyId}', 'Till', '${userId}', 'hash', '[]', '[]', 1, 1, 1, '${AT}', '${AT}')`,
  api_key_usage: ({ keyId }) => `insert into api_key_usage (key_id, day, requests, last_used_at)
    values ('${keyId}', '2026-01-01', 1, '${AT}')`,
  refusals: ({ userId, keyId }) => `insert into refusals
    (request_id, at, caller, method, route, status, code)
    values ('one', '${AT}', '${userId}', 'GET', '/v1/audit', 403, 'forbidden'),
      ('two', '${AT}', '${keyId}', 'GET', '/v1/audit', 403, 'forbidden')`,
  refusal_counts: ({ keyId }) => `insert into refusal_counts (key_id, day, code, stage, count)
    values ('${keyId}', '2026-01-01', 'forbidden', 'permission', 1)`,
  webhooks: ({ userId }) => `insert into webhooks (id, url, created_by, enabled, secrets, since,
      revision, created_at, updated_at, disabled_told)
    values ('whk_1', 'https://partner.example/', '${userId}', 1, '[]', 0, 1, '${AT}', '${AT}',
      '${userId}')`,
  feed: ({ userId }) => `insert into feed (id, type, at, subject, fields, about)
    values ('evt_9', 'user.update', '${AT}', '${userId}', '[]', '{"userId":"${userId}"}')`,
  bookings: ({
    userId,
  }) => `insert into bookings (id, service_id, slot_id, starts_at, ends_at, owner,
      booked_by, status, note, contact, confirmed_by, reason, revision, created_at, updated_at)
    values ('bkg_1', 'srv_1', 'slt_1', '${LATER}', '${LATER}', '${userId}', '${userId}', 'pending',
        '${userId}', '{"name":"${userId}"}', null, '${userId}', 1, '${AT}', '${AT}'),
      ('bkg_2', 'srv_1', 'slt_1', '${LATER}', '${LATER}', 'usr_other', 'usr_other', 'confirmed',
        null, null, '${userId}', null, 1, '${AT}', '${AT}')`,
  calendar_feeds: ({ userId }) => `insert into calendar_feeds
    (secret_hash, kind, user_id, created_at) values ('feed', 'member', '${userId}', '${AT}')`,
  events: ({ userId, keyId }) => `insert into events (id, kind, subject, created_at, key_ids)
    values ('evt_1', 'member-reinstated', '${userId}', '${AT}', '["${keyId}"]'),
      ('evt_2', 'role-deleted', 'somebody', '${AT}', '["${keyId}"]')`,
  auth_sessions: ({ account }) => `insert into auth_sessions
    (id, token, user_id, expires_at, created_at, updated_at, issuer, subject, sid)
    values ('session', 'token', '${account}', '${LATER}', '${AT}', '${AT}', null, null, null),
      ('outside', 'other', null, '${LATER}', '${AT}', '${AT}', '${BUILT_IN}', '${account}', 'there')`,
  auth_accounts: ({ account }) => `insert into auth_accounts
    (id, account_id, provider_id, user_id, created_at, updated_at)
    values ('account', '${account}', 'credential', '${account}', '${AT}', '${AT}')`,
  auth_passkeys: ({ account }) => `insert into auth_passkeys
    (id, public_key, user_id, credential_id, counter, device_type, backed_up)
    values ('passkey', 'key', '${account}', 'credential', 0, 'singleDevice', 0)`,
  auth_verifications: ({ account }) => `insert into auth_verifications
    (id, identifier, value, expires_at, created_at, updated_at)
    values ('ceremony', 'challenge', '{"userData":{"id":"${account}"}}', '${LATER}', '${AT}', '${AT}')`,
  auth_tickets: ({ account }) => `insert into auth_tickets
    (secret_hash, purpose, email, user_id, expires_at)
    values ('hash', 'reset', '${account}@example.com', '${account}', '${LATER}')`,
  auth_places: ({ account }) => `insert into auth_places (place, user_id, ends_at)
    values ('place', '${account}', 99999999999999)`,
}

/** Adds all of `ROWS`, parents before children, because a batch does not defer foreign keys. */
export async function furnish(names: Names): Promise<void> {
  const badge = `insert into badges (id, slug, title, description, background_color, text_color,
      position, revision, created_at, updated_at)
    values ('bdg_1', 'one', 'One', '', '#000000', '#ffffff', 1, 1, '${AT}', '${AT}')`
  const queries = [badge, ...Object.values(ROWS).map((row) => row(names))]
  await env.DB.batch(queries.map((query) => env.DB.prepare(query)))
}
