import { afterEach, describe, expect, test, vi } from 'vitest'
import {
  bookingOf,
  bookingScene,
  created,
  HOUR,
  MINUTE,
  outcomeOf,
  timeIn,
} from '../support/bookings.ts'
import { idOf, TIME } from '../support/shapes.ts'
import type { Reply } from '../support/site.ts'

/** A weekly rule in Berlin, whose clocks go forward on 2090-03-26 and back on 2090-10-29. */
const RULE = { weekdays: ['SU'], startTime: '10:00', durationMinutes: 60 }

async function berlin() {
  const scene = await bookingScene()
  const { id } = await scene.service({ timeZone: 'Europe/Berlin' })
  const path = `/v1/services/${id}/slots`
  const post = (body: object) => scene.root.post(path, body)
  const recur = (rule: object) => post({ recurrence: { ...RULE, ...rule } })
  const count = async () => (await scene.root.get(`${path}?limit=100`)).body.items.length
  return { ...scene, path, post, recur, count }
}

const startsOf = ({ body }: Reply): string[] =>
  body.items.map(({ startsAt }: { startsAt: string }) => startsAt)

const ONE = { startsAt: '2090-01-01T10:00:00Z', endsAt: '2090-01-01T11:00:00Z' }

describe('one slot', () => {
  test('is answered in UTC with all its places, whatever the offset it was sent with', async () => {
    const { post, path, site } = await berlin()
    const { status, body } = await post({
      startsAt: '2090-01-01T11:00:00+01:00',
      endsAt: '2090-01-01T12:30:00+01:00',
      capacity: 3,
    })
    expect(status).toBe(201)
    expect(body).toEqual({
      id: idOf('slt'),
      serviceId: idOf('svc'),
      startsAt: '2090-01-01T10:00:00.000Z',
      endsAt: '2090-01-01T11:30:00.000Z',
      capacity: 3,
      available: 3,
      createdAt: TIME,
    })
    expect((await site.anonymous.get(path)).body.items).toEqual([body])
  })

  test.each([
    ['a time without an offset', { ...ONE, startsAt: '2090-01-01T10:00:00' }, 'startsAt'],
    ['an end before its start', { ...ONE, endsAt: '2090-01-01T09:00:00Z' }, 'endsAt'],
    ['no time at all', { ...ONE, endsAt: '2090-01-01T11:00:00+01:00' }, 'endsAt'],
    ['a day that is none', { ...ONE, startsAt: '2090-02-30T10:00:00Z' }, 'startsAt'],
    ['no place', { ...ONE, capacity: 0 }, 'capacity'],
    ['a start alone', { startsAt: ONE.startsAt }, ''],
    [
      'a recurrence as well',
      { ...ONE, recurrence: { ...RULE, from: '2090-01-01', until: '2090-02-01' } },
      '',
    ],
  ])('is refused with %s', async (_, body, path) => {
    const { post, count } = await berlin()
    expect(await post(body)).toMatchObject({
      status: 422,
      body: { code: 'validation_failed', errors: [{ in: 'json', path }] },
    })
    expect(await count()).toBe(0)
  })

  test.each([
    ['starts within', '2090-01-01T10:59:59.999Z', '2090-01-01T12:00:00Z', 409],
    ['ends within', '2090-01-01T09:00:00Z', '2090-01-01T10:00:00.001Z', 409],
    ['lies within', '2090-01-01T10:20:00Z', '2090-01-01T10:40:00Z', 409],
    ['lies around', '2090-01-01T09:00:00Z', '2090-01-01T12:00:00Z', 409],
    ['is the same', ONE.startsAt, ONE.endsAt, 409],
    ['follows', '2090-01-01T11:00:00Z', '2090-01-01T12:00:00Z', 201],
    ['comes before', '2090-01-01T09:00:00Z', '2090-01-01T10:00:00Z', 201],
  ])('that %s another of its service: %s to %s', async (_, startsAt, endsAt, status) => {
    const { post, count, root, service } = await berlin()
    created(await post({ startsAt: '2089-01-01T10:00:00Z', endsAt: '2089-01-01T11:00:00Z' }))
    created(await post(ONE))
    expect((await post({ startsAt, endsAt })).status).toBe(status)
    expect(await count()).toBe(status === 201 ? 3 : 2)
    const elsewhere = `/v1/services/${(await service()).id}/slots`
    expect((await root.post(elsewhere, { startsAt, endsAt })).status).toBe(201)
  })
})

describe('a recurrence', () => {
  test('keeps its time on the clocks over both changes', async () => {
    const { recur } = await berlin()
    const spring = await recur({ from: '2090-03-19', until: '2090-04-02' })
    expect(startsOf(spring)).toEqual([
      '2090-03-19T09:00:00.000Z',
      '2090-03-26T08:00:00.000Z',
      '2090-04-02T08:00:00.000Z',
    ])
    const autumn = await recur({ from: '2090-10-22', until: '2090-11-05' })
    expect(startsOf(autumn)).toEqual([
      '2090-10-22T08:00:00.000Z',
      '2090-10-29T09:00:00.000Z',
      '2090-11-05T09:00:00.000Z',
    ])
  })

  test('is told before it is made, with the same refusals, and nothing is there of it', async () => {
    const { recur, root, path, count, site } = await berlin()
    const rule = { ...RULE, from: '2090-03-19', until: '2090-04-02' }
    const preview = (who: Pick<typeof root, 'post'>, change: object = {}) =>
      who.post(`${path}/preview`, { recurrence: { ...rule, ...change } })
    const { status, body } = await preview(root)
    expect([status, body.timeZone, await count()]).toEqual([200, 'Europe/Berlin', 0])
    expect((await recur(rule)).body.items).toMatchObject(body.periods)
    expect(body.periods).toHaveLength(3)
    for (const wrong of [{ startTime: '02:30' }, { from: '2001-01-07' }, { until: '2090-03-01' }]) {
      const [told, made] = [await preview(root, wrong), await recur({ ...rule, ...wrong })]
      expect([told.status, told.body.errors]).toEqual([422, made.body.errors])
    }
    expect((await preview(await site.member('ada'))).status).toBe(403)
    expect((await preview(site.anonymous)).status).toBe(401)
  })

  test('is refused where the clocks skip its time, naming the day, which can be left out', async () => {
    const { recur, count } = await berlin()
    const rule = { startTime: '02:30', from: '2090-03-19', until: '2090-04-02' }
    const refused = await recur(rule)
    expect(refused).toMatchObject({
      status: 422,
      body: { errors: [{ in: 'json', path: 'recurrence.startTime' }] },
    })
    expect(refused.body.errors[0].message).toMatch(/2090-03-26.*Europe\/Berlin skip/)
    expect(await count()).toBe(0)
    expect(startsOf(await recur({ ...rule, except: ['2090-03-26'] }))).toEqual([
      '2090-03-19T01:30:00.000Z',
      '2090-04-02T00:30:00.000Z',
    ])
  })

  test('asks which one, where the clocks show its time twice', async () => {
    const { recur } = await berlin()
    const rule = {
      startTime: '02:30',
      from: '2090-10-29',
      until: '2090-10-29',
      durationMinutes: 30,
    }
    const asked = await recur(rule)
    expect(asked).toMatchObject({
      status: 422,
      body: { errors: [{ path: 'recurrence.ambiguous' }] },
    })
    expect(asked.body.errors[0].message).toMatch(/2090-10-29.*earlier or later/)
    const [earlier, later] = [
      await recur({ ...rule, ambiguous: 'earlier' }),
      await recur({ ...rule, ambiguous: 'later' }),
    ]
    expect(startsOf(earlier)).toEqual(['2090-10-29T00:30:00.000Z'])
    expect(startsOf(later)).toEqual(['2090-10-29T01:30:00.000Z'])
  })

  describe('that ends on the clock', () => {
    const DAYS = { weekdays: ['FR', 'SA', 'SU', 'MO'], startTime: '00:00' }
    /** The clocks go forward on Sunday 28 March 2027. */
    const SPRING = { from: '2027-03-26', until: '2027-03-29' }
    const NIGHTS = { weekdays: ['SA', 'SU'], startTime: '22:00', endTime: '06:00' }
    const endsOf = ({ body }: Reply): string[] =>
      body.items.map(({ endsAt }: { endsAt: string }) => endsAt)
    const rule = (fields: object) => ({ ...fields, durationMinutes: undefined })
    afterEach(() => vi.useRealTimers())

    async function inBerlin() {
      vi.useFakeTimers({ now: Date.parse('2027-01-01T00:00:00Z'), toFake: ['Date'] })
      return berlin()
    }

    test('takes whole days, of which one has 23 hours', async () => {
      const { recur } = await inBerlin()
      const minutes = await recur({ ...DAYS, ...SPRING, durationMinutes: 1440 })
      expect(minutes.body.errors[0].message).toMatch(/overlap.*endTime, days or both/)
      const reply = await recur(rule({ ...DAYS, ...SPRING, days: 1 }))
      expect(endsOf(reply)).toEqual([...startsOf(reply).slice(1), '2027-03-29T22:00:00.000Z'])
    })

    test('takes whole days, of which one has 25 hours', async () => {
      const { recur } = await inBerlin()
      const autumn = { from: '2027-10-29', until: '2027-11-01' }
      const reply = await recur(rule({ ...DAYS, ...autumn, days: 1 }))
      expect(endsOf(reply)).toEqual([...startsOf(reply).slice(1), '2027-11-01T23:00:00.000Z'])
    })

    test('takes a night, which ends at its time whatever the clocks do meanwhile', async () => {
      const { recur } = await inBerlin()
      const spring = await recur(rule({ ...NIGHTS, from: '2027-03-27', until: '2027-03-28' }))
      expect(endsOf(spring)).toEqual(['2027-03-28T04:00:00.000Z', '2027-03-29T04:00:00.000Z'])
      const autumn = await recur(rule({ ...NIGHTS, from: '2027-10-30', until: '2027-10-31' }))
      expect(endsOf(autumn)).toEqual(['2027-10-31T05:00:00.000Z', '2027-11-01T05:00:00.000Z'])
    })

    test.each([
      ['later that day', { startTime: '10:00', endTime: '11:30' }, '2090-01-01T10:30:00.000Z'],
      ['a day later', { startTime: '10:00', endTime: '10:00' }, '2090-01-02T09:00:00.000Z'],
      ['days later', { startTime: '15:00', endTime: '11:00', days: 3 }, '2090-01-04T10:00:00.000Z'],
      [
        'days later, and later that day',
        { startTime: '10:00', endTime: '11:00', days: 2 },
        '2090-01-03T10:00:00.000Z',
      ],
    ])('ends %s', async (_, fields, end) => {
      const { recur } = await berlin()
      const reply = await recur(rule({ ...fields, from: '2090-01-01', until: '2090-01-01' }))
      expect(endsOf(reply)).toEqual([end])
    })

    test.each([
      ['an end that the clocks skip', { endTime: '02:30' }, 'endTime', /2027-03-28.*skip/],
      ['days that end when they do', { startTime: '02:30', days: 1 }, 'days', /2027-03-28.*skip/],
      ['days that overlap', { weekdays: ['SA', 'SU'], days: 2 }, 'days', /overlap/],
      [
        'an end after the next start',
        { weekdays: ['FR', 'SA'], days: 1, endTime: '23:00' },
        'endTime',
        /overlap/,
      ],
      [
        'a duration as well',
        { endTime: '12:00', durationMinutes: 60 },
        'durationMinutes',
        /either/,
      ],
      ['no end at all', {}, 'durationMinutes', /either/],
    ])('is refused with %s', async (_, fields, path, message) => {
      const { recur, count } = await inBerlin()
      const weekend = {
        weekdays: ['SA'],
        startTime: '22:00',
        from: '2027-03-26',
        until: '2027-03-28',
      }
      const { status, body } = await recur({ ...rule(weekend), ...fields })
      expect([status, body.errors]).toEqual([
        422,
        [{ in: 'json', path: `recurrence.${path}`, message: expect.stringMatching(message) }],
      ])
      expect(await count()).toBe(0)
    })

    test('asks which one, where the clocks show its end twice', async () => {
      const { recur } = await inBerlin()
      const night = rule({
        ...NIGHTS,
        weekdays: ['SA'],
        endTime: '02:30',
        from: '2027-10-30',
        until: '2027-10-30',
      })
      expect((await recur(night)).body.errors[0].path).toBe('recurrence.ambiguous')
      expect(endsOf(await recur({ ...night, ambiguous: 'later' }))).toEqual([
        '2027-10-31T01:30:00.000Z',
      ])
    })
  })

  test('leaves out its exceptions, and takes every weekday it names', async () => {
    const { recur } = await berlin()
    const reply = await recur({
      weekdays: ['MO', 'WE'],
      from: '2090-01-02',
      until: '2090-01-16',
      except: ['2090-01-04', '2090-01-09'],
    })
    expect(startsOf(reply).map((start) => start.slice(0, 10))).toEqual([
      '2090-01-02',
      '2090-01-11',
      '2090-01-16',
    ])
  })

  test('makes none of its slots if one of them overlaps', async () => {
    const { post, recur, count, root } = await berlin()
    created(await post({ startsAt: '2090-01-15T09:30:00Z', endsAt: '2090-01-15T10:30:00Z' }))
    const refused = await recur({ from: '2090-01-01', until: '2090-02-01' })
    expect(outcomeOf(refused)).toBe('409 conflict')
    expect(await count()).toBe(1)
    expect((await root.get('/v1/audit?action=slot.create')).body.items).toHaveLength(1)
  })

  test.each([
    [
      'more than a thousand slots',
      {
        weekdays: ['MO', 'TU', 'WE', 'TH', 'FR', 'SA', 'SU'],
        from: '2090-01-01',
        until: '2092-09-27',
      },
      'until',
      /1000/,
    ],
    ['ten thousand days', { from: '2090-01-01', until: '2120-01-01' }, 'until', /days after from/],
    ['no day', { from: '2090-01-02', until: '2090-01-03' }, 'weekdays', /at least one/],
    [
      'its days the wrong way round',
      { from: '2090-02-01', until: '2090-01-01' },
      'until',
      /not before from/,
    ],
    [
      'slots that overlap each other',
      { weekdays: ['MO', 'TU'], durationMinutes: 1441, from: '2090-01-01', until: '2090-02-01' },
      'durationMinutes',
      /overlap/,
    ],
    [
      'an end after all years',
      {
        weekdays: ['FR'],
        startTime: '23:30',
        durationMinutes: 120,
        from: '9999-12-31',
        until: '9999-12-31',
      },
      'until',
      /9999/,
    ],
  ])('is refused with %s', async (_, rule, field, message) => {
    const { recur, count } = await berlin()
    const { status, body } = await recur(rule)
    expect(status).toBe(422)
    expect(body.errors).toEqual([
      { in: 'json', path: `recurrence.${field}`, message: expect.stringMatching(message) },
    ])
    expect(await count()).toBe(0)
  })

  test('makes a thousand slots at once, and with its Idempotency-Key only once', async () => {
    const { root, path } = await berlin()
    const weekdays = ['MO', 'TU', 'WE', 'TH', 'FR', 'SA', 'SU']
    const recurrence = { ...RULE, weekdays, from: '2090-01-01', until: '2092-09-26' }
    const post = () => root.post(path, { recurrence }, { headers: { 'Idempotency-Key': 'once' } })
    const [first, again] = [await post(), await post()]
    expect(first.body.items).toHaveLength(1000)
    expect([again.status, again.text === first.text]).toEqual([201, true])
    expect(again.headers.get('Idempotency-Replayed')).toBe('true')
  })
})

describe('a slot that has begun', () => {
  test('cannot be made, nor can a recurrence whose first one has', async () => {
    const { post, recur, count } = await berlin()
    const [startsAt, endsAt] = [new Date().toISOString(), timeIn(HOUR)]
    const refusals = [
      await post({ startsAt, endsAt }),
      await post({ startsAt: '2020-01-01T10:00:00Z', endsAt: '2090-01-01T10:00:00Z' }),
      await recur({ from: '2020-01-01', until: '2020-02-01' }),
    ]
    expect(refusals.map(outcomeOf)).toEqual(Array(3).fill('422 validation_failed'))
    const paths = refusals.map(({ body }) => body.errors[0].path)
    expect(paths).toEqual(['startsAt', 'startsAt', 'recurrence.from'])
    expect(await count()).toBe(0)
  })

  test('is in the list only from a time before now, and has nothing available', async () => {
    const { site, service, slotOf } = await bookingScene()
    const { id: serviceId } = await service()
    const begun = await slotOf(serviceId, { startsIn: -MINUTE, capacity: 2 })
    const toCome = await slotOf(serviceId, { startsIn: 2 * HOUR, capacity: 2 })
    const read = async (query: string) =>
      (await site.anonymous.get(`/v1/services/${serviceId}/slots${query}`)).body.items.map(
        ({ id, available }: { id: string; available: number }) => [id, available],
      )
    expect(await read('')).toEqual([[toCome.id, 2]])
    expect(await read('?from=2000-01-01T00:00:00Z')).toEqual([
      [begun.id, 0],
      [toCome.id, 2],
    ])
  })
})

describe('the list of slots', () => {
  test('is in the order of time, in pages, from and to a time', async () => {
    const { post, path, site } = await berlin()
    const days = ['03', '01', '02', '04']
    for (const day of days) {
      created(
        await post({ startsAt: `2090-01-${day}T10:00:00Z`, endsAt: `2090-01-${day}T11:00:00Z` }),
      )
    }
    const read = async (query: string) => site.anonymous.get(`${path}?${query}`)
    const daysOf = (reply: Reply) => startsOf(reply).map((start) => start.slice(8, 10))
    const page = await read('limit=3')
    expect(daysOf(page)).toEqual(['01', '02', '03'])
    expect(daysOf(await read(`limit=3&cursor=${page.body.nextCursor}`))).toEqual(['04'])
    const period = 'from=2090-01-02T10:00:00Z&to=2090-01-04T10:00:00Z'
    expect(daysOf(await read(period))).toEqual(['02', '03'])
    expect((await read(`${period}&cursor=${page.body.nextCursor}`)).status).toBe(422)
  })
})

describe('DELETE /v1/slots/{slotId}', () => {
  test('is refused while a booking lives, and leaves what was booked on record', async () => {
    const { site, root, slot } = await bookingScene()
    const [ada, slotId] = [await site.member('ada'), await slot()]
    const { id } = await bookingOf(ada, slotId)
    expect(outcomeOf(await root.delete(`/v1/slots/${slotId}`))).toBe('409 conflict')
    await root.post(`/v1/bookings/${id}/confirm`)
    expect(outcomeOf(await root.delete(`/v1/slots/${slotId}`))).toBe('409 conflict')
    await ada.post(`/v1/bookings/${id}/cancel`)
    expect((await root.delete(`/v1/slots/${slotId}`)).status).toBe(204)
    expect(outcomeOf(await root.delete(`/v1/slots/${slotId}`))).toBe('404 not_found')
    expect((await ada.get(`/v1/bookings/${id}`)).body).toMatchObject({ slotId, status: 'canceled' })
    expect(outcomeOf(await ada.post('/v1/bookings', { slotId }))).toBe('404 not_found')
  })

  test('against twenty bookings at once: either the slot is gone, or a booking holds it', async () => {
    const { site, root, slot } = await bookingScene()
    const slotId = await slot({}, { capacity: 20 })
    const members = await Promise.all(
      Array.from({ length: 20 }, (_, index) => site.member(`member ${index}`)),
    )
    const [deleted, ...booked] = await Promise.all([
      root.delete(`/v1/slots/${slotId}`),
      ...members.map((who) => who.post('/v1/bookings', { slotId })),
    ])
    const expected = deleted?.status === 204 ? 404 : 201
    expect(new Set(booked.map(({ status }) => status))).toEqual(new Set([expected]))
  })
})
