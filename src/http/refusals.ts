/**
 * Refusals of whoever is known are written down, so that a request id leads to the reason: gathered in this
 * isolate, and written after the answer, in one batch for many. All others are only counted in memory, and
 * go along with the next batch.
 */
import { openSession } from '../db/client.ts'
import { databaseInTime } from '../db/in-time.ts'
import type { Bindings } from '../env.ts'
import { describeError, log } from '../log.ts'
import { type RefusalCount, type RefusalRow, refusalsRepository } from '../repositories/refusals.ts'
import { actorRef } from '../security/actor.ts'
import { type Settings, settingsOf } from '../settings/settings.ts'
import type { RequestRecord } from './request-log.ts'

/** From the first refusal to the batch that has it. The platform ends a request's work 30 s after its answer. */
const GATHERED_FOR_MS = 20_000
/** When a batch that was to be written is given up: the request that was to write it was ended. */
const LOST_AFTER_MS = 40_000
const CALL_LIMIT_MS = 5_000
/** Each of one caller, and of all together, in one batch. What is beyond is in the log, and counted. */
const MOST_OF_ONE = 20
const MOST_ROWS = 200
const MOST_COUNTS = 500

interface Gathered {
  rows: RefusalRow[]
  counts: Map<string, RefusalCount>
  /** Milliseconds since the epoch; undefined if nobody is to write. */
  begunAt: number | undefined
}

const gatheredBy = new WeakMap<Settings, Gathered>()

interface Refused {
  readonly requestId: string
  readonly method: string
  readonly status: number
  /** Milliseconds since the epoch. */
  readonly now: number
}

/** @returns what the platform has to wait for; undefined if that is nothing */
export function gatherRefusal(
  record: RequestRecord,
  { requestId, method, status, now }: Refused,
  env: Bindings,
): Promise<void> | undefined {
  const { problem, actor, keyId, route } = record
  if (status !== 401 && status !== 403 && status !== 429) return undefined
  if (!problem || !settingsOf(env).keepsRefusals) return undefined
  const gathered = gatheredIn(settingsOf(env))
  const { code, extras } = problem
  const { stage = null, required = null, reach = null } = extras
  const at = new Date(now).toISOString()
  count(gathered, { keyId: keyId ?? '', day: at.slice(0, 10), code, stage: stage ?? '', count: 1 })
  const isKnown = actor?.kind === 'member' || actor?.kind === 'partner'
  const caller = isKnown ? actorRef(actor) : keyId
  if (caller === undefined || route === undefined) return undefined
  const ofOne = gathered.rows.filter((row) => row.caller === caller).length
  if (ofOne < MOST_OF_ONE && gathered.rows.length < MOST_ROWS) {
    const about = { requestId, at, caller, method, route, status }
    gathered.rows.push({ ...about, code, stage, required, reach })
  }
  if (gathered.begunAt !== undefined && now - gathered.begunAt < LOST_AFTER_MS) return undefined
  gathered.begunAt = now
  return writeLater(gathered, env)
}

function gatheredIn(settings: Settings): Gathered {
  const known = gatheredBy.get(settings)
  if (known) return known
  const made = { rows: [], counts: new Map(), begunAt: undefined }
  gatheredBy.set(settings, made)
  return made
}

function count({ counts }: Gathered, one: RefusalCount): void {
  const key = JSON.stringify([one.keyId, one.day, one.code, one.stage])
  const known = counts.get(key)
  if (known) counts.set(key, { ...known, count: known.count + 1 })
  else if (counts.size < MOST_COUNTS) counts.set(key, one)
}

async function writeLater(gathered: Gathered, env: Bindings): Promise<void> {
  await new Promise((resolve) => {
    setTimeout(resolve, GATHERED_FOR_MS)
  })
  const { rows, counts } = gathered
  Object.assign(gathered, { rows: [], counts: new Map(), begunAt: undefined })
  try {
    const { db } = openSession(databaseInTime(env.DB, CALL_LIMIT_MS), 'primary')
    await refusalsRepository(db).write(rows, [...counts.values()])
  } catch (error) {
    // A batch that has failed may have been written all the same, so it is not written again.
    log('warn', 'refusals not written', describeError(error))
  }
}
