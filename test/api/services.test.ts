import { describe, expect, test } from 'vitest'
import { bookingOf, bookingScene, HOUR, outcomeOf } from '../support/bookings.ts'
import { rowsOf } from '../support/population.ts'
import { idOf, TIME } from '../support/shapes.ts'
import { testSite } from '../support/site.ts'

describe('POST /v1/services', () => {
  test('answers the service with its defaults, as everybody reads it', async () => {
    const { site, manager } = await bookingScene(testSite({ SITE_TIME_ZONE: 'Europe/Berlin' }))
    const { status, body } = await (await manager()).post('/v1/services', { name: 'Haircut' })
    expect(status).toBe(201)
    expect(body).toEqual({
      id: idOf('svc'),
      name: 'Haircut',
      description: '',
      timeZone: 'Europe/Berlin',
      autoConfirm: false,
      cancelUntilMinutes: 0,
      holdMinutes: null,
      revision: 1,
      createdAt: TIME,
      updatedAt: TIME,
    })
    expect((await site.anonymous.get(`/v1/services/${body.id}`)).body).toEqual(body)
    expect((await site.anonymous.get('/v1/services')).body).toEqual({
      items: [body],
      nextCursor: null,
    })
  })

  test('with an Idempotency-Key makes one, and answers the same bytes again', async () => {
    const { site, root } = await bookingScene()
    const post = () =>
      root.post('/v1/services', { name: 'Haircut' }, { headers: { 'Idempotency-Key': 'once' } })
    const [first, again] = [await post(), await post()]
    expect([again.status, again.text]).toEqual([201, first.text])
    expect(again.headers.get('Idempotency-Replayed')).toBe('true')
    expect((await site.anonymous.get('/v1/services')).body.items).toHaveLength(1)
  })

  test.each([
    ['a time zone nobody has', { timeZone: 'Europe/Atlantis' }, 'timeZone'],
    ['an abbreviation of one continent or another', { timeZone: 'IST' }, 'timeZone'],
    ['an abbreviation that times can be computed with', { timeZone: 'CET' }, 'timeZone'],
    ['an abbreviation of two times', { timeZone: 'PST8PDT' }, 'timeZone'],
    ['an offset, which knows no summer', { timeZone: '+01:00' }, 'timeZone'],
    ['an offset in the short form', { timeZone: '-0330' }, 'timeZone'],
    ['a limit in the future', { cancelUntilMinutes: -1 }, 'cancelUntilMinutes'],
    ['a hold of no time', { holdMinutes: 0 }, 'holdMinutes'],
    ['half a minute', { holdMinutes: 0.5 }, 'holdMinutes'],
    ['no name', { name: '' }, 'name'],
    ['a text for a yes', { autoConfirm: 'true' }, 'autoConfirm'],
    ['a revision', { revision: 5 }, 'revision'],
  ])('refuses %s', async (_, fields, path) => {
    const { root } = await bookingScene()
    expect(await root.post('/v1/services', { name: 'Haircut', ...fields })).toMatchObject({
      status: 422,
      body: { errors: [{ in: 'json', path }] },
    })
  })
})

describe('a time zone', () => {
  test.each([
    ['EUROPE/BERLIN', 'Europe/Berlin'],
    ['america/port-au-prince', 'America/Port-au-Prince'],
    ['ANTARCTICA/DUMONTDURVILLE', 'Antarctica/DumontDUrville'],
    ['asia/calcutta', 'Asia/Calcutta'],
    ['us/pacific', 'US/Pacific'],
    ['etc/gmt+5', 'Etc/GMT+5'],
    ['utc', 'UTC'],
  ])('that is sent as %s is kept as %s, and slots are computed in it', async (sent, kept) => {
    const { root } = await bookingScene()
    const made = await root.post('/v1/services', { name: 'Haircut', timeZone: sent })
    expect([made.status, made.body.timeZone]).toEqual([201, kept])
    const patched = await root.patch(`/v1/services/${made.body.id}`, { timeZone: sent })
    expect(patched.body.timeZone).toBe(kept)
    const recurrence = {
      weekdays: ['SU'],
      startTime: '10:00',
      durationMinutes: 60,
      from: '2090-01-01',
      until: '2090-01-01',
    }
    const slots = await root.post(`/v1/services/${made.body.id}/slots`, { recurrence })
    expect(slots.status).toBe(201)
  })

  test('from before names were checked has its service say so, and not fail', async () => {
    const { root, service } = await bookingScene()
    const { id } = await service()
    await rowsOf(`update services set time_zone = 'IST'`)
    const recurrence = {
      weekdays: ['SU'],
      startTime: '10:00',
      durationMinutes: 60,
      from: '2090-01-01',
      until: '2090-01-01',
    }
    const refused = await root.post(`/v1/services/${id}/slots`, { recurrence })
    expect(outcomeOf(refused)).toBe('409 invalid_state')
    await root.patch(`/v1/services/${id}`, { timeZone: 'Asia/Kolkata' })
    expect((await root.post(`/v1/services/${id}/slots`, { recurrence })).status).toBe(201)
  })
})

describe('PATCH /v1/services/{serviceId}', () => {
  test('merges what is given, and moves the revision', async () => {
    const { root, service } = await bookingScene()
    const made = await service({ holdMinutes: 5 })
    const { body } = await root.patch(`/v1/services/${made.id}`, { holdMinutes: null })
    expect(body).toEqual({ ...made, holdMinutes: null, revision: 2, updatedAt: TIME })
    const headers = { 'If-Match': '"1"' }
    const stale = await root.patch(`/v1/services/${made.id}`, { name: 'Shave' }, { headers })
    expect(outcomeOf(stale)).toBe('412 precondition_failed')
  })

  test('of two at once with one revision lets one through', async () => {
    const { root, service } = await bookingScene()
    const { id } = await service()
    const headers = { 'If-Match': '"1"' }
    const replies = await Promise.all(
      ['A', 'B'].map((name) => root.patch(`/v1/services/${id}`, { name }, { headers })),
    )
    expect(replies.map(outcomeOf)).toContain('412 precondition_failed')
    expect((await root.get(`/v1/services/${id}`)).body.revision).toBe(2)
  })

  test('changes nothing about a booking, not even until when its owner may cancel it', async () => {
    const { site, root, service, slotOf } = await bookingScene()
    const { id: serviceId } = await service({ autoConfirm: true })
    const ada = await site.member('ada')
    const booked = await bookingOf(ada, (await slotOf(serviceId, { startsIn: HOUR })).id)
    await root.patch(`/v1/services/${serviceId}`, { cancelUntilMinutes: 120, holdMinutes: 1 })
    const { body } = await ada.get(`/v1/bookings/${booked.id}`)
    expect(body).toEqual(booked)
    expect(body.allowedActions).toEqual(['cancel'])
  })
})

describe('DELETE /v1/services/{serviceId}', () => {
  test('takes the slots along, and is refused while a booking of one of them lives', async () => {
    const { site, root, service, slotOf } = await bookingScene()
    const { id } = await service()
    await slotOf(id, { startsIn: 3 * HOUR })
    const booked = await bookingOf(await site.member('ada'), (await slotOf(id)).id)
    expect(outcomeOf(await root.delete(`/v1/services/${id}`))).toBe('409 conflict')
    const stale = { headers: { 'If-Match': '"9"' } }
    expect(outcomeOf(await root.delete(`/v1/services/${id}`, stale))).toBe(
      '412 precondition_failed',
    )
    expect((await root.get(`/v1/services/${id}`)).body.revision).toBe(1)

    await root.post(`/v1/bookings/${booked.id}/decline`)
    expect((await root.delete(`/v1/services/${id}`)).status).toBe(204)
    expect((await root.get(`/v1/services/${id}`)).status).toBe(404)
    expect((await root.get(`/v1/services/${id}/slots`)).status).toBe(404)
    expect(await rowsOf('select id from slots')).toEqual([])
    expect((await root.get(`/v1/bookings/${booked.id}`)).body).toMatchObject({
      status: 'declined',
      serviceId: id,
    })
  })

  test('is not held up by what is over', async () => {
    const { site, root, service, slotOf } = await bookingScene()
    const { id } = await service({ autoConfirm: true })
    const booked = await bookingOf(await site.member('ada'), (await slotOf(id)).id)
    await rowsOf(
      `update slots set starts_at = '2020-01-01T10:00:00.000Z', ends_at = '2020-01-01T11:00:00.000Z'`,
    )
    expect((await root.delete(`/v1/services/${id}`)).status).toBe(204)
    expect((await root.get(`/v1/bookings/${booked.id}`)).body.status).toBe('confirmed')
  })
})
