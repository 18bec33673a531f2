/**
 * Whether the storage is what this code can work with, and whether the site is well. The first request of an
 * isolate looks before it does anything; after that nobody waits for it.
 */
import { openSession } from './db/client.ts'
import { databaseInTime, inTime } from './db/in-time.ts'
import type { Bindings } from './env.ts'
import { describeError, log } from './log.ts'
import { shardProbe } from './objects/visits.ts'
import { Problem } from './problem.ts'
import { type DatabaseState, siteStateRepository } from './repositories/site-state.ts'
import { type Settings, settingsOf } from './settings/settings.ts'

/** What `/healthz` says is wrong, in the order in which it is looked for. */
export const FAULTS = ['database', 'schema', 'objects', 'schedule'] as const
export type Fault = (typeof FAULTS)[number]

/** Storage that this code cannot work with; the message says why, for the log. */
export class NotReady extends Error {
  override readonly name = 'NotReady'
  readonly fault: Fault

  constructor(fault: Fault, message: string) {
    super(message)
    this.fault = fault
  }
}

const CALL_LIMIT_MS = 3_000
/** How long a database that does not fit is not looked at again. */
const UNREADY_FOR_MS = 5_000
/** When the state is looked at anew. With the time that this takes it is never older than ten seconds. */
const FRESH_MS = 5_000
const POLL_MS = 20
/** A tick is due every five minutes; two of them may be missed. */
export const TICKS_STOPPED_MS = 15 * 60_000
/** Of a site with more, those that are next in turn. */
const SHARDS_AT_ONCE = 16

interface Known {
  isReady: boolean
  /** What does not fit, or undefined if the database did not answer; it is not looked at again before. */
  unready: { readonly fault: NotReady | undefined; readonly until: number } | undefined
  /** The state of the site as it was at that time. Milliseconds since the epoch. */
  health: { readonly fault: Fault | undefined; readonly at: number } | undefined
  /** When somebody began to look. */
  lookingSince: number | undefined
  nextShard: number
}

const known = new WeakMap<D1Database, Known>()

function knownOf({ DB }: Bindings): Known {
  const found = known.get(DB)
  if (found) return found
  const made: Known = {
    isReady: false,
    unready: undefined,
    health: undefined,
    lookingSince: undefined,
    nextShard: 0,
  }
  known.set(DB, made)
  return made
}

/** Whether this isolate has seen that the storage fits; then there is nothing to wait for. */
export function isReady(env: Bindings): boolean {
  return known.get(env.DB)?.isReady === true
}

/**
 * Looks, and says whose database it is if nobody has said so. A database that does not answer is left to
 * whoever needs it.
 * @throws NotReady
 */
export async function assertReady(env: Bindings): Promise<void> {
  const memory = knownOf(env)
  if (memory.isReady) return
  const { unready } = memory
  if (!unready || Date.now() >= unready.until) await lookOnce(env, memory)
  if (memory.unready?.fault) throw memory.unready.fault
}

async function lookOnce(env: Bindings, memory: Known): Promise<void> {
  const state = await stateOf(env).catch(() => undefined)
  const fault = state && misfit(state, settingsOf(env).environment)
  const isSeen = state !== undefined && !fault
  memory.unready = isSeen ? undefined : { fault, until: Date.now() + UNREADY_FOR_MS }
  if (!isSeen) return
  if (state.environment === null) {
    // The next isolate tries again, and meanwhile the storage is as good.
    await claim(env).catch((error: unknown) =>
      log('warn', 'environment not written', describeError(error)),
    )
  }
  if (state.shards > 0 && state.timeZone === null) await noteTimeZone(env)
  for (const { name, given, stored } of differencesIn(state, settingsOf(env))) {
    const reason = `it is ${given}, and the site was made with ${stored}: docs/operations.md`
    log(name === 'SITE_TIME_ZONE' ? 'error' : 'warn', 'setting differs', { name, reason })
  }
  memory.isReady = true
}

/** A site that had members before this was noted. The next isolate tries again. */
async function noteTimeZone(env: Bindings): Promise<void> {
  await repositoryOf(env)
    .noteTimeZone(settingsOf(env).siteTimeZone)
    .catch((error: unknown) => log('warn', 'time zone not written', describeError(error)))
}

/** Settings that are not what the site was made with. The number of shards that is stored is in force. */
function differencesIn(
  { shards, timeZone }: DatabaseState,
  { visitShards, siteTimeZone }: Settings,
) {
  const facts = [
    {
      name: 'VISIT_SHARDS',
      given: String(visitShards),
      stored: shards > 0 ? String(shards) : null,
    },
    { name: 'SITE_TIME_ZONE', given: siteTimeZone, stored: timeZone },
  ] as const
  return facts.flatMap(({ name, given, stored }) =>
    stored === null || stored === given ? [] : [{ name, given, stored }],
  )
}

/** Days of visits would be counted in another time zone from here on. */
function countsOtherwise(state: DatabaseState, settings: Settings): boolean {
  return differencesIn(state, settings).some(({ name }) => name === 'SITE_TIME_ZONE')
}

/** What callers are told while the storage does not fit. */
export function notReady(cause: NotReady): Problem {
  const detail = 'The site is being upgraded, or its storage is not its own. Its log says which.'
  return new Problem('unavailable', detail, { retryAfter: 30, cause })
}

function repositoryOf(env: Bindings) {
  const { db } = openSession(databaseInTime(env.DB, CALL_LIMIT_MS), 'primary')
  return siteStateRepository(db)
}

async function stateOf(env: Bindings): Promise<DatabaseState> {
  return repositoryOf(env).read()
}

async function claim(env: Bindings): Promise<void> {
  await repositoryOf(env).claim(settingsOf(env).environment, new Date().toISOString())
}

function misfit({ gaps, environment }: DatabaseState, own: string): NotReady | undefined {
  if (gaps.length > 0)
    return new NotReady(
      'schema',
      `the database is older than this code; it lacks ${gaps.join(', ')}`,
    )
  if (environment === null || environment === own) return undefined
  return new NotReady('database', `the database is that of ${environment}, and this is ${own}`)
}

/** What is wrong with the site, from a state that is ten seconds old at most; undefined if nothing is. */
export async function healthOf(env: Bindings): Promise<Fault | undefined> {
  const memory = knownOf(env)
  while (true) {
    const { health, lookingSince } = memory
    if (health && age(health.at) < FRESH_MS) return health.fault
    // Whoever comes while another looks waits by a timer of their own: its promises end with its request.
    if (lookingSince === undefined || age(lookingSince) > CALL_LIMIT_MS) break
    await new Promise((resolve) => {
      setTimeout(resolve, POLL_MS)
    })
  }
  const at = Date.now()
  memory.lookingSince = at
  const fault = await look(env, memory).catch((): Fault => 'database')
  memory.health = { fault, at }
  memory.lookingSince = undefined
  return fault
}

function age(at: number): number {
  return Math.abs(Date.now() - at)
}

async function look(env: Bindings, memory: Known): Promise<Fault | undefined> {
  const state = await stateOf(env)
  const fault = misfit(state, settingsOf(env).environment)
  if (fault) return fault.fault
  if (countsOtherwise(state, settingsOf(env))) return 'database'
  const count = Math.min(state.shards, SHARDS_AT_ONCE)
  const turn = Array.from({ length: count }, (_, n) => (memory.nextShard + n) % state.shards)
  memory.nextShard += count
  const answers = await Promise.all(turn.map(async (shard) => answersOf(env, shard, state)))
  if (answers.includes(false)) return 'objects'
  return isTicking(state, Date.now()) ? undefined : 'schedule'
}

async function answersOf(
  env: Bindings,
  shard: number,
  { generation }: Pick<DatabaseState, 'generation'>,
): Promise<boolean> {
  try {
    await inTime(CALL_LIMIT_MS, shardProbe(env.VISITS, shard).ping(generation ?? undefined))
    return true
  } catch {
    return false
  }
}

/** A site that has just begun has had no tick. @param now milliseconds since the epoch */
function isTicking({ lastTick, firstStart }: DatabaseState, now: number): boolean {
  const last = Math.max(...[lastTick, firstStart].map((at) => (at === null ? 0 : Date.parse(at))))
  return last === 0 || now - last < TICKS_STOPPED_MS
}

/** Everything there is to know about how the site is, read anew. */
export async function healthInDetail(env: Bindings, now: number) {
  const settings = settingsOf(env)
  const { environment } = settings
  const began = Date.now()
  const state = await stateOf(env)
  const milliseconds = Date.now() - began
  const fault = misfit(state, environment)
  const found = await repositoryOf(env)
    .backlog()
    .catch(() => undefined)
  const shards = await Promise.all(
    Array.from({ length: state.shards }, async (_, shard) => shardState(env, shard, state)),
  )
  const faults = [
    ...(fault ? [fault.fault] : countsOtherwise(state, settings) ? (['database'] as const) : []),
    ...(shards.some(({ answers }) => !answers) ? (['objects'] as const) : []),
    ...(isTicking(state, now) ? [] : (['schedule'] as const)),
  ]
  const differing = differencesIn(state, settings)
  const { lastTick } = state
  const sinceTick = lastTick === null ? undefined : Math.floor((now - Date.parse(lastTick)) / 1000)
  return {
    environment,
    databaseOf: state.environment ?? undefined,
    faults,
    schemaLevel: state.level ?? undefined,
    missing: [...state.gaps],
    ...(differing.length > 0 && {
      differing: differing.map(
        ({ name, given, stored }) => `${name}: ${given}, made with ${stored}`,
      ),
    }),
    database: { milliseconds, bytes: found?.bytes ?? undefined },
    shards,
    lastTickAt: lastTick ?? undefined,
    secondsSinceTick: sinceTick && Math.max(0, sinceTick),
    backlog: { ...found?.waiting, ...crossingsOf(shards) },
  }
}

/** Nothing if one of the shards cannot say. */
function crossingsOf(shards: readonly { readonly crossings: number | undefined }[]) {
  const counts = shards.flatMap(({ crossings }) => crossings ?? [])
  if (counts.length < shards.length) return {}
  return { crossings: counts.reduce((sum, count) => sum + count, 0) }
}

async function shardState(env: Bindings, shard: number, state: DatabaseState) {
  const answers = await answersOf(env, shard, state)
  // An object that still runs the former version cannot say.
  const size = await inTime(CALL_LIMIT_MS, shardProbe(env.VISITS, shard).size()).catch(
    () => undefined,
  )
  return { shard, answers, bytes: size?.bytes, crossings: size?.crossings }
}
