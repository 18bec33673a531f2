/** Jobs release holds that have run out, and finish what interrupted requests have left. */
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { expireHolds, finishEvents } from '../../src/cron/bookings.ts'
import { openSession } from '../../src/db/client.ts'
import { makeDeps } from '../../src/deps.ts'
import type { Bindings } from '../../src/env.ts'
import {
  audited,
  bookingOf,
  bookingScene,
  DAY,
  HOUR,
  MINUTE,
  NONE,
  outcomeOf,
  violations,
} from '../support/bookings.ts'
import { countingStorage } from '../support/counting.ts'
import { failingStorage } from '../support/failing.ts'
import { badgeWithRule, rowsOf } from '../support/population.ts'
import { testSite } from '../support/site.ts'

beforeEach(() => {
  vi.spyOn(console, 'error').mockReturnValue()
  vi.spyOn(console, 'warn').mockReturnValue()
})

afterEach(() => {
  vi.useRealTimers()
})

function later(milliseconds: number) {
  vi.useFakeTimers({ now: Date.now() + milliseconds, toFake: ['Date'] })
}

const depsOf = (env: Bindings) => makeDeps(env, openSession(env.DB, 'primary'), Date.now())
const statuses = () => rowsOf('select status, count(*) as count from bookings group by 1')
const events = () => rowsOf('select subject from events')

function allowance(calls: number) {
  let left = calls
  return (taken: number) => (left -= taken) >= 0
}

describe('a hold', () => {
  test('ends with its time or the start of the slot, whatever comes first', async () => {
    const { site, slot } = await bookingScene()
    const ada = await site.member('ada')
    const hold = async (startsIn: number) => {
      const slotId = await slot({ holdMinutes: 60 }, { startsIn })
      const { body } = await ada.post('/v1/bookings', { slotId })
      return Date.parse(body.holdUntil) - Date.parse(body.createdAt)
    }
    expect(await hold(DAY)).toBe(HOUR)
    expect(await hold(HOUR / 2)).toBeLessThanOrEqual(HOUR / 2)
  })

  test('that has run out frees the place at once, and cannot be confirmed any more', async () => {
    const scene = await bookingScene()
    const { id: serviceId } = await scene.service({ holdMinutes: 30 })
    const { id: slotId } = await scene.slotOf(serviceId)
    const { id } = await bookingOf(await scene.site.member('ada'), slotId)
    const available = async () =>
      (await scene.site.anonymous.get(`/v1/services/${serviceId}/slots`)).body.items[0].available
    later(30 * MINUTE - 5000)
    expect(await available()).toBe(0)
    expect(outcomeOf(await (await scene.site.member('ben')).post('/v1/bookings', { slotId }))).toBe(
      '409 slot_full',
    )
    later(5000)
    const [root, ada] = [await scene.site.root(), await scene.site.member('ada')]
    expect(await available()).toBe(1)
    expect((await root.get(`/v1/bookings/${id}`)).body.allowedActions).toEqual([
      'decline',
      'cancel',
    ])
    expect(outcomeOf(await root.post(`/v1/bookings/${id}/confirm`))).toBe('409 invalid_state')
    const { id: again } = await bookingOf(ada, slotId)
    expect(outcomeOf(await root.post(`/v1/bookings/${again}/confirm`))).toBe('200 confirmed')
    expect(outcomeOf(await root.post(`/v1/bookings/${id}/confirm`))).toBe('409 invalid_state')
    expect(await violations()).toEqual(NONE)
  })

  test('that has run out is tidied up by the job, once and elevated for that booking', async () => {
    const { site, slot } = await bookingScene()
    const { id } = await bookingOf(await site.member('ada'), await slot({ holdMinutes: 30 }))
    await site.tick()
    expect(await statuses()).toEqual([{ status: 'pending', count: 1 }])
    later(30 * MINUTE)
    await site.tick()
    await site.tick()
    const root = await site.root()
    expect((await root.get(`/v1/bookings/${id}`)).body).toMatchObject({
      status: 'canceled',
      reason: 'It was not confirmed in time.',
      revision: 2,
    })
    expect(await audited(root, id)).toMatchObject([
      { action: 'booking.expire', actor: 'system:hold-expirer', reason: 'its hold has run out' },
      { action: 'booking.create' },
    ])
  })
})

describe('a pending booking that nobody answers', () => {
  test('ends when it begins, though its service holds places for good, and is not confirmed then', async () => {
    const { site, slot } = await bookingScene()
    const slotId = await slot({}, { startsIn: HOUR })
    const { id } = await bookingOf(await site.member('ada'), slotId)
    await site.tick()
    later(HOUR)
    const root = await site.root()
    const { allowedActions } = (await root.get(`/v1/bookings/${id}`)).body
    expect(allowedActions).toEqual(['decline', 'cancel'])
    expect(outcomeOf(await root.post(`/v1/bookings/${id}/confirm`))).toBe('409 invalid_state')
    await site.tick()
    expect((await root.get(`/v1/bookings/${id}`)).body).toMatchObject({
      status: 'canceled',
      reason: 'It was not confirmed in time.',
      revision: 2,
    })
    expect(outcomeOf(await root.post(`/v1/bookings/${id}/confirm`))).toBe('409 invalid_state')
  })
})

describe('expire-holds', () => {
  /** Bookings whose holds have run out, in many pages. */
  async function expired(count: number, site = testSite()) {
    const { slot } = await bookingScene(site)
    const { id } = await bookingOf(await site.member('ada'), await slot({ holdMinutes: 1 }))
    await rowsOf(
      `with recursive n(i) as (select 1 union all select i + 1 from n where i < ?1)
       insert into bookings (id, service_id, slot_id, starts_at, ends_at, owner, booked_by, status,
         hold_until, note, contact, confirmed_by, reason, revision, created_at, updated_at)
       select 'bkg_0' || printf('%025d', i), service_id, slot_id, starts_at,
         ends_at, owner || i, booked_by, status, hold_until, note, contact, confirmed_by, reason,
         revision, created_at, updated_at from bookings, n where id = ?2`,
      count - 1,
      id,
    )
    later(MINUTE)
    return site
  }

  test('does all of them, and costs no more than it has said', async () => {
    const { storage, traced } = countingStorage()
    const { env } = await expired(120, testSite(storage))
    let taken = 0
    const affords = (calls: number) => (taken += calls) > 0
    const run = () => expireHolds({ deps: depsOf(env), cursor: null, affords })
    const { calls } = await traced(run)
    expect(await statuses()).toEqual([{ status: 'canceled', count: 120 }])
    const statements = calls.flatMap(({ text }) => text.split(';\n'))
    expect(statements.length).toBe(taken)
  })

  test('stops where it can afford no more, and goes on from there', async () => {
    const { env } = await expired(12)
    const first = await expireHolds({ deps: depsOf(env), cursor: null, affords: allowance(30) })
    expect(first).toMatchObject({ counts: { expired: 7 }, cursor: expect.stringMatching(/^bkg_/) })
    const { cursor } = first
    const rest = await expireHolds({ deps: depsOf(env), cursor, affords: allowance(30) })
    expect(rest).toEqual({ counts: { expired: 5 }, cursor: null, failures: [] })
  })

  test('goes past those that fail, and the next run does them', async () => {
    const { storage, arm, disarm } = failingStorage()
    const { env } = await expired(60, testSite(storage))
    let updates = 0
    arm({ fails: (_, { text }) => text.includes('update "bookings"') && ++updates <= 50 })
    const context = { cursor: null, affords: () => true }
    const first = await expireHolds({ deps: depsOf(env), ...context })
    disarm()
    expect(first).toMatchObject({ counts: { expired: 10 }, cursor: null })
    expect(first.failures).toHaveLength(50)
    expect(await expireHolds({ deps: depsOf(env), ...context })).toMatchObject({
      counts: { expired: 50 },
      failures: [],
    })
  })
})

describe('finish-events', () => {
  test('closes events of what is gone, and no failure holds up the rest', async () => {
    const { storage, arm, disarm } = failingStorage()
    const { site, slot } = await bookingScene(testSite(storage))
    const [ada, slotId] = [
      await site.member('ada'),
      await slot({ autoConfirm: true }, { capacity: 3 }),
    ]
    arm({ fails: (_, { text }) => text.includes('update "bookings"') })
    await bookingOf(ada, slotId)
    await bookingOf(await site.member('ben'), slotId)
    disarm()
    for (const [id, kind, subject] of [
      ['evt_1', 'booking-created', `bkg_${'0'.repeat(26)}`],
      ['evt_2', 'member-reinstated', `usr_${'0'.repeat(26)}`],
    ]) {
      await rowsOf(
        `insert into events (id, kind, subject, created_at) values (?, ?, ?, '')`,
        id,
        kind,
        subject,
      )
    }
    let updates = 0
    arm({ fails: (_, { text }) => text.includes('update "bookings"') && ++updates === 1 })
    const context = { cursor: null, affords: () => true }
    const first = await finishEvents({ deps: depsOf(site.env), ...context })
    disarm()
    expect(first).toMatchObject({ counts: { handled: 3 }, cursor: null })
    expect(first.failures).toEqual([expect.stringMatching(/^evt_\w{26}: \w*Error$/)])
    expect(await events()).toHaveLength(1)
    await finishEvents({ deps: depsOf(site.env), ...context })
    expect(await events()).toEqual([])
    expect(await statuses()).toEqual([{ status: 'confirmed', count: 2 }])
  })

  test('stops where it can afford no more, and goes on from there', async () => {
    const { env } = testSite()
    for (let index = 0; index < 5; index++) {
      const id = `evt_${'0'.repeat(25)}${index}`
      await rowsOf(
        `insert into events (id, kind, subject, created_at) values (?, 'booking-created', ?, '')`,
        id,
        `bkg_${'0'.repeat(25)}${index}`,
      )
    }
    const first = await finishEvents({ deps: depsOf(env), cursor: null, affords: allowance(15) })
    expect(first).toMatchObject({ counts: { handled: 2 }, cursor: `evt_${'0'.repeat(25)}1` })
    const { cursor } = first
    const rest = await finishEvents({ deps: depsOf(env), cursor, affords: allowance(100) })
    expect(rest).toMatchObject({ counts: { handled: 3 }, cursor: null })
  })
})

describe('a member who is reinstated', () => {
  test.each([
    ['the object does not answer', 'object', 'before'],
    ['its answer is lost', 'object', 'after'],
    ['the event cannot be closed', 'd1', 'before'],
  ] as const)('gets the badge that was held back though %s', async (_, store, when) => {
    const { storage, arm, disarm } = failingStorage()
    const site = testSite({ ...storage, VISIT_SHARDS: '1' })
    const [root, ada] = [await site.root(), await site.member('ada')]
    await badgeWithRule()
    await ada.post('/v1/me/visits')
    await root.post(`/v1/users/${ada.userId}/suspend`)
    await site.tick()
    const held = async () => (await ada.get(`/v1/users/${ada.userId}/badges`)).body.items.length

    arm({
      fails: (_number, call) =>
        call.store === store &&
        (store === 'object' || call.text.startsWith('delete from "events"')),
      when,
    })
    const reply = await root.post(`/v1/users/${ada.userId}/reinstate`)
    disarm()
    expect(outcomeOf(reply)).toBe('200 active')
    expect(await events()).toEqual([{ subject: ada.userId }])
    expect(await held()).toBe(0)
    // One tick finishes the event, and the next one awards.
    await site.tick()
    await site.tick()
    expect(await held()).toBe(1)
    expect(await events()).toEqual([])
  })

  test('leaves no event when nothing failed, nor one when they were active already', async () => {
    const site = testSite()
    const [root, ada] = [await site.root(), await site.member('ada')]
    await root.post(`/v1/users/${ada.userId}/suspend`)
    expect(await events()).toEqual([])
    await root.post(`/v1/users/${ada.userId}/reinstate`)
    await root.post(`/v1/users/${ada.userId}/reinstate`)
    expect(await events()).toEqual([])
  })
})
