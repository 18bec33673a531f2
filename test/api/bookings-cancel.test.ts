import { afterEach, describe, expect, test, vi } from 'vitest'
import { newId } from '../../src/db/ids.ts'
import {
  audited,
  bookingOf,
  bookingScene,
  created,
  HOUR,
  MINUTE,
  outcomeOf,
  timeIn,
} from '../support/bookings.ts'
import { interruptedStorage } from '../support/failing.ts'
import { rowsOf } from '../support/population.ts'
import { type Client, testSite } from '../support/site.ts'

afterEach(() => {
  vi.useRealTimers()
})

function later(milliseconds: number) {
  vi.useFakeTimers({ now: Date.now() + milliseconds, toFake: ['Date'] })
}

describe('POST /v1/bookings/{bookingId}/cancel', () => {
  test('is the owner’s until the limit of the service, with a reason if they like', async () => {
    const { site, slot } = await bookingScene()
    const slotId = await slot({ cancelUntilMinutes: 60 }, { startsIn: 2 * HOUR })
    const { id } = await bookingOf(await site.member('ada'), slotId)
    later(HOUR - MINUTE)
    const ada = await site.member('ada')
    expect((await ada.post(`/v1/bookings/${id}/cancel`, { reason: 'Ill' })).body).toMatchObject({
      status: 'canceled',
      reason: 'Ill',
      revision: 2,
      allowedActions: [],
    })
    expect(outcomeOf(await ada.post(`/v1/bookings/${id}/cancel`))).toBe('409 invalid_state')
    expect(await audited(await site.root(), id)).toMatchObject([
      {
        action: 'booking.cancel',
        actor: ada.userId,
        changes: { status: 'canceled', fields: ['reason'] },
      },
      { action: 'booking.create' },
    ])
  })

  test('is the owner’s until the start while it is pending, whatever the limit', async () => {
    const { site, slot } = await bookingScene()
    const terms = { cancelUntilMinutes: 600 }
    const [one, other] = [
      await slot(terms, { startsIn: HOUR }),
      await slot(terms, { startsIn: HOUR }),
    ]
    const [{ id }, late] = [
      await bookingOf(await site.member('ada'), one),
      await bookingOf(await site.member('ada'), other),
    ]
    later(HOUR - 1000)
    const ada = await site.member('ada')
    expect(outcomeOf(await ada.post(`/v1/bookings/${id}/cancel`))).toBe('200 canceled')
    later(2000)
    const again = await site.member('ada')
    expect(outcomeOf(await again.post(`/v1/bookings/${late.id}/cancel`))).toBe('409 invalid_state')
  })

  test('is held to what was agreed on when it was booked, whatever its service says by now', async () => {
    const { site, root, service, slotOf } = await bookingScene()
    const { id: serviceId } = await service({ autoConfirm: true, cancelUntilMinutes: 60 })
    const ada = await site.member('ada')
    const { id } = await bookingOf(ada, (await slotOf(serviceId, { startsIn: 2 * HOUR })).id)
    const strict = { cancelUntilMinutes: 10_000 }
    await root.patch(`/v1/services/${serviceId}`, strict)
    expect((await ada.get(`/v1/bookings/${id}`)).body.allowedActions).toEqual(['cancel'])
    expect(outcomeOf(await ada.post(`/v1/bookings/${id}/cancel`))).toBe('200 canceled')
    const after = await bookingOf(ada, (await slotOf(serviceId, { startsIn: 4 * HOUR })).id)
    expect(outcomeOf(await ada.post(`/v1/bookings/${after.id}/cancel`))).toBe('409 invalid_state')
  })

  test('is refused to the owner after that limit, and never to a manager', async () => {
    const { site, slot, manager } = await bookingScene()
    const terms = { cancelUntilMinutes: 60, autoConfirm: true }
    const slotId = await slot(terms, { startsIn: 2 * HOUR })
    await manager()
    const { id } = await bookingOf(await site.member('ada'), slotId)
    later(HOUR + 1000)
    const ada = await site.member('ada')
    const reply = await ada.post(`/v1/bookings/${id}/cancel`)
    expect(outcomeOf(reply)).toBe('409 invalid_state')
    expect(reply.body.detail).toMatch(/too close to its start/)
    expect((await ada.get(`/v1/bookings/${id}`)).body).toMatchObject({
      status: 'confirmed',
      revision: 2,
    })
    later(10 * HOUR)
    const boss = await site.member('bookings-manager')
    expect(outcomeOf(await boss.post(`/v1/bookings/${id}/cancel`))).toBe('200 canceled')
  })

  test('is as late as its body is: one that is sent slowly does not stop the clock', async () => {
    const { site, slot } = await bookingScene()
    const terms = { cancelUntilMinutes: 60, autoConfirm: true }
    const slotId = await slot(terms, { startsIn: HOUR + MINUTE })
    const ada = await site.member('ada')
    const { id } = await bookingOf(ada, slotId)
    const whenRead = {
      pull(body: ReadableStreamDefaultController<Uint8Array>) {
        later(2 * MINUTE)
        body.enqueue(new TextEncoder().encode('{}'))
        body.close()
      },
    }
    const raw = new ReadableStream(whenRead, { highWaterMark: 0 })
    const slowly = { raw, headers: { 'Content-Type': 'application/json' } }
    const reply = await ada.call('POST', `/v1/bookings/${id}/cancel`, slowly)
    expect(outcomeOf(reply)).toBe('409 invalid_state')
  })

  test('is as late as it is decided anew, if the rights of its owner changed meanwhile', async () => {
    let inBetween = async (): Promise<unknown> => undefined
    const storage = interruptedStorage(
      ({ text }) => text.includes('update "bookings"'),
      () => inBetween(),
    )
    const { site, slot, root } = await bookingScene(testSite(storage))
    const slotId = await slot({ cancelUntilMinutes: 60 }, { startsIn: MINUTE })
    const ada = await site.member('ada')
    const { id } = await bookingOf(ada, slotId)
    inBetween = async () => {
      later(2 * MINUTE)
      await root.put(`/v1/users/${ada.userId}/roles/moderator`)
    }
    expect(outcomeOf(await ada.post(`/v1/bookings/${id}/cancel`))).toBe('409 invalid_state')
  })

  test('is possible for a key with the scope, and names the key', async () => {
    const { site, slot, root } = await bookingScene()
    const { id } = await bookingOf(await site.member('ada'), await slot())
    const { id: keyId, secret } = created(
      await root.post('/v1/api-keys', { name: 'P', scopes: ['booking:cancel'] }),
    )
    expect((await site.bearer(secret).post(`/v1/bookings/${id}/cancel`)).body.status).toBe(
      'canceled',
    )
    expect((await audited(root, id))[0]).toMatchObject({ action: 'booking.cancel', actor: keyId })
  })

  test('honours If-Match', async () => {
    const { site, slot } = await bookingScene()
    const ada = await site.member('ada')
    const { id } = await bookingOf(ada, await slot())
    const cancel = (revision: number) =>
      ada.post(`/v1/bookings/${id}/cancel`, {}, { headers: { 'If-Match': `"${revision}"` } })
    expect(outcomeOf(await cancel(2))).toBe('412 precondition_failed')
    expect(outcomeOf(await cancel(1))).toBe('200 canceled')
  })
})

describe('allowedActions', () => {
  const ACTIONS = ['confirm', 'decline', 'cancel']
  const STATES = [
    ['pending', null],
    ['pending', MINUTE],
    ['pending', -MINUTE],
    ['confirmed', null],
    ['declined', null],
    ['canceled', null],
  ] as const
  /** Starts of a slot: before the limit of two hours, after the limit, and in the past. */
  const STARTS_IN = [3 * HOUR, HOUR, -HOUR]

  async function cast() {
    const scene = await bookingScene()
    const { site, root } = scene
    const [ada, boss] = [await site.member('ada'), await scene.manager()]
    const visitor = await site.visitor()
    const scopes = ['booking:read', 'booking:cancel']
    const { id, secret } = created(await root.post('/v1/api-keys', { name: 'P', scopes }))
    const { id: serviceId } = await scene.service({ cancelUntilMinutes: 120 })
    const callers: [name: string, Client, owner: string][] = [
      ['a member, of their own', ada, ada.userId],
      ['a member, of another’s', ada, boss.userId],
      ['a visitor, of their own', visitor, visitor.visitorId],
      ['a visitor, of another’s', visitor, ada.userId],
      ['a manager, of their own', boss, boss.userId],
      ['a manager, of another’s', boss, ada.userId],
      ['an admin, of another’s', root, ada.userId],
      ['a key, of another’s', site.bearer(secret), ada.userId],
      ['a key, of its own', site.bearer(secret), id],
      ['an admin, of a key they created', root, id],
      ['a manager, of a key of another’s', boss, id],
    ]
    return { callers, serviceId }
  }

  /** Puts a booking straight into storage, because some of these take days to come about. */
  async function given(
    serviceId: string,
    owner: string,
    [status, hold]: (typeof STATES)[number],
    startsIn: number,
  ) {
    const [id, slotId] = [newId('bkg', Date.now()), newId('slt', Date.now())]
    const times = [timeIn(startsIn), timeIn(startsIn + HOUR)]
    await rowsOf(
      `insert into slots values (?, ?, ?, ?, 1, ?)`,
      slotId,
      serviceId,
      ...times,
      timeIn(0),
    )
    await rowsOf(
      `insert into bookings (id, service_id, slot_id, starts_at, ends_at, owner, booked_by, status,
         hold_until, revision, created_at, updated_at)
       values (?1, ?2, ?3, ?4, ?5, ?6, ?6, ?7, ?8, 1, ?9, ?9)`,
      id,
      serviceId,
      slotId,
      ...times,
      owner,
      status,
      hold === null ? null : timeIn(hold),
      timeIn(0),
    )
    return id
  }

  test('are what the routes allow, to everybody, in every state and at every time', async () => {
    const { callers, serviceId } = await cast()
    let allowed = 0
    for (const [name, caller, owner] of callers) {
      const cases = STATES.flatMap((state) => STARTS_IN.map((startsIn) => ({ state, startsIn })))
      await Promise.all(
        cases.map(async ({ state, startsIn }) => {
          const give = () => given(serviceId, owner, state, startsIn)
          const shown = await caller.get(`/v1/bookings/${await give()}`)
          const told: string[] = shown.status === 404 ? [] : shown.body.allowedActions
          const done: string[] = []
          for (const action of ACTIONS) {
            const { status } = await caller.post(`/v1/bookings/${await give()}/${action}`)
            if (status === 200) done.push(action)
          }
          expect(told, `${name}: ${state.join(' ')} ${startsIn}`).toEqual(done)
          allowed += done.length
        }),
      )
    }
    expect(allowed).toBeGreaterThan(50)
  })
})
