/**
 * What `npm run import` does: makes members of who is not one yet, by (issuer, subject). It gives no role,
 * starts no session, changes nobody who is there, and leaves out whoever was deleted here.
 */
import { newId, type UserId } from '../src/db/ids.ts'
import { nameKey } from '../src/repositories/users.ts'
import { identityHashOf } from '../src/security/callers/identity-hash.ts'
import { text } from './database.ts'
import type { Row } from './database.ts'
import { type Candidate, candidateOf, type Format, SUBJECTS, unreadOf } from './import-formats.ts'
import { recordsOf } from './import-records.ts'
import { Refusal } from './refusal.ts'

export interface Import {
  readonly file: string
  readonly format: Format
  /** Of all records; undefined if each of them says its own. */
  readonly issuer: string | undefined
  readonly encoding: string
  readonly isDryRun: boolean
  /** How many visit objects a site gets with its first member. */
  readonly visitShards: number
  /** In which time zone days of visits are counted, if there is no member yet. */
  readonly timeZone: string
}

export interface ImportHands {
  readonly query: (sql: string) => Promise<readonly Row[]>
  /** Runs each of the groups as one transaction. */
  readonly write: (groups: readonly (readonly string[])[]) => Promise<void>
  readonly refuse: (line: number, reason: string) => void
  /** How many records have been read so far. */
  readonly progress: (records: number) => void
  readonly now: () => number
}

export interface Imported {
  read: number
  made: number
  existing: number
  erased: number
  refused: number
  /** How many records were refused for each reason. */
  readonly reasons: ReadonlyMap<string, number>
  /** Columns of a CSV of one's own that are not read. */
  readonly unread: readonly string[]
}

/** D1 takes no statement of more than 100 KB. */
const MOST_BYTES = 80_000
/** Members that are looked up, and then made, before the next are read. */
const PAGE = 2_000

interface Member extends Candidate {
  readonly line: number
  readonly hash: string
  readonly shard: number
}

/** @throws Refusal before anything is written if the file as a whole cannot be read */
export async function importMembers(given: Import, hands: ImportHands): Promise<Imported> {
  const unread = await assertReadable(given)
  const { query, write, refuse, progress, now } = hands
  const reasons = new Map<string, number>()
  const counts = { read: 0, made: 0, existing: 0, erased: 0, refused: 0 }
  const done: Imported = { ...counts, reasons, unread }
  const seen = new Set<string>()
  let page: Member[] = []
  const reject = (line: number, reason: string) => {
    done.refused += 1
    reasons.set(reason, (reasons.get(reason) ?? 0) + 1)
    refuse(line, reason)
  }
  for await (const record of recordsOf(given.file, given.encoding)) {
    done.read += 1
    const { line } = record
    const candidate =
      'refused' in record ? record : candidateOf(given.format, record.fields, given.issuer, now())
    if ('refused' in candidate) {
      reject(line, candidate.refused)
      continue
    }
    const { identityHash: hash, shardHash: shard } = await identityHashOf(
      candidate.issuer,
      candidate.subject,
    )
    if (seen.has(hash)) {
      reject(line, 'it is in the file before')
      continue
    }
    seen.add(hash)
    page.push({ ...candidate, line, hash, shard })
    if (page.length === PAGE) await settle()
  }
  await settle()
  return done

  async function settle(): Promise<void> {
    const { existing, erased } = await found(query, page)
    const fresh = page.filter(({ hash, line }) => {
      if (existing.has(hash)) {
        done.existing += 1
        return false
      }
      if (!erased.has(hash)) return true
      done.erased += 1
      refuse(line, 'it was deleted here')
      return false
    })
    page = []
    const groups: string[][] = []
    for (const group of packed(fresh.map((member) => personOf(member, now()))))
      groups.push(statements(group, given, now()))
    if (!given.isDryRun && groups.length > 0) await write(groups)
    done.made += fresh.length
    progress(done.read)
  }
}

/**
 * Goes through all of it once, so that a file that breaks off, or is another, changes nothing.
 * @returns the columns that are not read
 */
async function assertReadable({ file, format, encoding }: Import): Promise<string[]> {
  let first: string[] | undefined
  let hasSubject = false
  for await (const record of recordsOf(file, encoding)) {
    if ('refused' in record) continue
    const names = Object.keys(record.fields)
    first ??= names
    hasSubject ||= SUBJECTS[format].some((name) => names.includes(name))
  }
  if (!first) throw new Refusal('the file has no record that can be read')
  if (!hasSubject)
    throw new Refusal(
      `this is no export of ${format}: it has no ${SUBJECTS[format][0]}, but ${first.slice(0, 8).join(', ')}`,
    )
  return format === 'csv' ? unreadOf(first) : []
}

/** Who of them is here, and who was deleted here, by their hashes. */
async function found(query: ImportHands['query'], members: readonly Member[]) {
  const existing = new Set<unknown>()
  const erased = new Set<unknown>()
  const names = members.map(({ hash, issuer, subject }) => ({ hash, issuer, subject }))
  for (const group of packed(names)) {
    const rows = await query(
      `select named.value ->> 'hash' as hash, i.user_id is not null as is_here
        from json_each(${json(group)}) as named
        left join identities i on i.issuer = named.value ->> 'issuer'
          and i.subject = named.value ->> 'subject'
        left join erased_identities e on e.identity_hash = named.value ->> 'hash'
          and e.erased_at >= 0
        where i.user_id is not null or e.identity_hash is not null`,
    )
    for (const row of rows) (row['is_here'] === 1 ? existing : erased).add(row['hash'])
  }
  return { existing, erased }
}

/** In groups, each of which fits into a statement. */
function packed<T extends object>(all: readonly T[]): T[][] {
  const groups: T[][] = []
  let left = 0
  for (const each of all) {
    const bytes = Buffer.byteLength(json([each]))
    if (bytes > left || groups.length === 0) {
      groups.push([])
      left = MOST_BYTES
    }
    groups.at(-1)?.push(each)
    left -= bytes
  }
  return groups
}

type Person = ReturnType<typeof personOf>

function personOf({ issuer, subject, displayName, email, hash, shard }: Member, now: number) {
  const id: UserId = newId('usr', now)
  return { id, issuer, subject, displayName, key: nameKey(displayName), email, hash, shard }
}

/** Members get one of the shards that were added last, as those who come by themselves do. */
const SHARDS_FROM = `coalesce(
  (select cast(value as integer) from site where key = 'visit_shards_from'), 0)`

/**
 * Whoever came in between by themselves, or was deleted, stays so. Each member has an audit row, as every
 * member has that is made in another way, and whoever follows the site is told of each.
 */
function statements(rows: readonly Person[], given: Import, now: number): string[] {
  const at = new Date(now).toISOString()
  const people = json(rows)
  const names = json(rows.map(({ id, issuer, subject, hash }) => ({ id, issuer, subject, hash })))
  const entries = json(rows.map(({ id }) => ({ id, audit: newId('aud', now) })))
  const isMade = `exists (select 1 from users where id = value ->> 'id')`
  return [
    `insert into site (key, value) values ('visit_shards', '${given.visitShards}'),
      ('time_zone', ${text(given.timeZone)}) on conflict do nothing`,
    `insert into users (id, display_name, name_key, email, status, access_revision, visit_shard,
        revision, created_at, updated_at)
      select value ->> 'id', value ->> 'displayName', value ->> 'key', value ->> 'email', 'active', 1,
        ${SHARDS_FROM} + (value ->> 'shard') %
          ((select cast(value as integer) from site where key = 'visit_shards') - ${SHARDS_FROM}),
        1, ${text(at)}, ${text(at)}
      from json_each(${people}) as person
      where not exists (select 1 from identities
          where issuer = person.value ->> 'issuer' and subject = person.value ->> 'subject')
        and not exists (select 1 from erased_identities
          where identity_hash = person.value ->> 'hash' and erased_at >= 0)`,
    `insert into identities (issuer, subject, user_id, identity_hash, bootstrapped, created_at)
      select value ->> 'issuer', value ->> 'subject', value ->> 'id', value ->> 'hash',
        exists (select 1 from erased_identities
          where identity_hash = value ->> 'hash' and bootstrapped = 1), ${text(at)}
      from json_each(${names}) where ${isMade}`,
    `insert into audit_log (id, at, actor, action, target, reason, changes)
      select value ->> 'audit', ${text(at)}, 'system:operator', 'user.create', value ->> 'id',
        'npm run import', '{}' from json_each(${entries}) where ${isMade}`,
  ]
}

function json(rows: readonly object[]): string {
  return text(JSON.stringify(rows))
}
