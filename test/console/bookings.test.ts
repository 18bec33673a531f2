/** The pages about bookings: who sees them, and that what they ask for is what the API does. */
import { describe, expect, test } from 'vitest'
import { bookingOf, bookingScene, newContact } from '../support/bookings.ts'
import { consoleSite } from '../support/console.ts'
import { countingStorage } from '../support/counting.ts'

const MARKUP = `<img src=x onerror=alert(1)>"'&`

/** A manager at the console, and bookings of members that wait for an answer. */
async function inbox(of: ReturnType<typeof consoleSite> = consoleSite()) {
  const { slot, root } = await bookingScene(of)
  const manager = await of.person('Mia', 'bookings-manager')
  const ada = await of.member('ada')
  const booked = async (fields: object = {}) =>
    (await bookingOf(ada, await slot({ name: MARKUP }), { ...newContact(), ...fields })).id
  return { site: of, root, manager, ada, booked, slot }
}

const formOf = (fields: readonly (readonly [string, string])[]) =>
  new URLSearchParams(fields.map(([name, value]) => [name, value])).toString()

describe('the inbox', () => {
  test('shows whose they are to who may decide, as text, for two calls of D1', async () => {
    const { storage, costOf } = countingStorage()
    const { manager, booked } = await inbox(consoleSite(storage))
    const id = await booked({ name: MARKUP, email: 'grace@example.com' })
    await manager.get('/console/bookings')
    let text = ''
    const { d1 } = await costOf(async () => ({ text } = await manager.get('/console/bookings')))
    expect(d1).toBeLessThanOrEqual(2)
    expect(text).toContain('grace@example.com')
    expect(text).toContain(`name="booking" value="${id}"`)
    const own = await manager.get(`/console/bookings/${id}`)
    for (const page of [text, own.text]) {
      expect(page).toContain('&lt;img src=x')
      expect(page).not.toContain('<img src=x')
    }
  })

  test('is filtered by its address, and says so when the API refuses a filter', async () => {
    const { manager, ada, booked } = await inbox()
    const [waiting, gone] = [await booked(), await booked()]
    await ada.post(`/v1/bookings/${gone}/cancel`)
    const at = async (search: string) => (await manager.get(`/console/bookings${search}`)).text
    const shows = (text: string) => [waiting, gone].map((id) => text.includes(`/bookings/${id}"`))
    expect(shows(await at(''))).toEqual([true, false])
    expect(shows(await at('?status=canceled'))).toEqual([false, true])
    expect(shows(await at(`?status=all&owner=${ada.userId}`))).toEqual([true, true])
    expect(shows(await at(`?status=all&owner=${manager.userId}`))).toEqual([false, false])
    expect(shows(await at('?status=all&to=2001-01-01'))).toEqual([false, false])
    expect(shows(await at('?status=all&from=2001-01-01'))).toEqual([true, true])
    const { status, text } = await manager.get('/console/bookings?from=2001-02-31')
    expect([status, text.includes('validation_failed')]).toEqual([422, true])
  })

  test('answers many at once, with a result for each, once', async () => {
    const { manager, root, ada, booked } = await inbox()
    const [first, second, gone] = [await booked(), await booked(), await booked()]
    const { text } = await manager.get('/console/bookings')
    await ada.post(`/v1/bookings/${gone}/cancel`)
    const once = /name="once" value="([\w-]+)"/.exec(text)?.[1] ?? ''
    const send = () =>
      manager.send('POST', '/console/bookings', {
        headers: { 'Content-Type': 'application/x-www-form-urlencoded' },
        body: formOf([
          ['once', once],
          ['action', 'confirm'],
          ['reason', 'of no use to a confirmation'],
          ...[first, second, gone].map((id) => ['booking', id] as const),
        ]),
      })
    const [answer, again] = [await send(), await send()]
    expect(answer.status).toBe(200)
    expect(answer.text).toContain('2 of 3 were changed.')
    expect(answer.text.match(/>confirmed<|>as it was</g)).toEqual([
      '>confirmed<',
      '>confirmed<',
      '>as it was<',
    ])
    expect(again.text).toContain('2 of 3 were changed.')
    expect((await root.get(`/v1/bookings/${first}`)).body.confirmedBy).toBe(manager.userId)
  })

  test('wants something chosen', async () => {
    const { manager, booked } = await inbox()
    await booked()
    const { status, text } = await manager.post('/console/bookings', { action: 'decline' })
    expect([status, text.includes('Choose at least one booking.')]).toEqual([422, true])
  })

  test('is the API’s refusal to whoever may not decide', async () => {
    const { site, root, booked } = await inbox()
    const id = await booked()
    const moderator = await site.person('Mod', 'moderator')
    const listed = await moderator.get('/console/bookings')
    expect([listed.status, listed.text.includes(id)]).toEqual([200, false])
    expect((await moderator.get('/console')).text).not.toContain('href="/console/bookings"')
    for (const [path, form] of [
      ['/console/bookings', { action: 'confirm', booking: id }],
      [`/console/bookings/${id}/confirm`, { revision: '1' }],
    ] as const) {
      const { status, text } = await moderator.post(path, form)
      expect([path, status]).toEqual([path, 403])
      expect(text).toMatch(/Stage.*permission.*booking:confirm/s)
    }
    expect((await moderator.get(`/console/bookings/${id}`)).status).toBe(404)
    expect((await root.get(`/v1/bookings/${id}`)).body.status).toBe('pending')
  })
})

describe('the page of a booking', () => {
  test('offers what the API allows, and does it to the revision that was seen', async () => {
    const { manager, root, booked } = await inbox()
    const id = await booked()
    const place = `/console/bookings/${id}`
    const seen = (await manager.get(place)).text
    for (const action of ['confirm', 'decline', 'cancel'])
      expect(seen).toContain(`action="${place}/${action}"`)
    expect(seen).toContain(`href="/v1/bookings/${id}/calendar.ics"`)
    const { headers } = await manager.get(`/v1/bookings/${id}/calendar.ics`)
    expect(headers.get('Content-Type')).toMatch(/^text\/calendar/)
    const form = { revision: '1', reason: 'Closed <b>then</b>' }
    const { location } = await manager.post(`${place}/decline`, form)
    expect(location).toBe(`${place}?done=declined`)
    const late = await manager.post(`${place}/confirm`, { revision: '1' })
    expect([late.status, late.text.includes('precondition_failed')]).toEqual([412, true])
    expect(late.text).toContain('Closed &lt;b&gt;then&lt;/b&gt;')
    expect(late.text).not.toContain(`action="${place}/confirm"`)
    expect((await root.get(`/v1/bookings/${id}`)).body.status).toBe('declined')
  })

  test('erases what was left when told so in a word', async () => {
    const { manager, root, booked } = await inbox()
    const id = await booked()
    const place = `/console/bookings/${id}`
    expect((await manager.post(`${place}/erase`, { typed: 'ease' })).status).toBe(422)
    const { location } = await manager.post(`${place}/erase`, { typed: 'erase' })
    expect(location).toBe(`${place}?done=erased`)
    const { text } = await root.get(`/v1/bookings/${id}`)
    expect(text).not.toContain('@example.com')
  })

  test('of one’s own has nobody confirm it', async () => {
    const { manager, slot } = await inbox()
    const made = await manager.send('POST', '/v1/bookings', {
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify({ slotId: await slot() }),
    })
    const { id }: { id: string } = JSON.parse(made.text)
    const place = `/console/bookings/${id}`
    expect((await manager.get(place)).text).not.toContain(`action="${place}/confirm"`)
    const { status, text } = await manager.post(`${place}/confirm`, { revision: '1' })
    expect([status, text.includes('ownership')]).toEqual([403, true])
  })
})
