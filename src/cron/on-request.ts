/**
 * The trigger. Before the jobs it carries out what the operator asks for by a row in the database, which
 * takes write access to it: nothing that is deployed can make one, and no route leads here.
 */
import { openSession } from '../db/client.ts'
import { databaseInTime } from '../db/in-time.ts'
import type { Bindings } from '../env.ts'
import { objectsInTime } from '../objects/in-time.ts'
import { assertReady } from '../readiness.ts'
import {
  type OperatorRequest,
  operatorRequestsRepository,
  type Report,
} from '../repositories/operator-requests.ts'
import { shareSettings } from '../settings/settings.ts'
import { backUp } from './backup.ts'
import { failureOf } from './job.ts'
import { putObjectsBack } from './put-back.ts'
import { reconcile } from './reconcile.ts'
import { restore } from './restore.ts'
import { tick, TRIGGER } from './schedule.ts'

/** A tick that has taken a request is over by then. */
const CLAIM_MS = 15 * 60_000
const TIME_LIMIT_MS = 3 * 60_000
const CALL_LIMIT_MS = 5_000
/** Statements and calls of objects, out of those that a trigger may make. */
const CALLS = 500

/**
 * @param now when the tick was due; milliseconds since the epoch
 * @param calls what a request may use in one tick
 * @throws as `tick` does, and last for a request
 */
export async function onTrigger(
  cron: string,
  env: Bindings,
  now: number,
  calls = CALLS,
): Promise<void> {
  // Storage that is another site's, or not as this code needs it, has nothing to ask for.
  await assertReady(env)
  const outcome = cron === TRIGGER ? await carryOut(env, now, calls) : NOTHING
  const { spent, failure, isRestoring = false } = outcome
  // No job could do anything with objects that hold, and each would stand on the ledger as failed.
  if (!isRestoring) await tick(cron, env, now, Date.now, spent)
  if (failure !== undefined) throw new Error(`what the operator asks for waits: ${failure}`)
}

/** What carrying it out has come to. */
interface Outcome {
  /** The calls it took. */
  readonly spent: number
  /** Why it is not over with, where something went wrong. */
  readonly failure?: string
  /** Whether the site has not got both of its stores back yet. */
  readonly isRestoring?: boolean
}
const NOTHING: Outcome = { spent: 0 }

/** Goes on with the oldest request. */
async function carryOut(env: Bindings, now: number, calls: number): Promise<Outcome> {
  const limited = {
    ...env,
    DB: databaseInTime(env.DB, CALL_LIMIT_MS),
    VISITS: objectsInTime(env.VISITS, CALL_LIMIT_MS),
    KEYS: objectsInTime(env.KEYS, CALL_LIMIT_MS),
    WEBHOOKS: objectsInTime(env.WEBHOOKS, CALL_LIMIT_MS),
  }
  shareSettings(env, limited)
  const requests = operatorRequestsRepository(openSession(limited.DB, 'primary').db)
  const at = new Date(now).toISOString()
  const until = new Date(now + CLAIM_MS).toISOString()
  let request: OperatorRequest | undefined
  let left = calls
  try {
    request = await requests.claim(at, until)
    if (!request) return { spent: 1 }
    const { id } = request
    const ends = Date.now() + TIME_LIMIT_MS
    const affords = (some: number) => {
      if (left < some || Date.now() > ends) return false
      left -= some
      return true
    }
    const note = requests.note.bind(requests, id)
    const { isDone, report } = await carriedOut(limited, request, { now, affords, note })
    const status = report.failures.length > 0 ? 'failed' : 'succeeded'
    if (isDone) await requests.finish(id, { status, report, finishedAt: new Date().toISOString() })
    else await requests.release(id)
    return { spent: calls - left, isRestoring: restores(request, isDone, status) }
  } catch (error) {
    const failure = failureOf(error)
    if (request) await requests.release(request.id, failure).catch(() => undefined)
    return { spent: calls - left, failure }
  }
}

function restores(
  { kind, progress }: OperatorRequest,
  isDone: boolean,
  status: 'failed' | 'succeeded',
): boolean {
  if (kind === 'restore') return status === 'succeeded'
  return kind === 'reconcile' && progress['isRestored'] === true && !isDone
}

interface Means {
  readonly now: number
  readonly affords: (calls: number) => boolean
  readonly note: (progress: Report, report: Report) => Promise<void>
}

type CarriedOut = {
  readonly isDone: boolean
  readonly report: Report & { readonly failures: readonly string[] }
}

async function carriedOut(
  env: Bindings,
  request: OperatorRequest,
  { now, affords, note }: Means,
): Promise<CarriedOut> {
  switch (request.kind) {
    case 'reconcile':
      return reconcile(env, request, now, affords, note)
    case 'backup':
      return backUp(env, request, affords, note)
    case 'restore':
      return restore(env, request, affords, note)
    case 'put-back':
      // It counts no calls, so the jobs of this tick wait.
      affords(CALLS)
      return { isDone: true, report: await putObjectsBack(env, request) }
    default:
      return { isDone: true, report: { failures: [`nothing here is called ${request.kind}`] } }
  }
}
