/**
 * Storage fails: for every mutating route the n-th call to D1 or to an object fails, for every n,
 * before it is made or on its way back. Then either nothing of the request is stored or all of it,
 * never something in between, and repeating the request leads to all of it.
 */
import { beforeEach, describe, expect, test, vi } from 'vitest'
import { routes } from '../src/api/index.ts'
import { ASLEEP } from './support/asleep.ts'
import { changesBetween } from './support/changes.ts'
import { assertComplete } from './support/complete.ts'
import { type Dump, dump } from './support/dump.ts'
import type { StorageCall } from './support/intercept.ts'
import { CONNECTION_LOST, failingStorage, INTERNALS } from './support/failing.ts'
import {
  BY_VISITORS,
  onceIn,
  type Request,
  REQUESTS,
  type Scene,
  sceneOf,
} from './support/mutating-requests.ts'
import { testSite } from './support/site.ts'
import { sized } from './support/size.ts'

/** Requests that write to D1 and then to an object, for which a later request or tick makes up. */
const IN_TWO_STEPS = new Set([
  'DELETE /v1/me',
  'DELETE /v1/users/:userId',
  'POST /v1/users/:userId/reinstate',
])
/** Changes that note what is left to be done in objects, or that a tick makes about it. */
const AGENDA =
  /^((erasures|events|job_runs|erased|days|answers|crossings|rules) |badge_assignments \+|feed \+ .*badge\.assign|counters \+ .*"awards"|awards_by_day \+ |.*system:)/

/**
 * Requests that change what objects hold; the test of what follows from events shows that there are no
 * others. Whoever was not told that a webhook is sent something once more asks again.
 */
const REACHING_OBJECTS = [
  'POST /v1/me/visits',
  'DELETE /v1/me',
  'DELETE /v1/users/:userId',
  'POST /v1/users/:userId/reinstate',
  'PATCH /v1/api-keys/:keyId',
  'DELETE /v1/api-keys/:keyId',
  'POST /v1/api-keys/:keyId/rotate',
]

beforeEach(() => {
  vi.spyOn(console, 'error').mockReturnValue()
  vi.spyOn(console, 'warn').mockReturnValue()
})

async function stage() {
  const { storage, arm, disarm } = failingStorage()
  const scene = await sceneOf(testSite({ ...storage, JOBS: ASLEEP, VISIT_SHARDS: '1' }))
  return { scene, arm, disarm }
}

test('nothing is left out: every route that changes something is here', () => {
  const mutating = routes.filter(({ method }) => method !== 'GET')
  const names = mutating.map(({ method, path }) => `${method} ${path}`)
  assertComplete(Object.keys(REQUESTS), [...names, 'GET /v1/whoami'], {
    list: 'REQUESTS in test/support/mutating-requests.ts',
    of: 'route that changes something',
    recipe: 'An operation',
  })
})

/** What is stored before a call is made is what is stored after the one before it: half of them suffice. */
const STEP_BEFORE = sized(1, 2)

describe.each([
  ['before it is made', 'before', STEP_BEFORE, INTERNALS, ['500 internal', '503 unavailable']],
  ['on its way back', 'after', 1, CONNECTION_LOST, ['503 unavailable']],
] as const)('a call to storage that fails %s', (_, when, step, text, refusals) => {
  test.each(Object.entries({ ...REQUESTS, ...BY_VISITORS }))(
    'leaves no half of %s',
    async (name, arrange) => {
      const { scene, arm, disarm } = await stage()
      const complete = await changesOf(await arrange(scene), name, scene)
      for (let n = 1, failed = true; failed; n += step) {
        const request = await arrange(scene)
        const before = await dump()
        arm({ fails: (number) => number === n, when, text })
        const reply = await request()
        failed = disarm() >= n
        const { status, body, headers } = reply
        expect(['done', ...refusals]).toContain(status < 300 ? 'done' : `${status} ${body.code}`)
        expect(JSON.stringify([body, ...headers])).not.toContain('secret_internals')

        const done = relevant(changesBetween(before, await dump()), name)
        expect([[], relevant(complete, name)], `failing at call ${n}`).toContainEqual(done)
        const repeated = await changesOf(request, name, scene, before)
        expect(onceIn(name, repeated), `repeated after failing at call ${n}`).toEqual(complete)
      }
    },
  )
})

describe.each(['before', 'after'] as const)(
  'a call to an object that fails once %s it is made, and nobody sends the request again:',
  (when) => {
    test.each(REACHING_OBJECTS.map((name) => [name, REQUESTS[name]] as const))(
      '%s is done with the next tick, or not at all',
      async (name, arrange) => {
        // One tick measures visits anew, and the one after it gives badges for them.
        const ticks = IN_TWO_STEPS.has(name) ? 2 : 1
        const { scene, arm, disarm } = await stage()
        // A tick has more to do after an undisturbed request, too.
        const [undisturbed, ticked] = await afterAndTicked(await arrange?.(scene), scene, ticks)
        for (let n = 1, failed = true; failed; n++) {
          const request = await arrange?.(scene)
          let calls = 0
          const fails = ({ store }: StorageCall) => store === 'object' && ++calls === n
          const [then, later] = await afterAndTicked(
            async () => {
              arm({ fails: (_number, call) => fails(call), when, text: CONNECTION_LOST })
              await request?.()
              disarm()
            },
            scene,
            ticks,
          )
          failed = calls >= n
          const right = then.length === 0 ? [then] : [undisturbed, ticked]
          expect(right, `failing at call ${n}`).toContainEqual(later)
        }
      },
    )
  },
)

/** The changes when the request is answered, and those after so many ticks. */
async function afterAndTicked(
  request: (() => Promise<unknown>) | undefined,
  { site }: Scene,
  ticks: number,
) {
  const before = await dump()
  await request?.()
  const then = changesBetween(before, await dump())
  for (let tick = 0; tick < ticks; tick++) await site.tick()
  const later = changesBetween(before, await dump())
  return [then, later.filter((change) => !change.startsWith('job_runs'))] as const
}

/** The changes by a request, with two ticks if it takes them: one makes up for it, one awards. */
async function changesOf(request: Request, name: string, { site }: Scene, since?: Dump) {
  const before = since ?? (await dump())
  await request()
  if (IN_TWO_STEPS.has(name)) {
    await site.tick()
    await site.tick()
  }
  return changesBetween(before, await dump()).filter(
    (change) => name.includes('/jobs/') || !change.startsWith('job_runs'),
  )
}

function relevant(changes: readonly string[], name: string): string[] {
  return changes.filter((change) => !IN_TWO_STEPS.has(name) || !AGENDA.test(change))
}
