/** The pages about services, their slots and their week. */
import { describe, expect, test } from 'vitest'
import { bookingOf, bookingScene } from '../support/bookings.ts'
import { consoleSite } from '../support/console.ts'
import { countingStorage } from '../support/counting.ts'

const MARKUP = `<img src=x onerror=alert(1)>"'&`

async function scene(of: ReturnType<typeof consoleSite> = consoleSite()) {
  const { service, slotOf, root } = await bookingScene(of)
  const manager = await of.person('Mia', 'bookings-manager')
  return { site: of, root, manager, service, slotOf }
}

describe('services', () => {
  test('are listed as text, with buttons for who may change them, for two calls of D1', async () => {
    const { storage, costOf } = countingStorage()
    const { site, manager, service } = await scene(consoleSite(storage))
    const { id } = await service({ name: MARKUP, description: MARKUP })
    await manager.get('/console/services')
    let listed = ''
    const { d1 } = await costOf(
      async () => ({ text: listed } = await manager.get('/console/services')),
    )
    expect(d1).toBeLessThanOrEqual(2)
    expect(listed).toContain('New service')
    const { text } = await manager.get(`/console/services/${id}`)
    for (const page of [listed, text]) {
      expect(page).toContain('&lt;img src=x')
      expect(page).not.toContain('<img src=x')
    }
    const moderator = await site.person('Mod', 'moderator')
    expect((await moderator.get('/console/services')).text).not.toContain('New service')
    const refused = await moderator.post('/console/services/new', { name: 'Mine' })
    expect([refused.status, refused.text.includes('service:manage')]).toEqual([403, true])
  })

  test('are made, changed by one of two, and deleted by their name', async () => {
    const { manager, root, slotOf, site } = await scene()
    const times = { timeZone: 'Europe/Berlin', cancelUntilMinutes: '0', holdMinutes: '90' }
    const form = { name: 'Tour', description: '', autoConfirm: 'yes', ...times }
    const { location } = await manager.post('/console/services/new', form)
    const [, id = ''] = /services\/(svc_\w+)\?done=created/.exec(location ?? '') ?? []
    expect((await root.get(`/v1/services/${id}`)).body).toMatchObject({
      name: 'Tour',
      autoConfirm: true,
      holdMinutes: 90,
      cancelUntilMinutes: 0,
    })
    const place = `/console/services/${id}`
    const edit = (name: string) => manager.post(`${place}/edit`, { ...form, name, revision: '1' })
    expect((await edit('One')).location).toBe(`${place}?done=saved`)
    const late = await edit('Two')
    expect(late.status).toBe(412)
    expect(late.text).toMatch(/There now.*<dd>One<\/dd>.*Typed by you.*<dd>Two<\/dd>/s)
    const wrong = await manager.post(`${place}/edit`, { ...form, timeZone: 'CET', revision: '2' })
    expect(wrong.text).toMatch(/id="timeZone-error">[^<]*IANA/)
    const slot = await slotOf(id)
    await bookingOf(await site.member('ada'), slot.id)
    expect((await manager.post(`${place}/delete`, { typed: 'Two' })).status).toBe(422)
    const kept = await manager.post(`${place}/delete`, { typed: 'One' })
    expect([kept.status, kept.text.includes('role="alert"')]).toEqual([409, true])
    const slotKept = await manager.post(`${place}/slots/${slot.id}/delete`)
    expect([slotKept.status, slotKept.text.includes('role="alert"')]).toEqual([409, true])
    const other = await slotOf(id, { startsIn: 3 * 86_400_000 })
    expect((await manager.get(place)).text).toContain(`/slots/${other.id}/delete`)
    const gone = await manager.post(`${place}/slots/${other.id}/delete`)
    expect(gone.location).toBe(`${place}?done=deleted`)
    expect((await root.get(`/v1/services/${id}/slots`)).body.items).toHaveLength(1)
  })
})

describe('new slots', () => {
  const RULE = {
    kind: 'weekly',
    weekdays: 'MO',
    startTime: '10:00',
    durationMinutes: '60',
    // Between these the clocks of Berlin go forward.
    from: '2090-03-20',
    until: '2090-03-31',
    capacity: '3',
  }

  test('of a rule are shown before they are made, and nothing is there until then', async () => {
    const { manager, root, service } = await scene()
    const { id } = await service({ timeZone: 'Europe/Berlin' })
    const place = `/console/services/${id}/slots`
    const { status, text } = await manager.post(`${place}/preview`, RULE)
    expect(status).toBe(200)
    expect(text).toMatch(/20 Mar 2090.*10:00–11:00.*27 Mar 2090.*10:00–11:00/s)
    const live = await manager.post(`${place}/dates`, RULE)
    expect(live.text).toContain('27 Mar 2090')
    expect(live.text).not.toContain('<html')
    const begun = await manager.post(`${place}/dates`, { kind: 'weekly', startTime: '10:00' })
    expect([begun.status, begun.text.includes('role="alert"')]).toEqual([200, false])
    const listed = async () => (await root.get(`/v1/services/${id}/slots`)).body.items
    expect(await listed()).toEqual([])
    const [, shown = ''] =
      /<form method="post" action="[^"]*\/slots\/new">(.*?)<\/form>/s.exec(text) ?? []
    const hidden = [...shown.matchAll(/name="(\w+)" value="([^"]*)"/g)]
    const form = Object.fromEntries(hidden.map(([, name = '', value = '']) => [name, value]))
    expect(form).toMatchObject(RULE)
    const made = await manager.post(`${place}/new`, form)
    expect(made.location).toBe(`/console/services/${id}?done=created`)
    expect(await manager.post(`${place}/new`, form)).toMatchObject({ status: 303 })
    expect(await listed()).toMatchObject([
      { startsAt: '2090-03-20T09:00:00.000Z', capacity: 3 },
      { startsAt: '2090-03-27T08:00:00.000Z', capacity: 3 },
    ])
    const again = await manager.post(`${place}/new`, RULE)
    expect([again.status, again.text.includes('overlaps')]).toEqual([409, true])
  })

  test('one is a day and a time, on the clocks of the service', async () => {
    const { manager, root, service } = await scene()
    const { id } = await service({ timeZone: 'Europe/Berlin' })
    const one = { kind: 'one', from: '2090-07-01', startTime: '18:00', endTime: '19:30' }
    const { location } = await manager.post(`/console/services/${id}/slots/new`, one)
    expect(location).toBe(`/console/services/${id}?done=created`)
    expect((await root.get(`/v1/services/${id}/slots`)).body.items).toMatchObject([
      { startsAt: '2090-07-01T16:00:00.000Z', endsAt: '2090-07-01T17:30:00.000Z', capacity: 1 },
    ])
  })

  test('that cannot be are shown with what is wrong', async () => {
    const { manager, service } = await scene()
    const { id } = await service({ timeZone: 'Europe/Berlin' })
    const place = `/console/services/${id}/slots`
    for (const [path, form, field] of [
      ['preview', { ...RULE, until: '2089-01-01' }, 'until'],
      ['preview', { ...RULE, weekdays: 'SU', startTime: '02:30' }, 'startTime'],
      ['new', { kind: 'one', from: '2001-01-01', startTime: '10:00', endTime: '11:00' }, 'from'],
    ] as const) {
      const { status, text } = await manager.post(`${place}/${path}`, form)
      expect([field, status]).toEqual([field, 422])
      expect(text).toContain(`id="${field}-error"`)
    }
  })
})

test('the calendar has the week of a service on its clocks, and those of others by links', async () => {
  const { site, manager, root, service } = await scene()
  expect((await manager.get('/console/calendar')).text).toContain('There are no services yet')
  const { id } = await service({ name: MARKUP, timeZone: 'Pacific/Auckland' })
  // Sunday at noon in UTC is Monday in Auckland.
  const { body: slot } = await root.post(`/v1/services/${id}/slots`, {
    startsAt: '2090-03-05T12:00:00Z',
    endsAt: '2090-03-05T13:00:00Z',
  })
  await bookingOf(await site.member('ada'), slot.id, {
    ...{ email: 'grace@example.com', phone: '+4930123456' },
    name: MARKUP,
  })
  const week = async (day: string) =>
    (await manager.get(`/console/calendar?service=${id}&week=${day}`)).text
  const text = await week('2090-03-08')
  expect(text).toMatch(/data-label="Mon 6 Mar".*?01:00–02:00.*?0 of 1 free.*?pending/s)
  expect(text).toContain('week=2090-02-27"')
  expect(text).toContain('week=2090-03-13"')
  expect(text).not.toContain('<img src=x')
  expect(await week('2090-03-05')).not.toContain('0 of 1 free')
  expect((await manager.get(`/console/calendar?week=nonsense`)).status).toBe(422)
})
