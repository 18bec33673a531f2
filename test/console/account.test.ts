/** Somebody's own account over HTTP: what its pages show and do, and that the API decides all of it. */
import { env } from 'cloudflare:workers'
import { beforeEach, describe, expect, test } from 'vitest'
import { spoilAll } from '../support/every-form.ts'
import { type Browser, type LoginSite, loginSite, PASSWORD } from '../support/login.ts'
import { sceneOf } from '../support/mutating-requests.ts'
import { rowsOf } from '../support/population.ts'
import { formsIn, sentBy } from '../support/shown-forms.ts'

let site: LoginSite
let ada: Browser

beforeEach(async () => {
  site = loginSite()
  ada = await site.account('ada@example.com')
})

const me = async () => JSON.parse((await ada.get('/v1/me')).text)
const PROFILE = {
  avatarUrl: '',
  phone: '',
  line1: '',
  line2: '',
  postalCode: '',
  city: '',
  region: '',
  country: '',
}

/** The form about the profile as it is, with these changes. */
const save = async (changes: Readonly<Record<string, string>>) =>
  ada.post('/account/profile', {
    ...PROFILE,
    bio: '',
    revision: String((await me()).revision),
    ...changes,
  })

describe('the pages of an account', () => {
  const PAGES = ['', '/badges', '/bookings', '/bookings?of=all', '/bookings/new', '/profile']

  test.each(PAGES)(
    'lead whoever is not signed in to the sign-in, and back: /account%s',
    async (page) => {
      const { status, location } = await site.browser().get(`/account${page}`)
      const next = encodeURIComponent(`/account${page}`)
      expect([status, location]).toEqual([303, `/auth/sign-in?next=${next}`])
      expect((await ada.get(`/account${page}`)).status).toBe(200)
    },
  )

  test('are there without the console as well', async () => {
    const without = loginSite({ CONSOLE: 'off' })
    expect((await without.browser().get('/account')).status).toBe(303)
    expect((await without.browser().get('/console')).status).toBe(404)
  })

  test('show what members write as text', async () => {
    const name = '<img src=x onerror=alert(1)>'
    await save({ displayName: name, bio: '"><script>' })
    for (const page of PAGES) {
      const { text } = await ada.get(`/account${page}`)
      expect(text).not.toContain('<img src=x')
      expect(text).not.toContain('<script>')
    }
    expect((await ada.get('/account')).text).toContain('&lt;img src=x')
  })
})

describe('the profile', () => {
  test('is changed, and emptied fields are gone', async () => {
    const saved = await save({ displayName: 'Ada L.', bio: 'Looms', city: 'Ulm' })
    expect([saved.status, saved.location]).toEqual([303, '/account/profile?done=saved'])
    expect(await me()).toMatchObject({ displayName: 'Ada L.', address: { city: 'Ulm' } })
    await save({ displayName: 'Ada L.' })
    expect(await me()).toMatchObject({ bio: null, address: null })
  })

  test('that is not valid is shown again as it was typed, with what the API says of each field', async () => {
    const { status, text } = await save({ displayName: 'Ada', bio: 'Kept', phone: 'none' })
    expect(status).toBe(422)
    expect(text).toContain('value="none"')
    expect(text).toContain('Kept')
    expect(text).toContain('phone-error')
  })

  test('that was changed on another tab is shown beside what was typed, and not overwritten', async () => {
    const { revision } = await me()
    await save({ displayName: 'First' })
    const { status, text } = await save({ displayName: 'Second', revision: String(revision) })
    expect(status).toBe(412)
    expect(text).toMatch(/First/)
    expect(text).toMatch(/Second/)
    expect((await me()).displayName).toBe('First')
  })

  test('is not changed by a form of another site, in the page or behind it', async () => {
    const revision = String((await me()).revision)
    const form = { ...PROFILE, displayName: 'Eve', bio: '', revision }
    const sent = { Origin: 'https://evil.example', 'Sec-Fetch-Site': 'cross-site' }
    expect((await ada.post('/account/profile', form, sent)).status).toBe(403)
    expect((await me()).displayName).toBe('Ada')
  })
})

test('a slot is booked, listed with its calendar file, and canceled', async () => {
  const { slot } = await sceneOf(site)
  const slotId = await slot()
  const [row] = await rowsOf('select service_id from slots where id = ?', slotId)
  const id = String(row?.['service_id'])
  expect((await ada.get(`/account/bookings/new/${id}`)).text).toContain(slotId)
  const booked = await ada.post(`/account/bookings/new/${id}`, { slot: slotId, note: '<b>' })
  expect(booked.location).toBe('/account/bookings?done=booked')
  const [booking] = await rowsOf('select id, note from bookings')
  expect(booking).toMatchObject({ note: '<b>' })
  const { text } = await ada.get('/account/bookings')
  expect(text).toContain(`/v1/bookings/${String(booking?.['id'])}/calendar.ics`)

  const again = await ada.post(`/account/bookings/new/${id}`, { slot: slotId, note: 'again' })
  expect(again.status).toBe(409)
  expect(again.text).toContain('already_booked')
  expect(again.text).toContain('again')

  const canceled = await ada.post(`/account/bookings/${String(booking?.['id'])}/cancel`)
  expect(canceled.location).toBe('/account/bookings?done=canceled')
  expect(await rowsOf('select status from bookings')).toEqual([{ status: 'canceled' }])
})

test('a badge says where it came from, and what is still to come how far it is', async () => {
  const { root, rule } = await sceneOf(site)
  await rule()
  const { id } = await me()
  const given = (await root.post('/v1/badges', { title: 'Helper' })).body
  await root.put(`/v1/users/${id}/badges/${given.id}`)
  const { text } = await ada.get('/account/badges')
  expect(text).toMatch(/Helper[^]*Given to you/)
  expect(text).toContain('0 of 9')
})

describe('the way out', () => {
  test('takes the name, typed, and somebody who has signed in just now', async () => {
    expect((await ada.post('/account/profile/delete', { typed: 'Eve' })).status).toBe(422)
    const begun = new Date(Date.now() - 601_000).toISOString()
    await env.DB.prepare('update auth_sessions set created_at = ?').bind(begun).run()
    const late = await ada.post('/account/profile/delete', { typed: 'Ada' })
    expect(late.status).toBe(403)
    expect(late.text).toContain('Sign in again')
    await env.DB.prepare('update auth_sessions set created_at = ?')
      .bind(new Date().toISOString())
      .run()
    const gone = await ada.post('/account/profile/delete', { typed: 'Ada' })
    expect([gone.status, gone.location]).toEqual([303, '/'])
    expect(await rowsOf('select id from auth_users')).toEqual([])
    expect((await ada.get('/', { Accept: 'text/html' })).text).toContain('Sign in')
  })

  test('is not there where the site does not have it', async () => {
    site = loginSite({ SELF_DELETION: 'off' })
    const ben = await site.account('ben@example.com')
    expect((await ben.get('/account/profile')).text).not.toContain('Delete my account')
    expect((await ben.get('/account/profile/delete')).status).toBe(404)
    expect((await ben.post('/account/profile/delete', { typed: 'Ada' })).status).toBe(409)
  })
})

describe('/', () => {
  const html = { Accept: 'text/html' }

  test('is a page for a browser, with the ways on of whoever asks, and nothing for programs', async () => {
    const { status, text } = await site.browser().get('/', html)
    expect(status).toBe(200)
    expect(text).toContain('/auth/sign-in?next=%2Faccount')
    expect((await ada.get('/', html)).text).toContain('href="/account"')
    const program = await site.browser().get('/')
    expect([program.status, JSON.parse(program.text).code]).toEqual([404, 'not_found'])
  })

  test('asks nobody to come once more', async () => {
    const { headers } = await ada.get('/', { ...html, 'Sec-Fetch-Site': 'cross-site' })
    expect(headers.get('Refresh')).toBeNull()
  })
})

test('a passkey is called after what keeps it until its owner, and nobody else, gives it a name', async () => {
  const [owner] = await rowsOf('select id from auth_users')
  await env.DB.prepare(
    `insert into auth_passkeys (id, public_key, user_id, credential_id, counter, device_type, backed_up,
       aaguid) values ('key', '', ?, 'one', 0, 'multiDevice', 1, 'd548826e-79b4-db40-a3d8-11116f7e8349')`,
  )
    .bind(owner?.['id'])
    .run()
  const shown = async (name: string) => (await ada.get('/auth/account')).text.includes(`>${name}<`)
  expect(await shown('Bitwarden')).toBe(true)
  const eve = await site.account('eve@example.com')
  await eve.post('/auth/passkeys/rename', { id: 'key', name: 'Of Eve' })
  expect([await shown('Bitwarden'), (await eve.get('/auth/passkeys/key')).status]).toEqual([
    true,
    404,
  ])
  await ada.post('/auth/passkeys/rename', { id: 'key', name: 'My <phone>' })
  expect(await shown('My &lt;phone&gt;')).toBe(true)
})

test('the way to the console is on every page of the account of whoever has a role, where there is one', async () => {
  const ways = async (browser: Browser) => {
    const pages = await Promise.all(['/account', '/auth/account'].map((path) => browser.get(path)))
    return pages.map(({ text }) => text.includes('href="/console"'))
  }
  expect(await ways(ada)).toEqual([false, false])
  const { id } = await me()
  await (await site.root()).put(`/v1/users/${id}/roles/moderator`)
  expect(await ways(ada)).toEqual([true, true])
  const without = loginSite({ CONSOLE: 'off' }).browser()
  for (const [name, value] of ada.jar) without.jar.set(name, value)
  expect(await ways(without)).toEqual([false, false])
})

test('the first who comes is told how to become the admin, and nobody after that', async () => {
  const page = async () => (await site.browser().get('/auth/sign-in')).text
  expect(await page()).toContain('npm run admin')
  await site.root()
  expect(await page()).not.toContain('npm run admin')
})

describe('a session of somebody who does not stay', () => {
  const form = { email: 'ada@example.com', password: 'violet kettle drums afternoon' }

  test.each([
    ['off', 12 * 3600, false],
    ['on', 14 * 86_400, true],
  ])('stay=%s', async (stay, seconds, isKept) => {
    const browser = site.browser()
    const { headers } = await browser.post('/auth/sign-in', { ...form, stay })
    const cookie = headers.getSetCookie().find((each) => each.includes('session_token')) ?? ''
    expect(/max-age/i.test(cookie)).toBe(isKept)
    const [row] = await rowsOf('select expires_at from auth_sessions order by created_at desc')
    const left = (Date.parse(String(row?.['expires_at'])) - Date.now()) / 1000
    expect(Math.abs(left - seconds)).toBeLessThan(60)
    expect((await browser.get('/v1/me')).status).toBe(200)
  })
})

test('every form of the sign-in is shown again with what was typed, what is wrong, and the status of that', async () => {
  await env.DB.prepare(
    `insert into auth_passkeys (id, public_key, user_id, credential_id, counter, device_type, backed_up)
     select 'key', '', id, 'one', 0, 'multiDevice', 1 from auth_users`,
  ).run()
  for (const path of ['/auth/account', '/auth/passkeys/key'])
    expect(await spoilAll(ada, path)).toHaveLength(2)
  for (const path of ['/auth/sign-in', '/auth/sign-up', '/auth/forgot'])
    expect(await spoilAll(site.browser(), path)).toEqual([`post ${path}`])
})

test('a wrong password, and too many of them, lose nothing else that was typed', async () => {
  const form = { email: 'new@example.com', current: 'not mine' }
  const wrong = await ada.post('/auth/email', form)
  expect(wrong.status).toBe(403)
  expect(wrong.text).toMatch(/id="email-current-error">[^<]*not right/)
  expect(wrong.text).toContain('value="new@example.com"')
  expect(wrong.text).not.toContain('not mine')
  const nobody = site.browser('198.51.100.9')
  const tried = { email: 'ada@example.com', password: 'not mine', stay: 'off', next: '/console' }
  let last = await nobody.post('/auth/sign-in', tried)
  for (let n = 0; n < 30 && last.status !== 429; n += 1)
    last = await nobody.post('/auth/sign-in', tried)
  expect([last.status, last.text.includes('Too many attempts')]).toEqual([429, true])
  const [again] = formsIn(last.text, '')
  expect(again && sentBy(again)).toEqual([
    ['email', 'ada@example.com'],
    ['password', ''],
    ['stay', 'off'],
    ['next', '/console'],
  ])
})

test('a form of the sign-in in which the session ends keeps what was typed, but for passwords', async () => {
  await env.DB.prepare('delete from auth_sessions').run()
  const sent = { email: 'new@example.com', current: PASSWORD }
  const { status, text } = await ada.post('/auth/email', sent)
  expect([status, formsIn(text, '')]).toEqual([
    401,
    [
      {
        method: 'post',
        action: '/auth/email',
        fields: [{ name: 'email', kind: 'hidden', value: 'new@example.com', isSent: true }],
      },
    ],
  ])
  const { location } = await ada.post('/auth/password', { current: PASSWORD })
  expect(location).toBe('/auth/sign-in?next=%2Fauth%2Faccount')
})

test('where they sign in, whoever is suspended is told so and why, and may end their sessions', async () => {
  const { id } = await me()
  await (await site.root()).post(`/v1/users/${id}/suspend`, { reason: 'Wrote <spam>' })
  const { status, text } = await ada.get('/auth/account')
  expect([status, text.includes('is suspended'), text.includes('Wrote &lt;spam&gt;')]).toEqual([
    200,
    true,
    true,
  ])
  expect((await ada.post('/auth/sign-out-everywhere')).location).toBe('/auth/sign-in')
})
