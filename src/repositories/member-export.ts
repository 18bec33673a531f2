/**
 * Everything that the database holds about one member, in pages. Credentials are told by their kind and
 * their dates; whoever else acted is told by what they are, and not who.
 */
import { sql, type SQL } from 'drizzle-orm'
import { BUILT_IN } from '../db/issuers.ts'
import { batch, type Database, rows } from '../db/client.ts'
import type { UserId } from '../db/ids.ts'
import { actingAs, type AuditRow, insertAuditWhere } from './audited.ts'
import { ceilingOfMember } from './ceiling.ts'
import type { WriteScope } from './scope.ts'

const PAGE = 200

/** Rows behind `after` in the order of what each has as `next`, which is not shown. */
type Select = (id: UserId, after: string) => SQL

/** The member's sign-ins, by what their providers call them. */
const subjects = (id: UserId) => sql`(select issuer, subject from identities where user_id = ${id})`

const account = (id: UserId) =>
  sql`(select subject from identities where user_id = ${id} and issuer = ${BUILT_IN})`

/** Who did it, as a kind; `you` is the member. */
const kindOf = (actor: SQL, id: UserId) => sql`case when ${actor} = ${id} then 'you'
  when ${actor} glob 'usr_*' then 'member' when ${actor} glob 'vis_*' then 'visitor'
  when ${actor} glob 'key_*' then 'partner' when ${actor} glob 'system:*' then 'system'
  else 'anonymous' end`

/**
 * Each part of an export. The statements are searches by the member, but for what a site has few of.
 * `test/api/member-export.test.ts` asks that no column about members is left out.
 */
const PARTS = {
  settings: (id, after) => sql`select id as next, booking_mails as bookingMails,
      own_name as isOwnName, own_email as isOwnEmail, suspension_reason as suspensionReason
    from users where id = ${id} and id > ${after}`,
  identities: (id, after) => sql`select issuer || ' ' || subject as next, issuer, subject,
      created_at as createdAt
    from identities where user_id = ${id} and issuer || ' ' || subject > ${after} order by 1`,
  roles: (id, after) => sql`select role as next, role, assigned_at as assignedAt,
      ${kindOf(sql`assigned_by`, id)} as assignedBy
    from user_roles where user_id = ${id} and role > ${after} order by 1`,
  badges: (id, after) => sql`select badge_id as next, badge_id as badgeId,
      assigned_at as assignedAt, assigned_by as assignedBy, removed_at as removedAt
    from badge_assignments where user_id = ${id} and badge_id > ${after} order by 1`,
  bookings: (id, after) => sql`select id as next, id, service_id as serviceId,
      service_name as serviceName, slot_id as slotId, starts_at as startsAt, ends_at as endsAt,
      status, note, json(contact) as contact, is_for_guest as isForGuest,
      ${kindOf(sql`booked_by`, id)} as bookedBy, ${kindOf(sql`confirmed_by`, id)} as confirmedBy,
      reason, network, hold_until as holdUntil, cancel_until_minutes as cancelUntilMinutes,
      created_at as createdAt, updated_at as updatedAt
    from bookings where owner = ${id} and id > ${after} order by 1`,
  apiKeys: (id, after) => sql`select id as next, id, name, json(scopes) as scopes,
      json(allowed_ips) as allowedIps, enabled, expires_at as expiresAt, revoked_at as revokedAt,
      created_at as createdAt, updated_at as updatedAt
    from api_keys where created_by = ${id} and id > ${after} order by 1`,
  apiKeyUsage: (id, after) => sql`select key_id || day as next, key_id as keyId, day, requests,
      last_used_at as lastUsedAt
    from api_key_usage where key_id in (select id from api_keys where created_by = ${id})
      and key_id || day > ${after} order by 1`,
  auditLog: (id, after) => {
    const columns = sql`select id as next, id, at, action, target, reason, request_id as requestId,
      changes, actor from audit_log`
    return sql`select next, id, at, ${kindOf(sql`actor`, id)} as actor, action, target, reason,
        requestId, json(changes) as changes from (
      select * from (${columns} where target = ${id} and id > ${after} order by id limit ${PAGE})
      union select * from (${columns} where actor = ${id} and id > ${after} order by id limit ${PAGE})
      union select * from (${columns} where target in (select id from bookings where owner = ${id})
        and id > ${after} order by id limit ${PAGE})) order by 1`
  },
  notices: (id, after) => sql`select booking_id || ' ' || printf('%010d', revision) as next,
      booking_id as bookingId, status, network, outcome, created_at as createdAt
    from booking_notices where booking_id in (select id from bookings where owner = ${id})
      and booking_id || ' ' || printf('%010d', revision) > ${after} order by 1`,
  calendarFeeds: (id, after) => sql`select secret_hash as next, 'calendar-feed' as kind,
      kind as feedOf, service_id as serviceId, booking_id as bookingId, created_at as createdAt
    from calendar_feeds where user_id = ${id} and secret_hash > ${after} order by 1`,
  webhooks: (id, after) => sql`select id as next, id, url, json(types) as types, enabled,
      disabled_because as disabledBecause, disabled_at as disabledAt, site_host as siteHost,
      created_at as createdAt, updated_at as updatedAt
    from webhooks where created_by = ${id} and id > ${after} order by 1`,
  refusals: (id, after) => sql`select request_id as next, request_id as requestId, at,
      iif(caller = ${id}, 'you', 'partner') as caller, method, route, status, code, stage, required,
      reach
    from refusals where caller in (select ${id} union all
      select id from api_keys where created_by = ${id}) and request_id > ${after} order by 1`,
  refusalCounts: (id, after) => sql`select key_id || day || code || stage as next,
      key_id as keyId, day, code, stage, count
    from refusal_counts where key_id in (select id from api_keys where created_by = ${id})
      and key_id || day || code || stage > ${after} order by 1`,
  signals: (id, after) => sql`select id as next, issuer, kind, action, sid,
      received_at as receivedAt
    from signals where (issuer, subject) in ${subjects(id)} and id > ${after} order by 1`,
  sessionEnds: (id, after) => sql`select identity_hash || issued_until || sid as next,
      issued_until as issuedUntil, sid
    from session_ends
    where identity_hash in (select identity_hash from identities where user_id = ${id})
      and identity_hash || issued_until || sid > ${after} order by 1`,
  jobRuns: (id, after) => sql`select id as next, id, job, status, requested_at as requestedAt
    from job_runs where requested_by = ${id} and id > ${after} order by 1`,
  answersKept: (id, after) => sql`select key as next, status, created_at as createdAt
    from idempotency_keys where caller = ${id} and key > ${after} order by 1`,
  eventsUnderWay: (id, after) => sql`select id as next, kind, created_at as createdAt
    from events where subject = ${id} and id > ${after} order by 1`,
  accounts: (id, after) => sql`select id as next, name, email, image, created_at as createdAt,
      updated_at as updatedAt
    from auth_users where id in ${account(id)} and id > ${after} order by 1`,
  signInMethods: (id, after) => sql`select id as next,
      iif(provider_id = 'credential', 'password', provider_id) as kind, created_at as createdAt,
      updated_at as updatedAt
    from auth_accounts where user_id in ${account(id)} and id > ${after} order by 1`,
  passkeys: (id, after) => sql`select id as next, 'passkey' as kind, name, created_at as createdAt
    from auth_passkeys where user_id in ${account(id)} and id > ${after} order by 1`,
  sessions: (id, after) => sql`select id as next, 'session' as kind, issuer, sid,
      ip_address as ipAddress, user_agent as userAgent, created_at as createdAt,
      expires_at as expiresAt
    from auth_sessions where (user_id in ${account(id)} or (issuer, subject) in ${subjects(id)})
      and id > ${after} order by 1`,
  mailedLinks: (id, after) => sql`select secret_hash as next, purpose as kind, email,
      expires_at as expiresAt
    from auth_tickets where (user_id in ${account(id)}
      or email in (select email from auth_users where id in ${account(id)}))
      and secret_hash > ${after} order by 1`,
  places: (id, after) => sql`select place as next, 'place' as kind, ends_at as endsAt
    from auth_places where user_id in ${account(id)} and place > ${after} order by 1`,
} as const satisfies Record<string, Select>

export type ExportPart = keyof typeof PARTS

/** Columns in which a row has JSON, or a flag. */
const JSON_COLUMNS = new Set(['contact', 'scopes', 'allowedIps', 'changes', 'types'])
const FLAGS = new Set(['isForGuest', 'enabled', 'bookingMails', 'isOwnName', 'isOwnEmail'])

export const EXPORT_PARTS = Object.freeze(Object.keys(PARTS).filter(isPart))

export function isPart(name: string): name is ExportPart {
  return Object.hasOwn(PARTS, name)
}

type StoredRow = Readonly<Record<string, unknown>>

interface Page {
  readonly rows: readonly StoredRow[]
  /** Where the next page begins; null for the last. */
  readonly next: string | null
}

export function memberExportRepository(db: Database) {
  const select = (part: ExportPart, id: UserId, after: string) =>
    rows<StoredRow>(db, sql`${PARTS[part](id, after)} limit ${PAGE}`)

  return {
    /** Notes that it is exported, if there is such a member and they may be. @returns also what is in the way */
    async begin(scope: WriteScope, id: UserId, audit: AuditRow) {
      const { allows, inTheWay } = ceilingOfMember(db, scope, id)
      const isThere = sql`exists (select 1 from users where id = ${id})`
      const outcome = await batch(db, {
        acting: actingAs(db, audit),
        audit: insertAuditWhere(db, audit, allows ? sql`${isThere} and ${allows}` : isThere),
        begun: rows(db, sql`select id from audit_log where id = ${audit.id}`),
        there: rows(db, sql`select id from users where id = ${id}`),
        inTheWay,
      })
      return {
        isBegun: outcome.begun.length > 0,
        isThere: outcome.there.length > 0,
        inTheWay: outcome.inTheWay?.[0],
      }
    },

    /** The first page of every part, as of one moment. */
    async first(id: UserId): Promise<ReadonlyMap<ExportPart, Page>> {
      const pages = await batch(
        db,
        Object.fromEntries(EXPORT_PARTS.map((part) => [part, select(part, id, '')])),
      )
      return new Map(EXPORT_PARTS.map((part) => [part, pageOf(pages[part] ?? [])]))
    },

    /** @param after the `next` of the page before */
    async page(part: ExportPart, id: UserId, after: string): Promise<Page> {
      return pageOf(await select(part, id, after))
    },
  }
}

function pageOf(found: readonly StoredRow[]): Page {
  const last = found.length < PAGE ? undefined : found.at(-1)?.['next']
  return { rows: found.map(shown), next: typeof last === 'string' ? last : null }
}

function shown(row: StoredRow): StoredRow {
  const columns = Object.entries(row).filter(([name]) => name !== 'next')
  return Object.fromEntries(
    columns.map(([name, value]) => {
      if (JSON_COLUMNS.has(name) && typeof value === 'string') return [name, JSON.parse(value)]
      return [name, FLAGS.has(name) ? value === 1 : value]
    }),
  )
}
