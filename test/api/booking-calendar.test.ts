/** Calendar entries by RFC 5545, read by the rules of its section 3.1. */
import { describe, expect, test } from 'vitest'
import { calendarOf } from '../../src/calendar/entries.ts'
import { text } from '../../src/api/schemas.ts'
import { bookingOf, bookingScene, created } from '../support/bookings.ts'
import { STRINGS } from '../support/naughty.ts'
import { type Client, ORIGIN } from '../support/site.ts'

/** Property lines of the one VEVENT, unfolded; the text values unescaped (section 3.3.11). */
function parse(file: string) {
  expect(file.endsWith('\r\nEND:VCALENDAR\r\n')).toBe(true)
  const physical = file.replace(/\r\n$/, '').split('\r\n')
  for (const line of physical) {
    expect(line).not.toMatch(/[\r\n]/)
    expect(new TextEncoder().encode(line).length).toBeLessThanOrEqual(75)
  }
  const lines = physical
    .join('\r\n')
    .replaceAll(/\r\n[ \t]/g, '')
    .split('\r\n')
  const properties = lines.map((line): [string, string] => {
    const [, name = '', value = ''] = /^([A-Z-]+)(?:;[A-Z-]+=[^:;]*)*:(.*)$/su.exec(line) ?? []
    expect(name, `in ${line}`).not.toBe('')
    return [name, value]
  })
  const begin = properties.findIndex(([name, value]) => name === 'BEGIN' && value === 'VEVENT')
  const end = properties.findIndex(([name, value]) => name === 'END' && value === 'VEVENT')
  return {
    calendar: Object.fromEntries(properties.slice(0, begin)),
    event: Object.fromEntries(properties.slice(begin + 1, end)),
    names: properties.map(([name]) => name),
  }
}

function unescaped(value: string): string {
  return value.replaceAll(/\\([\\;,nN])/g, (_, each: string) => (/n/i.test(each) ? '\n' : each))
}

const basic = (time: string) => time.replaceAll(/[-:]|\.\d+/g, '')

async function readCalendar(who: Client, id: string) {
  const { status, headers, text } = await who.get(`/v1/bookings/${id}/calendar.ics`)
  expect(status).toBe(200)
  expect(headers.get('Content-Type')).toBe('text/calendar; charset=utf-8')
  return parse(text)
}

describe('GET /v1/bookings/{bookingId}/calendar.ics', () => {
  test('answers one event with all that a calendar needs to follow the booking', async () => {
    const { site, slotOf, service, root } = await bookingScene()
    const { id: serviceId } = await service({ name: 'Cut; wash, dry' })
    const { id: slotId } = await slotOf(serviceId)
    const ada = await site.member('ada')
    const booked = created(
      await ada.post('/v1/bookings', { slotId, note: 'Line 1\nLine 2, 3; \\n' }),
    )
    const { calendar, event } = await readCalendar(ada, booked.id)
    expect(calendar).toMatchObject({ BEGIN: 'VCALENDAR', VERSION: '2.0' })
    // The file is no message of RFC 5546, which needs an organizer and method= in its type.
    expect(calendar).not.toHaveProperty('METHOD')
    expect(event).toMatchObject({
      UID: booked.id,
      SEQUENCE: '1',
      STATUS: 'TENTATIVE',
      DTSTART: basic(booked.startsAt),
      DTEND: basic(booked.endsAt),
    })
    expect(event.DTSTART).toMatch(/^\d{8}T\d{6}Z$/)
    expect(event.DTSTAMP).toMatch(/^\d{8}T\d{6}Z$/)
    expect(unescaped(event.SUMMARY ?? '')).toBe('Cut; wash, dry')
    expect(unescaped(event.DESCRIPTION ?? '')).toBe('Line 1\nLine 2, 3; \\n')

    await root.post(`/v1/bookings/${booked.id}/confirm`)
    const confirmed = (await readCalendar(ada, booked.id)).event
    expect(confirmed).toMatchObject({ UID: booked.id, SEQUENCE: '2', STATUS: 'CONFIRMED' })
    // DTSTAMP without a method is the time of the last revision (RFC 5545, section 3.8.7.2).
    expect(confirmed.DTSTAMP).toBe(confirmed['LAST-MODIFIED'])
    await ada.post(`/v1/bookings/${booked.id}/cancel`)
    const canceled = (await readCalendar(ada, booked.id)).event
    expect(canceled).toMatchObject({ UID: booked.id, SEQUENCE: '3', STATUS: 'CANCELLED' })
  })

  test('is for the owner, managers and keys that read bookings, and there for nobody else', async () => {
    const { site, slot, root, manager } = await bookingScene()
    const ada = await site.member('ada')
    const { id } = await bookingOf(ada, await slot())
    const scopes = ['booking:read']
    const { secret } = created(await root.post('/v1/api-keys', { name: 'P', scopes }))
    for (const who of [ada, root, await manager(), site.bearer(secret)]) {
      expect((await readCalendar(who, id)).event.UID).toBe(id)
    }
    const path = `/v1/bookings/${id}/calendar.ics`
    expect((await (await site.member('eve')).get(path)).status).toBe(404)
    expect((await site.anonymous.get(path)).status).toBe(401)
    expect((await ada.get(`/v1/bookings/bkg_${'0'.repeat(26)}/calendar.ics`)).status).toBe(404)
    expect((await ada.get('/v1/bookings/x/calendar.ics')).status).toBe(404)
  })

  test.each([
    ['application/json', 406],
    ['text/html', 406],
    ['text/calendar;q=0', 406],
    ['text/calendar', 200],
    ['text/*', 200],
    ['*/*', 200],
  ])('answers Accept: %s with %i', async (accept, status) => {
    const { site, slot } = await bookingScene()
    const ada = await site.member('ada')
    const { id } = await bookingOf(ada, await slot())
    const reply = await ada.get(`/v1/bookings/${id}/calendar.ics`, { headers: { Accept: accept } })
    expect(reply.status).toBe(status)
  })
})

describe('a text, be it the note or the name of the service', () => {
  const BOOKING: Parameters<typeof calendarOf>[0] = {
    id: `bkg_${'0'.repeat(26)}`,
    startsAt: '2090-01-01T10:00:00.000Z',
    endsAt: '2090-01-01T11:00:00.000Z',
    status: 'confirmed',
    note: 'Note',
    revision: 1,
    createdAt: '2090-01-01T09:00:00.000Z',
    updatedAt: '2090-01-01T09:00:00.000Z',
    serviceName: 'Haircut',
  }
  const NOTE = text(1, 1000)
  const texts = [
    'END:VEVENT\nBEGIN:VEVENT\nUID:evil',
    'a\n ATTENDEE:mailto:eve@example.com',
    '\\nSUMMARY:evil;,\\',
    'x'.repeat(999),
    '😀'.repeat(300),
    'a\u2028b\u2029c',
    ...STRINGS,
  ].flatMap((each) => NOTE.safeParse(each).data ?? [])

  test('begins no line and no property of its own, and is read as it was sent', () => {
    expect(texts.length).toBeGreaterThan(100)
    const usual = parse(calendarOf(BOOKING)).names
    for (const each of texts) {
      const { event, names } = parse(calendarOf({ ...BOOKING, note: each, serviceName: each }))
      expect(names).toEqual(usual)
      expect(unescaped(event.DESCRIPTION ?? '')).toBe(each)
      expect(unescaped(event.SUMMARY ?? '')).toBe(each)
    }
  })

  test('cannot bring a carriage return, with which lines end', () => {
    expect(NOTE.safeParse('a\r\nUID:evil').success).toBe(false)
  })
})

test('the address of before still leads there, for whoever may read it, and to nothing else', async () => {
  const { site, slot } = await bookingScene()
  const [ada, eve] = [await site.member('ada'), await site.member('eve')]
  const { id } = created(await ada.post('/v1/bookings', { slotId: await slot() }))
  const { text } = await ada.get(`/v1/bookings/${id}/calendar.ics`)
  const former = async (token?: string) =>
    site.fetch(
      new Request(`${ORIGIN}/v1/bookings/${id}.ics`, {
        ...(token && { headers: { Authorization: `Bearer ${token}` } }),
      }),
    )
  expect(await (await former(ada.token)).text()).toBe(text)
  expect((await former(eve.token)).status).toBe(404)
  expect((await former()).status).toBe(401)
  expect((await ada.get(`/v1/bookings/${id}.pdf`)).status).toBe(404)
})
