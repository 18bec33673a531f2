/**
 * Whatever follows from a change is written with it, done before it is answered, and finished by
 * the next tick where that has failed. Every route whose change is followed up is in here.
 */
import { beforeEach, describe, expect, test, vi } from 'vitest'
import { finishEvents } from '../../src/cron/bookings.ts'
import { openSession } from '../../src/db/client.ts'
import { makeDeps } from '../../src/deps.ts'
import { followUp } from '../../src/events/index.ts'
import { eventOf } from '../../src/repositories/outbox.ts'
import { inShard, MINUTE } from '../objects/visit-fixtures.ts'
import { bookingScene } from '../support/bookings.ts'
import { countingStorage } from '../support/counting.ts'
import { failingStorage } from '../support/failing.ts'
import type { StorageCall } from '../support/intercept.ts'
import { type GateRights, partner, rightsAtGate } from '../support/keys.ts'
import { linesOf } from '../support/log-lines.ts'
import { REQUESTS, sceneOf } from '../support/mutating-requests.ts'
import { rowsOf } from '../support/population.ts'
import { type Reply, type Site, testSite } from '../support/site.ts'

beforeEach(() => {
  vi.spyOn(console, 'error').mockReturnValue()
  vi.spyOn(console, 'warn').mockReturnValue()
})

type Scene = Awaited<ReturnType<typeof sceneWith>>

/** An admin with a custom role, a visit and a key that its gate knows, and a member to act on. */
async function sceneWith(site: Site) {
  const root = await site.root()
  const boss = await site.memberWith('admin', 'boss')
  await boss.post('/v1/me/visits')
  const permissions = [{ permission: 'profile:list', reach: 'any' }]
  await root.put('/v1/roles/keeper', { permissions })
  await root.put(`/v1/users/${boss.userId}/roles/keeper`)
  const key = await partner(site, { scopes: ['profile:list'] }, boss)
  expect((await key.get('/v1/users')).status).toBe(200)
  const { slot } = await bookingScene(site)
  return { site, root, boss, key, slot, user: `/v1/users/${boss.userId}` }
}

const reachesGates = ({ text }: StorageCall) => text === 'refresh'
const once = { headers: { 'Idempotency-Key': 'once' } }

interface Following {
  /** Prepares what the act needs. */
  readonly first?: (scene: Scene) => Promise<unknown>
  readonly act: (scene: Scene) => Promise<Reply>
  /** Tells whether this is the call that does the follow-up. */
  readonly by: (call: StorageCall) => boolean
  /** The status of the answer while that call fails. */
  readonly answer: number
  /** Tells whether all of the follow-up is done. */
  readonly isDone: (scene: Scene) => Promise<unknown>
}

const demoted = (scene: Scene) => scene.root.delete(`${scene.user}/roles/admin`)
/** Looks at the rights that the gate knows, because other routes ask D1, too. */
const mayList = (expected: GateRights) => async (scene: Scene) =>
  expect(await rightsAtGate(scene.key)).toEqual(expected)
const LISTS = ['profile:list']
async function hasNoVisits({ boss }: Scene) {
  for (const shard of [0, 1, 2, 3]) {
    const { total } = await inShard(shard, (object) => object.read(boss.userId, '2026-11-21'))
    expect(total).toBe(0)
  }
}

const FOLLOWING: Readonly<Record<string, Following>> = {
  'PATCH /v1/api-keys/:keyId': {
    act: ({ root, key }) => root.patch(`/v1/api-keys/${key.id}`, { scopes: [] }),
    by: reachesGates,
    answer: 503,
    isDone: mayList([]),
  },
  'DELETE /v1/api-keys/:keyId': {
    act: ({ root, key }) => root.delete(`/v1/api-keys/${key.id}`),
    by: reachesGates,
    answer: 503,
    isDone: mayList('none'),
  },
  'POST /v1/api-keys/:keyId/rotate': {
    act: ({ root, key }) => root.post(`/v1/api-keys/${key.id}/rotate`, {}, once),
    by: reachesGates,
    answer: 503,
    isDone: mayList('none'),
  },
  'PUT /v1/users/:userId/roles/:role': {
    first: async (scene) => {
      await scene.root.delete(`${scene.user}/roles/keeper`)
      await demoted(scene)
    },
    act: ({ root, user }) => root.put(`${user}/roles/moderator`),
    by: reachesGates,
    answer: 503,
    isDone: mayList(LISTS),
  },
  'DELETE /v1/users/:userId/roles/:role': {
    first: demoted,
    act: ({ root, user }) => root.delete(`${user}/roles/keeper`),
    by: reachesGates,
    answer: 503,
    isDone: mayList([]),
  },
  'PUT /v1/roles/:role': {
    first: demoted,
    act: ({ root }) => root.put('/v1/roles/keeper', { permissions: [] }),
    by: reachesGates,
    answer: 503,
    isDone: mayList([]),
  },
  'DELETE /v1/roles/:role': {
    first: demoted,
    act: ({ root }) => root.delete('/v1/roles/keeper'),
    by: reachesGates,
    answer: 503,
    isDone: mayList([]),
  },
  'POST /v1/users/:userId/suspend': {
    act: ({ root, user }) => root.post(`${user}/suspend`, {}, once),
    by: reachesGates,
    answer: 503,
    isDone: mayList('none'),
  },
  'POST /v1/users/:userId/reinstate': {
    first: ({ root, user }) => root.post(`${user}/suspend`),
    act: ({ root, user }) => root.post(`${user}/reinstate`, {}, once),
    by: reachesGates,
    answer: 503,
    isDone: mayList(LISTS),
  },
  'DELETE /v1/me': {
    act: ({ boss }) => boss.delete('/v1/me'),
    by: ({ text }) => text === 'erase',
    answer: 204,
    isDone: hasNoVisits,
  },
  'DELETE /v1/users/:userId': {
    act: ({ root, user }) => root.delete(user),
    by: ({ text }) => text === 'erase',
    answer: 204,
    isDone: hasNoVisits,
  },
  'POST /v1/bookings': {
    act: async ({ boss, slot }) =>
      boss.post('/v1/bookings', { slotId: await slot({ autoConfirm: true }) }, once),
    by: ({ text }) => text.includes('update "bookings"'),
    answer: 201,
    async isDone() {
      expect(await rowsOf('select status from bookings')).toEqual([{ status: 'confirmed' }])
    },
  },
  'POST /v1/jobs/:job/run': {
    act: ({ root }) => root.post('/v1/jobs/prune-visits/run', {}, once),
    by: ({ text }) => text === 'wake',
    answer: 202,
    async isDone() {
      expect(await rowsOf(`select status from job_runs where requested_by <> 'cron'`)).toEqual([
        { status: 'succeeded' },
      ])
    },
  },
}

const open = () =>
  rowsOf(`select subject from events union all select user_id from erasures
    union all select id from job_runs where status = 'requested'`)

describe.each(Object.entries(FOLLOWING))('%s', (_, { first, act, by, answer, isDone }) => {
  async function interrupted() {
    const { storage, arm, disarm } = failingStorage()
    const scene = await sceneWith(testSite(storage))
    await first?.(scene)
    await scene.site.tick()
    expect(await open()).toEqual([])
    arm({ fails: (_number, call) => by(call) })
    const reply = await act(scene)
    disarm()
    expect(reply.status).toBe(answer)
    expect(await open()).toHaveLength(1)
    return scene
  }

  test('is finished by the next tick if what follows has failed in the request', async () => {
    const scene = await interrupted()
    await scene.site.tick(Date.now() + 5 * MINUTE)
    await isDone(scene)
    expect(await open()).toEqual([])
  })

  test('is finished once by two ticks at a time', async () => {
    const scene = await interrupted()
    const before = await rowsOf<{ n: number }>('select count(*) as n from audit_log')
    const ticks = [5, 10].map((later) => testSite().tick(Date.now() + later * MINUTE))
    expect(await Promise.allSettled(ticks)).toMatchObject([
      { status: 'fulfilled' },
      { status: 'fulfilled' },
    ])
    await isDone(scene)
    expect(await open()).toEqual([])
    const after = await rowsOf<{ n: number }>('select count(*) as n from audit_log')
    const written = (after[0]?.n ?? 0) - (before[0]?.n ?? 0)
    // A confirmation is an act of its own, for which there is one row.
    expect(written).toBe(answer === 201 ? 1 : 0)
  })
})

test('every route that leaves something to be followed up is in here', async () => {
  const { storage, traced } = countingStorage()
  const scene = await sceneOf(testSite(storage))
  const [leaving, inObjects]: [string[], string[]] = [[], []]
  for (const [name, arrange] of Object.entries(REQUESTS)) {
    const request = await arrange(scene)
    const { calls } = await traced(request)
    const leaves = /insert into "?(events|erasures|job_runs)"? /
    if (calls.some(({ text }) => leaves.test(text))) leaving.push(name)
    if (calls.some(({ store }) => store === 'object')) inObjects.push(name)
  }
  // More routes reach objects: a visit is recorded in one, a preview asks all of them, and a webhook has
  // one that is told what it has to send.
  const isAboutWebhooks = / \/v1\/webhooks/
  const others = inObjects.filter((name) => !leaving.includes(name) && !isAboutWebhooks.test(name))
  expect(others).toEqual(['POST /v1/me/visits', 'POST /v1/badge-rules/:ruleId/preview'])
  expect(leaving.toSorted()).toEqual(Object.keys(FOLLOWING).toSorted())
})

describe('an answer that is given again', () => {
  test('is not, before the gates know of an act that came to the same', async () => {
    const { storage, arm, disarm } = failingStorage()
    const scene = await sceneWith(testSite(storage))
    arm({ fails: (_, call) => reachesGates(call) })
    expect((await scene.root.post(`${scene.user}/suspend`)).status).toBe(503)
    const suspend = () => scene.root.post(`${scene.user}/suspend`, {}, once)
    // The first repetition has nothing to write; the second gets the answer that the first stored.
    expect((await suspend()).status).toBe(503)
    expect((await suspend()).status).toBe(503)
    disarm()
    const replay = await suspend()
    expect([replay.status, replay.headers.get('Idempotency-Replayed')]).toEqual([200, 'true'])
    await mayList('none')(scene)
  })

  test('confirms a booking first that was not confirmed when it was made', async () => {
    const { storage, arm, disarm } = failingStorage()
    const { site, slot } = await bookingScene(testSite(storage))
    const [ada, slotId] = [await site.member('ada'), await slot({ autoConfirm: true })]
    arm({ fails: (_, { text }) => text.includes('update "bookings"') })
    const booked = await ada.post('/v1/bookings', { slotId }, once)
    disarm()
    expect(booked.body.status).toBe('pending')
    const replay = await ada.post('/v1/bookings', { slotId }, once)
    expect(replay.body).toMatchObject({ id: booked.body.id, status: 'confirmed' })
    const { body } = await ada.get(`/v1/bookings/${booked.body.id}`)
    expect(body).toMatchObject({ status: 'confirmed', revision: 2 })
    expect(await open()).toEqual([])
  })

  test('costs no trip more to storage while there is nothing to follow up', async () => {
    const { storage, costOf } = countingStorage()
    const scene = await sceneWith(testSite(storage))
    const suspend = () => scene.root.post(`${scene.user}/suspend`, {}, once)
    await suspend()
    await scene.site.tick()
    expect(await costOf(suspend)).toEqual({ d1: 2, objects: 0 })
  })
})

describe('the same event twice at once', () => {
  test.each(['confirms a booking', 'measures visits'])('%s once', async (what) => {
    const { storage, arm, disarm } = failingStorage()
    const scene = await sceneWith(testSite(storage))
    await scene.root.post(`${scene.user}/suspend`)
    await scene.site.tick()
    const slotId = await scene.slot({ autoConfirm: true })
    arm({ fails: (_, { text }) => text.includes('update "bookings"') || text === 'recheck' })
    if (what === 'confirms a booking') await scene.root.post('/v1/bookings', { slotId })
    else await scene.root.post(`${scene.user}/reinstate`)
    disarm()
    const deps = () => makeDeps(scene.site.env, openSession(storage.DB, 'primary'), Date.now())
    const [row] = await deps().outbox.open({ after: undefined, limit: 1 })
    const event = row && eventOf(row)
    if (!event) throw new Error('there is no event')
    await Promise.all([followUp(event, deps()), followUp(event, deps())])
    await followUp(event, deps())
    expect(await open()).toEqual([])
    const confirmations = await rowsOf(`select id from audit_log where action = 'booking.confirm'`)
    expect(confirmations).toHaveLength(what === 'confirms a booking' ? 1 : 0)
  })
})

describe('the job', () => {
  const insert = (id: number, kind: string, keys: readonly string[]) =>
    rowsOf(
      `insert into events (id, kind, subject, created_at, key_ids) values (?, ?, 'x', '', ?)`,
      `evt_${id.toString().padStart(26, '0')}`,
      kind,
      JSON.stringify(keys),
    )

  test('leaves an event alone of a kind it does not know, says so, and goes on', async () => {
    const warn = vi.spyOn(console, 'warn').mockReturnValue()
    await insert(1, 'member-praised', [])
    await insert(2, 'keys-changed', ['key_1'])
    await testSite().tick()
    expect(await rowsOf('select kind from events')).toEqual([{ kind: 'member-praised' }])
    expect(linesOf(warn)).toMatchObject([
      { event: 'unknown kind of event', kind: 'member-praised' },
    ])
  })

  test('tells the gates of many keys in steps, within what a run may use', async () => {
    const { storage, traced } = countingStorage()
    const { env } = testSite(storage)
    await insert(
      1,
      'keys-changed',
      Array.from({ length: 50 }, (_, index) => `key_${index}`),
    )
    const told: number[] = []
    for (let cursor: string | null = null, runs = 0; runs < 10; runs++) {
      let left = 60
      const affords = (calls: number) => (left -= calls) >= 0
      const deps = makeDeps(env, openSession(env.DB, 'primary'), Date.now())
      const { calls } = await traced(async () => {
        ;({ cursor } = await finishEvents({ deps, cursor, affords }))
      })
      expect(calls.length).toBeLessThanOrEqual(60)
      told.push(calls.filter(({ text }) => text === 'refresh').length)
      if (cursor === null && (await open()).length === 0) break
    }
    expect(told.reduce((sum, count) => sum + count, 0)).toBe(50)
    expect(await open()).toEqual([])
  })

  test('goes on with the gates that are left after one could not be told', async () => {
    const { storage, arm, disarm } = failingStorage()
    const { env } = testSite(storage)
    await insert(
      1,
      'keys-changed',
      Array.from({ length: 25 }, (_, index) => `key_${index}`),
    )
    let asked = 0
    arm({ fails: (_, { text }) => text === 'refresh' && ++asked > 20 })
    const run = () =>
      finishEvents({
        deps: makeDeps(env, openSession(env.DB, 'primary'), Date.now()),
        cursor: null,
        affords: () => true,
      })
    expect(await run()).toMatchObject({ failures: [expect.stringMatching(/^evt_\d+: Problem$/)] })
    disarm()
    const [row] = await rowsOf<{ key_ids: string }>('select key_ids from events')
    expect(JSON.parse(row?.key_ids ?? '')).toHaveLength(5)
    expect(await run()).toMatchObject({ counts: { handled: 1 }, failures: [] })
    expect(await open()).toEqual([])
  })

  test('is left one notice about a key, however often the key has been changed', async () => {
    const { site, root, key } = await sceneWith(testSite())
    for (const name of ['One', 'Two', 'Three']) await root.patch(`/v1/api-keys/${key.id}`, { name })
    expect(await rowsOf('select kind, subject, key_ids from events')).toEqual([
      { kind: 'keys-changed', subject: key.id, key_ids: JSON.stringify([key.id]) },
    ])
    await site.tick()
    expect(await open()).toEqual([])
  })
})
