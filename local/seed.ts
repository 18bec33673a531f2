/**
 * `npm run seed`: fills a local site with members, badges, rules and weeks of visits, as a site looks
 * that people use. The same seed gives the same site, counted back from today.
 */
import { parseArgs } from 'node:util'
import * as z from 'zod'
import { SettingsError } from '../src/settings/settings.ts'
import { siteDay } from '../src/calendar/site-day.ts'
import { DEV_ROOT, sign } from './dev-issuer.ts'
import { EXAMPLE_DELIVERY, EXAMPLE_WEBHOOK, exampleThings } from './example-things.ts'
import { Refusal } from './refusal.ts'
import { BADGES, PAGE_RULES, personOf, random, visitsOf } from './seed-data.ts'
import { localSettings } from './settings.ts'
import { type Site, startSite } from './site.ts'
import { openStateDir } from './state.ts'

const USAGE = `usage: npm run seed -- [--members N] [--weeks N] [--seed N]

  --members   how many members, 1 to 5000; 120 unless given
  --weeks     how many weeks of visits, 1 to 52; 8 unless given
  --seed      a number; the same one gives the same site; 1 unless given`

const count = (max: number) => z.coerce.number().int().min(1).max(max)
const Arguments = z.strictObject({
  members: count(5000).default(120),
  weeks: count(52).default(8),
  seed: z.coerce.number().int().default(1),
})
type Arguments = z.infer<typeof Arguments>

const AT_ONCE = 8

interface Member {
  readonly id: string
  readonly visitShard: number
}

/** The part of a visit object that seeding uses; the runtime's proxy has no types of its own. */
interface SenderObject {
  ping(id: string, eventId: string, at: string): Promise<void>
}

interface VisitObject {
  record(member: string, at: number, day: string): Promise<{ counted?: boolean }>
}

function readArguments(): Arguments | undefined {
  try {
    const options = {
      members: { type: 'string' },
      weeks: { type: 'string' },
      seed: { type: 'string' },
    } as const
    return Arguments.safeParse(parseArgs({ options }).values).data
  } catch {
    return undefined
  }
}

async function fill(site: Site, stateDir: string, given: Arguments, zone: string): Promise<void> {
  const draw = random(given.seed)
  const root = await sign(stateDir, DEV_ROOT, {}, 3600)
  const existing = await call(site, root, 'GET', '/v1/badges')
  if (existing.items.length > 0)
    throw new Refusal('this site has badges already: seed an empty one, with another STATE_DIR')

  const badgeIds = new Map<string, string>()
  for (const { rule, ...badge } of BADGES) {
    const { id } = await call(site, root, 'POST', '/v1/badges', badge)
    badgeIds.set(badge.title, id)
    if (rule) await call(site, root, 'POST', '/v1/badge-rules', { badgeId: id, ...rule })
  }
  for (const { access, ...rule } of PAGE_RULES) {
    const named =
      typeof access === 'object' && 'badgeOf' in access
        ? { badge: badgeIds.get(access.badgeOf) }
        : access
    await call(site, root, 'POST', '/v1/page-rules', { ...rule, access: named })
  }
  const people = Array.from({ length: given.members }, (_, index) => personOf(draw, index))
  const members = await eachOf('members', people, (person) => join(site, stateDir, person))
  const visits = members.flatMap((member) =>
    visitsOf(draw, given.weeks, Date.now()).map((at) => ({ member, at })),
  )
  // Visits are sorted by member and then by time, which is the order in which they would have come.
  const counted = await eachOf('visits', byMember(visits), async (own) =>
    recordAll(site, own, zone),
  )
  const { userId } = await call(site, root, 'GET', '/v1/whoami')
  for (const { sql, values } of exampleThings(userId, new Date().toISOString()))
    await site.db
      .prepare(sql)
      .bind(...values)
      .run()
  await examplePing(site)
  if ((await site.tick()) !== 'ok')
    throw new Refusal('the tick that awards the badges failed; see above')
  const total = counted.reduce((sum, each) => sum + each, 0)
  console.log(
    `${members.length} members, ${BADGES.length} badges, ${PAGE_RULES.length} page rules, ${total} visits in ${given.weeks} weeks.`,
  )
}

async function join(
  site: Site,
  stateDir: string,
  person: ReturnType<typeof personOf>,
): Promise<Member> {
  const { subject, name, profile } = person
  const claims = { name, email: `${subject}@example.com`, email_verified: true }
  const token = await sign(stateDir, subject, claims, 600)
  const { id } = await call(site, token, 'PATCH', '/v1/me', profile)
  const row = await site.db.prepare('select visit_shard from users where id = ?').bind(id).first()
  return { id, visitShard: Number(row?.['visit_shard']) }
}

async function recordAll(
  site: Site,
  visits: readonly { member: Member; at: number }[],
  zone: string,
) {
  const namespace = await site.objects('VISITS')
  let counted = 0
  for (const { member, at } of visits) {
    const shard = namespace.getByName(`visits-${member.visitShard}`) as unknown as VisitObject
    const recorded = await shard.record(member.id, at, siteDay(at, zone))
    if (recorded.counted) counted += 1
  }
  return counted
}

function byMember<T extends { member: Member }>(visits: readonly T[]): T[][] {
  return [...Map.groupBy(visits, ({ member }) => member.id).values()]
}

/** Several at a time, with a bar on stderr where somebody watches. */
async function eachOf<T, R>(
  what: string,
  all: readonly T[],
  work: (each: T) => Promise<R>,
): Promise<R[]> {
  const results: R[] = []
  const queue = all.entries()
  const worker = async () => {
    for (const [index, each] of queue) {
      results[index] = await work(each)
      progress(what, Object.keys(results).length, all.length)
    }
  }
  await Promise.all(Array.from({ length: AT_ONCE }, worker))
  return results
}

function progress(what: string, done: number, all: number): void {
  if (!process.stderr.isTTY) return
  const filled = Math.round((done / all) * 30)
  process.stderr.write(
    `\r${what.padEnd(8)} ${'█'.repeat(filled).padEnd(30, '░')} ${done}/${all}${done === all ? '\n' : ''}`,
  )
}

/** JSON in, JSON out. @throws Refusal with what the site answered */
async function call(site: Site, token: string, method: string, path: string, json?: unknown) {
  const response = await fetch(`${site.url}${path}`, {
    method,
    headers: { Authorization: `Bearer ${token}`, 'Content-Type': 'application/json' },
    ...(json !== undefined && { body: JSON.stringify(json) }),
  })
  const answer = await response.text()
  if (!response.ok) throw new Refusal(`${method} ${path} answered ${response.status}: ${answer}`)
  return JSON.parse(answer)
}

const given = readArguments()
if (!given) {
  console.error(USAGE)
  process.exit(2)
}

let site: Site | undefined
try {
  const stateDir = openStateDir(process.env['STATE_DIR'] || '.guildhall')
  const settings = await localSettings(stateDir)
  site = await startSite({ stateDir, settings })
  await fill(site, stateDir, given, settings['SITE_TIME_ZONE'] || 'UTC')
} catch (error) {
  const plain = error instanceof Refusal || error instanceof SettingsError
  console.error('Not seeded:', plain ? error.message : error)
  process.exitCode = 1
} finally {
  await site?.stop()
}

/** The webhook of the examples has a delivery; it is disabled, so nothing is sent. */
async function examplePing(site: Site): Promise<void> {
  const namespace = await site.objects('WEBHOOKS')
  const sender = namespace.getByName(EXAMPLE_WEBHOOK) as unknown as SenderObject
  await sender.ping(EXAMPLE_WEBHOOK, EXAMPLE_DELIVERY, new Date().toISOString())
}
