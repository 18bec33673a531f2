/** Storage that does not answer the jobs: a step that hangs fails its run, and the others go on. */
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { JOBS } from '../../src/cron/job-names.ts'
import { DAY } from '../objects/visit-fixtures.ts'
import { hangingStorage, holdTimers } from '../support/hanging.ts'
import type { StorageCall } from '../support/intercept.ts'
import { badgeWithRule, populate, rowsOf, visit } from '../support/population.ts'
import { testSite } from '../support/site.ts'

const LIMIT_MS = 5_000
const NAMES = Object.keys(JOBS)
/** The call that reads the ledger, without which nobody knows what is due; before it the operator is asked. */
const LEDGER = 2

beforeEach(() => {
  vi.spyOn(console, 'error').mockReturnValue()
})

afterEach(() => void vi.useRealTimers())
afterEach(() => void vi.restoreAllMocks())

interface Ledger {
  readonly job: string
  readonly status: string
  readonly error: string | null
}

/** A tick at `now`, one of whose calls hangs until its end. @returns whether one did, and what the tick threw */
async function tickWith(isIt: (number: number, call: StorageCall) => boolean, now: number) {
  const { storage, hang } = hangingStorage()
  const site = testSite({ ...storage, VISIT_SHARDS: '1' })
  // The first request of an isolate looks at its storage; the tick is to find that done.
  await site.anonymous.get('/v1/badges')
  const { reached, release, callOff } = hang({ isIt })
  holdTimers()
  const failure = site.tick(now).then(
    () => undefined,
    (error: Error) => error,
  )
  const hasHung = await Promise.race([reached.then(() => true), failure.then(() => false)])
  if (hasHung) await vi.advanceTimersByTimeAsync(LIMIT_MS)
  const error = await failure
  callOff()
  vi.useRealTimers()
  if (hasHung) await release()
  return { hasHung, error }
}

const ledger = (now: number) =>
  rowsOf<Ledger>(
    'select job, status, error from job_runs where requested_at = ?',
    new Date(now).toISOString(),
  )

describe('a call that hangs', () => {
  const CALLS: readonly (readonly [string, string, (call: StorageCall) => boolean])[] = [
    ['to D1', 'prune-records', ({ text }) => /delete from "?idempotency_keys/.test(text)],
    ['to an object', 'award-badges', ({ text }) => text === 'due'],
    ['to an object', 'prune-visits', ({ text }) => text === 'prune'],
  ]

  test.each(CALLS)(
    '%s fails the run of %s after five seconds, and no other',
    async (_, job, is) => {
      await badgeWithRule()
      const now = Date.now()
      await visit(await populate(2, 1), now)
      const { hasHung, error } = await tickWith((_number, call) => is(call), now)
      expect([hasHung, error?.message]).toEqual([true, `jobs failed: ${job}`])
      const runs = await ledger(now)
      expect(runs.map((run) => run.job).toSorted()).toEqual(NAMES.toSorted())
      const failed = runs.filter(({ status }) => status !== 'succeeded')
      expect(failed).toMatchObject([{ job, status: 'failed' }])
      expect(failed[0]?.error).toMatch(/^(shard 0: OutOfTime|Error)$/)
    },
  )

  test('costs one job its run at most, whichever call it is, and the next tick makes up for it', async () => {
    let now = Date.now()
    for (let at = 1, hasHung = true; hasHung; at++) {
      if (at === LEDGER) continue
      now += DAY
      const tick = await tickWith((number) => number === at, now)
      hasHung = tick.hasHung
      const succeeded = (await ledger(now)).filter(({ status }) => status === 'succeeded')
      expect(succeeded.length, `call ${at}`).toBeGreaterThanOrEqual(NAMES.length - 1)
      expect(tick.error === undefined).toBe(!hasHung)
    }
    await testSite().tick(now + DAY)
    expect(await rowsOf(`select job from job_runs where status = 'running'`)).toEqual([])
  })

  test('to the ledger itself ends the tick, which is made up for by the next', async () => {
    const now = Date.now()
    const { error } = await tickWith((number) => number === LEDGER, now)
    expect(error).toBeInstanceOf(Error)
    expect(await ledger(now)).toEqual([])
    await testSite().tick(now)
    expect(await ledger(now)).toHaveLength(NAMES.length)
  })
})
