/** Forms as browsers send them, and as they do not: what was typed arrives, and nothing is guessed. */
import { expect, test } from 'vitest'
import { bookingOf, bookingScene } from '../support/bookings.ts'
import { consoleSite } from '../support/console.ts'
import { shownIn } from '../support/shown-forms.ts'

/** Somebody who looks after the site, and a member. */
async function two(site = consoleSite()) {
  const [ada, bob] = [await site.person('Ada', 'admin'), await site.person('Bob')]
  return { site, ada, bob, root: await site.root(), place: `/console/members/${bob.userId}` }
}

test('line breaks arrive as they were typed, though browsers send each as two characters', async () => {
  const { ada, bob, root, place } = await two()
  const shown = shownIn((await bob.get('/account/profile')).text, '/account/profile')
  const sent = { ...shown, bio: 'One\r\nTwo\r\n\r\nThree' }
  expect((await bob.post('/account/profile', sent)).location).toBe('/account/profile?done=saved')
  const { body } = await root.get(`/v1/users/${bob.userId}?view=full`)
  expect(body.bio).toBe('One\nTwo\n\nThree')
  const reason = 'First\r\nSecond'
  const suspended = await ada.post(`${place}/suspend`, { reason })
  expect(suspended.location).toBe(`${place}?done=suspended`)
  const after = await root.get(`/v1/users/${bob.userId}?view=full`)
  expect(after.body.suspensionReason).toBe('First\nSecond')
})

test('what is the same in another form of Unicode, or with other line breaks, is no difference', async () => {
  const { ada, place } = await two()
  const first = shownIn((await ada.get(`${place}/edit`)).text, `${place}/edit`)
  const bio = 'Cafe\u0301\r\nNoir'
  expect((await ada.post(`${place}/edit`, { ...first, bio })).status).toBe(303)
  const late = await ada.post(`${place}/edit`, { ...first, bio, displayName: 'Robert' })
  expect(late.status).toBe(412)
  const [, both] = /There now(.*?)<form/s.exec(late.text) ?? []
  expect(both).toContain('Robert')
  expect(both).not.toContain('Bio')
  const suspended = await ada.post(`${place}/suspend`, { reason: 'Cafe\u0301' })
  expect(suspended.location).toBe(`${place}?done=suspended`)
})

test('a body that is no form is refused, and nothing is done without what is in it', async () => {
  const { ada, root, bob, place } = await two()
  const boundary = '--x\r\nContent-Disposition: form-data; name="reason"\r\n\r\nSpam\r\n--x--\r\n'
  for (const [type, body] of [
    ['multipart/form-data; boundary=x', boundary],
    ['application/json', '{"reason":"Spam"}'],
    ['text/plain', 'reason=Spam'],
  ] as const) {
    const headers = { 'Content-Type': type }
    const answer = await ada.send('POST', `${place}/suspend`, { headers, body })
    expect([type, answer.status]).toEqual([type, 415])
  }
  expect((await ada.send('POST', `${place}/reinstate`)).location).toBe(
    `${place}?done=activeAlready`,
  )
  const typed = { 'Content-Type': 'Application/X-WWW-Form-Urlencoded; charset=UTF-8' }
  expect((await root.get(`/v1/users/${bob.userId}`)).body.status).not.toBe('suspended')
  const answer = await ada.post(`${place}/suspend`, { reason: 'Spam' }, typed)
  expect(answer.location).toBe(`${place}?done=suspended`)
  expect((await ada.post('/auth/forgot', { email: 'ada@example.com' }, typed)).status).toBe(200)
})

test('a field that is there twice is refused: neither of the two is guessed', async () => {
  const { ada, bob, root, place } = await two()
  const both: [string, string][] = [
    ['role', 'moderator'],
    ['role', 'admin'],
  ]
  const answer = await ada.post(`${place}/roles`, both)
  expect([answer.status, answer.text.includes('>admin<')]).toEqual([422, false])
  const { body } = await root.get(`/v1/users/${bob.userId}?view=full`)
  expect(body.roles).toEqual(['member'])
})

test('of an address that asks for what is not offered, no page says that something was typed', async () => {
  const { ada } = await two()
  for (const place of ['/console/bookings?status=x', '/account/bookings?of=x']) {
    const { status, text } = await ada.get(place)
    expect([place, status, /typed|Nothing was done/.test(text)]).toEqual([place, 422, false])
  }
  const { status, text } = await ada.post('/console/page-rules/pgr_x/move')
  expect([status, /Nothing was done/.test(text), /typed/.test(text)]).toEqual([422, true, false])
})

test('a method that no page takes is refused with those that it does', async () => {
  const { ada } = await two()
  for (const place of ['/console', '/account', '/console/nowhere']) {
    const { status, headers } = await ada.send('DELETE', place)
    expect([status, headers.get('Allow')]).toEqual([405, 'GET, HEAD, POST'])
    expect(headers.get('Content-Security-Policy')).toContain("default-src 'none'")
  }
})

test('what came of many bookings is said as it is, also where the address asks for no list', async () => {
  const site = consoleSite()
  const { slot, manager } = await bookingScene(site)
  const ada = await site.person('Ada', 'admin')
  const { id } = await bookingOf(await manager(), await slot())
  const place = '/console/bookings?owner=nonsense'
  const answer = await ada.post(place, { action: 'decline', booking: id })
  expect(answer.status).toBe(200)
  expect(answer.text).toContain('1 of 1 was changed.')
  expect(answer.text).not.toContain('validation_failed')
})

test('a note that is too long is said at its field, and no time at the times', async () => {
  const site = consoleSite()
  const { service, slotOf } = await bookingScene(site)
  const { id } = await service()
  const slot = await slotOf(id)
  const bob = await site.person('Bob')
  const place = `/account/bookings/new/${id}`
  const long = await bob.post(place, { slot: slot.id, note: 'x'.repeat(1001) })
  expect(long.status).toBe(422)
  expect(long.text).toMatch(/<textarea[^>]*name="note"[^>]*aria-invalid="true"/)
  expect(long.text).toContain('id="note-error"')
  const none = await bob.post(place, { note: 'Hello' })
  expect([none.status, none.text.includes('Choose one of these times.')]).toEqual([422, true])
  expect(none.text).toContain('Hello')
})
