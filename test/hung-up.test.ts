/**
 * Clients hang up at every call to storage that their request makes, before it is made and on its
 * way back. The platform ends their connection, and yet all the work is done that an undisturbed
 * request does.
 */
import { env } from 'cloudflare:workers'
import { beforeEach, describe, expect, test, vi } from 'vitest'
import { ASLEEP } from './support/asleep.ts'
import { changesBetween } from './support/changes.ts'
import { dump } from './support/dump.ts'
import { keyScene, LOSSES } from './support/key-losses.ts'
import { rightsAtGate } from './support/keys.ts'
import { leavingClients, type Moment } from './support/leaving.ts'
import { BY_VISITORS, REQUESTS, sceneOf } from './support/mutating-requests.ts'
import { testSite } from './support/site.ts'
import { sized } from './support/size.ts'

beforeEach(() => {
  vi.spyOn(console, 'error').mockReturnValue()
  vi.spyOn(console, 'warn').mockReturnValue()
})

/**
 * The moments to leave during a request of so many calls. The way back of one call is hardly
 * another moment than before the next, so the quick test has only one of the two.
 */
function momentsOf(calls: number): Moment[] {
  const numbers = Array.from({ length: calls }, (_, index) => index + 1)
  const whens = (['after', 'before'] as const).slice(0, sized(2, 1))
  return numbers.flatMap((at) => whens.map((when) => ({ at, when })))
}

function leavingSite() {
  const { storage, way, leave, calls } = leavingClients()
  const site = testSite({ ...storage, JOBS: ASLEEP, VISIT_SHARDS: '1' }, way)
  return { site, leave, calls }
}

/** The quick test shares the calls between the run with the flag and the one without it. */
function isForThisRun({ at }: Moment): boolean {
  return sized(1, 0) === 1 || at % 2 === (env.FLAGS === '' ? 0 : 1)
}

describe('whoever hangs up has it all done, and nothing by halves:', () => {
  test.each(Object.entries({ ...REQUESTS, ...BY_VISITORS }))('%s', async (_, arrange) => {
    const { site, leave, calls } = leavingSite()
    const scene = await sceneOf(site)
    // The first request reads what later ones know.
    await (
      await arrange(scene)
    )()
    const undisturbed = await arrange(scene)
    const empty = await dump()
    const made = await calls(undisturbed)
    const complete = changesBetween(empty, await dump())
    for (const moment of momentsOf(made).filter(isForThisRun)) {
      const request = await arrange(scene)
      const before = await dump()
      expect(await leave(moment, request)).toEqual({ hasLeft: true, hasEnded: true })
      const changes = changesBetween(before, await dump())
      expect(changes, `${moment.when} call ${moment.at}`).toEqual(complete)
    }
  })
})

describe('whoever hangs up while they take a right from a key has its gate told:', () => {
  test.each(LOSSES)('%s', async (_, lose) => {
    const { site, leave, calls } = leavingSite()
    const undisturbed = await keyScene(site)
    const made = await calls(() => lose(undisturbed))
    const known = await rightsAtGate(undisturbed.key)
    expect(['none', []]).toContainEqual(known)
    const moments = momentsOf(made)
    for (const moment of moments.slice(0, sized(moments.length, 1))) {
      const scene = await keyScene(site)
      expect(await leave(moment, () => lose(scene))).toEqual({ hasLeft: true, hasEnded: true })
      expect(await rightsAtGate(scene.key), `${moment.when} call ${moment.at}`).toEqual(known)
    }
  })
})

test('and the platform ends whatever it was not asked to wait for', async () => {
  const { site, leave } = leavingSite()
  const scene = await keyScene(site)
  const revoke = () => scene.root.delete(`/v1/api-keys/${scene.key.id}`)
  const left = await leave({ at: 1, when: 'after' }, revoke, false)
  expect(left).toEqual({ hasLeft: true, hasEnded: false })
  expect(await rightsAtGate(scene.key)).toEqual(['audit:read'])
  expect((await scene.key.get('/v1/audit')).status).toBe(401)
})

test('with the compatibility flags that this is run with', () => {
  const hasSignal = Cloudflare.compatibilityFlags['enable_request_signal'] ?? false
  expect(hasSignal ? 'enable_request_signal' : '').toBe(env.FLAGS)
})
