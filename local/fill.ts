/**
 * Fills a site with members, badges, rules, weeks of visits and bookings, as a site looks that people
 * use. The first member, slot and booking are made by the API, and the others are copies of their rows: a
 * thousand in a statement, so that a million take minutes. A site that was filled before gets more members,
 * and no more bookings: whatever has its slots would have to be looked at.
 */
import * as z from 'zod'
import { exampleId } from '../src/api/schemas.ts'
import { dayNumber, siteDay } from '../src/calendar/site-day.ts'
import { newId } from '../src/db/ids.ts'
import { nameKey } from '../src/repositories/users.ts'
import { identityHashOf } from '../src/security/callers/identity-hash.ts'
import { DEV_ISSUER, DEV_ROOT, sign } from './dev-issuer.ts'
import { EXAMPLE_DELIVERY, EXAMPLE_WEBHOOK, exampleThings } from './example-things.ts'
import { Refusal } from './refusal.ts'
import { BADGES, PAGE_RULES, peopleOf, type Person, random, SERVICES } from './seed-data.ts'
import type { Site } from './site.ts'

const count = (most: number) => z.coerce.number().int().min(1).max(most)

/** How many members are added, and how many weeks they have come for. */
export const Filling = z.strictObject({
  members: count(2_000_000).default(120),
  weeks: count(52).default(8),
  seed: z.coerce.number().int().default(1),
})
export type Filling = z.infer<typeof Filling>

export const Filled = z.object({
  members: z.number(),
  visits: z.number(),
  slots: z.number(),
  bookings: z.number(),
})
export type Filled = z.infer<typeof Filled>

/** Told as the work goes on: what is being made, how much of it there is, and of how much. */
export type Progress = (what: string, done: number, all: number) => void

/** A copy's own columns, the id among them; what is not named is as in the row that is copied. */
type Copy = Readonly<Record<string, string | number | null>>

interface DayOfVisits {
  readonly member: string
  readonly day: number
  readonly visits: number
  readonly last_at: number
}

/** Rows of one statement; an object takes as many members' days at a time. */
const PAGE = 1000
const PAGES_AT_ONCE = 2
const QUARTER_MS = 15 * 60 * 1000
const DAY_MS = 96 * QUARTER_MS
/** Slots are offered for so many weeks to come. */
const WEEKS_AHEAD = 2
const ONE_IN = 4

/** @throws Refusal with what the site answered */
export async function fill(
  site: Site,
  stateDir: string,
  zone: string,
  given: Filling,
  progress: Progress,
): Promise<Filled> {
  const root = await sign(stateDir, DEV_ROOT, {}, 3600)
  const call = (method: string, path: string, json?: object) => ask(site, root, method, path, json)
  const { userId } = await call('GET', '/v1/whoami')
  await things(call)
  await examples(site, userId)

  const first = await model(site, stateDir)
  const before = await countOf(site)
  const now = Date.now()
  const copied = copier(site)
  const people = peopleOf({
    count: given.members,
    weeks: given.weeks,
    seed: given.seed + before,
    now,
  })
  const { record, measureAnew } = recorder(site, zone)
  const members: string[] = []
  const page = async (named: readonly Named[]): Promise<number> => {
    const joined = await join(site, { ...first, copied }, named)
    members.push(...joined.map(({ id }) => id))
    const visits = await record(joined)
    progress('members', members.length, given.members)
    return visits
  }
  // While some pages are written, the people of the next are made up.
  const written: Promise<number>[] = []
  let visits = 0
  let nth = before
  for (const some of pagesOf(people)) {
    const next = page(some.map((person) => ({ ...person, subject: subjectOf(nth++) })))
    // It is waited for later, and must not be nobody's until then.
    next.catch(() => {})
    written.push(next)
    if (written.length > PAGES_AT_ONCE) visits += (await written.shift()) ?? 0
  }
  for (const each of written) visits += await each
  await measureAnew()
  const booked = await bookings(site, call, members, { ...given, copied, now, progress })
  if ((await site.tick()) !== 'ok')
    throw new Refusal('the tick that awards the badges failed; see above')
  return { members: members.length, visits, ...booked }
}

type Call = (method: string, path: string, json?: object) => ReturnType<typeof ask>

/** Badges with their rules, and page rules; those that are there already, from an earlier time, are left. */
async function things(call: Call): Promise<void> {
  const { items } = await call('GET', '/v1/badges?limit=100')
  const badgeIds = new Map<string, string>(
    items.map(({ id, title }: { id: string; title: string }) => [title, id]),
  )
  const rules = await call('GET', '/v1/badge-rules?limit=100')
  const ruled = new Set(rules.items.map(({ badgeId }: { badgeId: string }) => badgeId))
  for (const { rule, ...badge } of BADGES) {
    const id = badgeIds.get(badge.title) ?? (await call('POST', '/v1/badges', badge)).id
    badgeIds.set(badge.title, id)
    if (rule && !ruled.has(id)) await call('POST', '/v1/badge-rules', { badgeId: id, ...rule })
  }
  const paths = await call('GET', '/v1/page-rules?limit=100')
  const known = new Set(paths.items.map(({ path }: { path: string }) => path))
  for (const { access, ...rule } of PAGE_RULES) {
    if (known.has(rule.path)) continue
    const named =
      typeof access === 'object' && 'badgeOf' in access
        ? { badge: badgeIds.get(access.badgeOf) }
        : access
    await call('POST', '/v1/page-rules', { ...rule, access: named })
  }
}

/** What the examples of the document are about. The webhook has a delivery; it is disabled, so nothing is sent. */
async function examples(site: Site, root: string): Promise<void> {
  const found = site.db.prepare('select 1 from webhooks where id = ?').bind(EXAMPLE_WEBHOOK)
  if (await found.first()) return
  for (const { sql, values } of exampleThings(root, new Date().toISOString()))
    await site.db
      .prepare(sql)
      .bind(...values)
      .run()
  // Nobody waits for a mail about the booking of the examples, which would hold a secret.
  await site.db
    .prepare('delete from booking_notices where booking_id = ?')
    .bind(exampleId('bkg'))
    .run()
  const at = new Date().toISOString()
  await site.call('WEBHOOKS', EXAMPLE_WEBHOOK, 'ping', EXAMPLE_WEBHOOK, EXAMPLE_DELIVERY, at)
}

const MODEL = 'member-of-whom-the-others-are-copies'

interface Model {
  readonly userId: string
  readonly auditId: string
  readonly shards: number
}

/** The member whose rows are copied: as the API makes one by their first request. */
async function model(site: Site, stateDir: string): Promise<Model> {
  const claims = { name: 'Robin Model', email: 'model@example.com', email_verified: true }
  const token = await sign(stateDir, MODEL, claims, 600)
  const { id } = await ask(site, token, 'GET', '/v1/me')
  const row = await site.db
    .prepare(
      `select id as auditId, (select cast(value as integer) from site where key = 'visit_shards') as shards
       from audit_log where target = ? order by id limit 1`,
    )
    .bind(id)
    .first<{ auditId: string; shards: number }>()
  if (!row) throw new Refusal('the log has no row of the first member')
  return { userId: String(id), ...row }
}

async function countOf(site: Site): Promise<number> {
  const counted = await site.db
    .prepare(
      `select count(*) as n from identities where issuer = ? and subject glob 'member-[0-9]*'`,
    )
    .bind(DEV_ISSUER)
    .first<number>('n')
  return counted ?? 0
}

function* pagesOf<T>(all: Iterable<T>): Generator<T[]> {
  let page: T[] = []
  for (const each of all) {
    page.push(each)
    if (page.length < PAGE) continue
    yield page
    page = []
  }
  if (page.length > 0) yield page
}

/** Whom their provider knows by that name. */
type Named = Person & { readonly subject: string }

function subjectOf(nth: number): string {
  return `member-${String(nth + 1).padStart(4, '0')}`
}

interface Joined {
  readonly id: string
  readonly shard: number
  readonly visits: readonly number[]
}

/** In one transaction, as members come. */
async function join(
  { db }: Site,
  { userId, auditId, shards, copied }: Model & { copied: Copied },
  people: readonly Named[],
): Promise<Joined[]> {
  const rows = await Promise.all(
    people.map(async (person) => {
      const { identityHash, shardHash } = await identityHashOf(DEV_ISSUER, person.subject)
      const id = newId('usr', person.joinedAt)
      return { ...person, id, shard: shardHash % shards, identityHash }
    }),
  )
  await db.batch([
    await copied(
      'users',
      'id',
      userId,
      rows.map(({ id, subject, name, bio, address, shard, joinedAt }) => ({
        id,
        display_name: name,
        name_key: nameKey(name),
        email: `${subject}@example.com`,
        bio,
        address: address && JSON.stringify(address),
        visit_shard: shard,
        created_at: new Date(joinedAt).toISOString(),
        updated_at: new Date(joinedAt).toISOString(),
      })),
    ),
    await copied(
      'identities',
      'user_id',
      userId,
      rows.map(({ id, subject, identityHash, joinedAt }) => ({
        user_id: id,
        subject,
        identity_hash: identityHash,
        created_at: new Date(joinedAt).toISOString(),
        told_at: joinedAt,
      })),
    ),
    await copied(
      'audit_log',
      'id',
      auditId,
      rows.map(({ id, joinedAt }) => ({
        id: newId('aud', joinedAt),
        at: new Date(joinedAt).toISOString(),
        actor: id,
        target: id,
      })),
    ),
  ])
  return rows.map(({ id, shard, visits }) => ({ id, shard, visits }))
}

/** Makes a statement that copies the row whose `key` is `of`, once for each of `all`. */
type Copied = (
  table: string,
  key: string,
  of: string,
  all: readonly Copy[],
) => Promise<ReturnType<Site['db']['prepare']>>

/** Asks for the columns of a table once only, for that takes as long as to copy a thousand rows. */
function copier({ db }: Site): Copied {
  const columns = new Map<string, Promise<string[]>>()
  const namesOf = async (table: string) => {
    const { results } = await db
      .prepare('select name from pragma_table_info(?)')
      .bind(table)
      .all<{ name: string }>()
    return results.map(({ name }) => name)
  }
  return async (table, key, of, all) => {
    const known = columns.get(table) ?? namesOf(table)
    columns.set(table, known)
    const names = await known
    const own = new Set(Object.keys(all[0] ?? {}))
    const values = names.map((name) =>
      own.has(name) ? `json_extract(value, '$.${name}')` : `m.${name}`,
    )
    return db
      .prepare(
        `insert into ${table} (${names.join(', ')})
         select ${values.join(', ')} from json_each(?1), ${table} m where m.${key} = ?2`,
      )
      .bind(JSON.stringify(all), of)
  }
}

/** What writes the visits of some members down and says how many there were, and what has them measured. */
function recorder(site: Site, zone: string) {
  const filled = new Set<number>()
  const dayOf = dayIn(zone)
  const record = async (members: readonly Joined[]): Promise<number> => {
    const byShard = Map.groupBy(members, ({ shard }) => shard)
    const counts = [...byShard].map(async ([shard, here]) => {
      const days = here.flatMap(({ id, visits }) => daysOf(id, visits, dayOf))
      filled.add(shard)
      await site.call('VISITS', `visits-${shard}`, 'fill', JSON.stringify(days))
      return days.reduce((sum, { visits }) => sum + visits, 0)
    })
    return (await Promise.all(counts)).reduce((sum, each) => sum + each, 0)
  }
  const measureAnew = async () => {
    for (const shard of filled) await site.call('VISITS', `visits-${shard}`, 'measureAnew')
  }
  return { record, measureAnew }
}

/** Days begin at quarters of an hour everywhere, so each of those is asked for once. */
function dayIn(zone: string): (at: number) => number {
  const known = new Map<number, number>()
  return (at) => {
    const quarter = Math.floor(at / QUARTER_MS)
    const day = known.get(quarter) ?? dayNumber(siteDay(quarter * QUARTER_MS, zone))
    known.set(quarter, day)
    return day
  }
}

function daysOf(
  member: string,
  visits: readonly number[],
  dayOf: (at: number) => number,
): DayOfVisits[] {
  return [...Map.groupBy(visits, dayOf)].map(([day, times]) => ({
    member,
    day,
    visits: times.length,
    last_at: Math.max(...times),
  }))
}

interface Schedule extends Filling {
  readonly copied: Copied
  /** Milliseconds since the epoch. */
  readonly now: number
  readonly progress: Progress
}

/** Every fourth member has booked, in the weeks that were and in those to come. */
async function bookings(
  site: Site,
  call: Call,
  members: readonly string[],
  { weeks, seed, copied, now, progress }: Schedule,
): Promise<Pick<Filled, 'slots' | 'bookings'>> {
  const draw = random(seed)
  const bookers = members.filter((_, index) => index % ONE_IN === 0)
  const days = (weeks + WEEKS_AHEAD) * 7
  const capacity = Math.max(8, Math.ceil((2 * bookers.length) / (days * SERVICES.length)))
  const made = { slots: 0, bookings: 0 }
  for (const [nth, service] of SERVICES.entries()) {
    const slots = await slotsOf(site, call, service, { days, capacity, copied, now })
    if (!slots) continue
    made.slots += slots.copies.length
    const here = bookers.filter((_, index) => index % SERVICES.length === nth)
    for (let from = 0; from < here.length; from += PAGE) {
      const copies = here.slice(from, from + PAGE).flatMap((owner, index): Copy[] => {
        const slot = slots.copies[(from + index) % slots.copies.length]
        if (!slot) return []
        const starts = Date.parse(String(slot['starts_at']))
        const created = Math.min(now, starts - DAY_MS)
        const at = new Date(created).toISOString()
        return [
          {
            id: newId('bkg', created),
            slot_id: slot['id'] ?? null,
            starts_at: slot['starts_at'] ?? null,
            ends_at: slot['ends_at'] ?? null,
            owner,
            booked_by: owner,
            status: starts < now || draw() < 0.7 ? 'confirmed' : 'pending',
            note: draw() < 0.1 ? 'By the window, please.' : null,
            created_at: at,
            updated_at: at,
          },
        ]
      })
      await site.db.batch([
        await copied('bookings', 'id', slots.booking, copies),
        // Nobody waits for a mail about these.
        site.db
          .prepare(
            `delete from booking_notices where booking_id in
               (select json_extract(value, '$.id') from json_each(?))`,
          )
          .bind(JSON.stringify(copies)),
      ])
      made.bookings += copies.length
      progress('bookings', made.bookings, bookers.length)
    }
    await call('POST', `/v1/bookings/${slots.booking}/cancel`, { reason: 'Made to be copied.' })
  }
  return made
}

interface Offer {
  readonly days: number
  readonly capacity: number
  readonly copied: Copied
  readonly now: number
}

/**
 * A slot a day of a service that has none yet: one that is new, or whose making was cut short.
 * @returns the copies, and the booking that others are copies of
 */
async function slotsOf(
  { db }: Site,
  call: Call,
  service: (typeof SERVICES)[number],
  { days, capacity, copied, now }: Offer,
) {
  const { items } = await call('GET', '/v1/services?limit=100')
  const { hour: startsAt, ...offered } = service
  const known: { id: string } | undefined = items.find(
    ({ name }: { name: string }) => name === offered.name,
  )
  // Its days come in one transaction; before them there is the slot that they are copies of.
  const slots = known ? await slotCount(db, known.id) : 0
  if (slots >= WEEKS_AHEAD * 7) return undefined
  const serviceId: string = (known ?? (await call('POST', '/v1/services', offered))).id
  const today = Math.floor(now / DAY_MS) * DAY_MS
  const hour = 3_600_000
  const at = (day: number) => ({
    starts_at: new Date(today + day * DAY_MS + startsAt * hour).toISOString(),
    ends_at: new Date(today + day * DAY_MS + (startsAt + 1) * hour).toISOString(),
  })
  const far = at(days * 2 + slots)
  const slot = await call('POST', `/v1/services/${serviceId}/slots`, {
    startsAt: far.starts_at,
    endsAt: far.ends_at,
    capacity,
  })
  const booking = await call('POST', '/v1/bookings', { slotId: slot.id })
  const copies = Array.from({ length: days }, (_, index): Copy => {
    const day = index + 1 - (days - WEEKS_AHEAD * 7)
    return { id: newId('slt', now), ...at(day) }
  })
  await db.batch([await copied('slots', 'id', slot.id, copies)])
  return { copies, booking: String(booking.id) }
}

async function slotCount(db: Site['db'], service: string): Promise<number> {
  const counted = db.prepare('select count(*) as n from slots where service_id = ?').bind(service)
  return (await counted.first<number>('n')) ?? 0
}

/** JSON in, JSON out. @throws Refusal with what the site answered */
async function ask(site: Site, token: string, method: string, path: string, json?: object) {
  const response = await fetch(`${site.url}${path}`, {
    method,
    headers: { Authorization: `Bearer ${token}`, 'Content-Type': 'application/json' },
    ...(json && { body: JSON.stringify(json) }),
  })
  const answer = await response.text()
  if (!response.ok) throw new Refusal(`${method} ${path} answered ${response.status}: ${answer}`)
  return JSON.parse(answer)
}
