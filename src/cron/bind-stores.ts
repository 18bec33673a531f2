/**
 * Tells each visit object which state of the database it works with, and finds out whether either was
 * put back. Then the objects in question do nothing until `npm run reconcile` has made the two fit.
 */
import { randomText } from '../crypto/random.ts'
import type { SystemDeps } from '../deps.ts'
import type { Mark } from '../objects/belonging.ts'
import { failureOf, type JobContext, type JobResult } from './job.ts'

/** The mark, what the shards have confirmed, and that the rest has begun anew. */
const CALLS_TO_BEGIN = 9
/** To tell it, to look for what it knows, and to tell it once more. */
const CALLS_PER_SHARD = 3
/** Shards at a time, so that a tick tells as many as it can, and the next one goes on. */
const WAVE = 16

const MEANING = {
  behind: 'was put back to an earlier state: npm run reconcile',
  'of another generation': 'belongs to another generation: npm run reconcile',
  'unknown here': 'has seen a later state of the database: npm run reconcile',
} as const

/** The mark that a shard is at, or why it is not bound. */
type Found = Mark | keyof typeof MEANING

export async function bindStores({ deps, cursor, affords }: JobContext): Promise<JobResult> {
  const counts = { shards: 0, bound: 0 }
  if (!affords(CALLS_TO_BEGIN)) return { counts, cursor, failures: [] }
  const { stores, now } = deps
  const { next, generation, shards, confirmed } = await stores.mark(new Date(now).toISOString())
  const failures: string[] = []
  for (let first = Number(cursor ?? 0); first < shards; first += WAVE) {
    const wave = Array.from({ length: Math.min(WAVE, shards - first) }, (_, n) => first + n)
    if (!affords(CALLS_PER_SHARD * wave.length)) return { counts, cursor: String(first), failures }
    const found = await Promise.all(
      wave.map(async (shard) => {
        const last = confirmed.find((each) => each.shard === shard)
        const known = last ? { mark: last.mark, token: last.token } : null
        return findOut(shard, { generation, confirmed: known, next }, deps, failures)
      }),
    )
    const bound = found.flatMap((at, n) =>
      typeof at === 'object' ? { shard: first + n, ...at } : [],
    )
    if (bound.length > 0) await stores.confirm(bound)
    counts.shards += wave.length
    counts.bound += bound.length
    // It is the database that was put back, and with it what every other object was told by it.
    if (found.includes('unknown here')) {
      await stores.begin(randomText())
      return { counts, cursor: null, failures }
    }
  }
  return { counts, cursor: null, failures }
}

/** What is so of one shard; undefined if it does not answer. */
async function findOut(
  shard: number,
  told: { readonly generation: string; readonly confirmed: Mark | null; readonly next: Mark },
  { stores, visits }: SystemDeps,
  failures: string[],
): Promise<Found | undefined> {
  try {
    const found = await ask()
    if (typeof found === 'string') failures.push(`shard ${shard} ${MEANING[found]}`)
    return found
  } catch (error) {
    failures.push(`shard ${shard}: ${failureOf(error)}`)
    return undefined
  }

  async function ask(): Promise<Found> {
    const bound = await visits.in(shard).bind(told)
    if (bound.is === 'bound') return bound.at
    if (bound.is !== 'ahead') return bound.is
    // A tick that ended before it could note what the shard has confirmed leaves this behind, too.
    if (!(await stores.has(bound.at))) return 'unknown here'
    const again = await visits.in(shard).bind({ ...told, confirmed: bound.at })
    if (again.is === 'bound') return again.at
    // It has moved on meanwhile, by a tick at the same time; the next one finds it there.
    return again.is === 'ahead' ? again.at : again.is
  }
}
