/** The console over HTTP: who gets which page, and that a page can do nothing the API would not allow. */
import { describe, expect, test } from 'vitest'
import { SCRIPT } from '../../src/look/script.ts'
import { openApi } from '../../src/console/api.ts'
import { consoleSite, endSessions, type Person } from '../support/console.ts'
import { countingStorage } from '../support/counting.ts'
import { eventually } from '../support/eventually.ts'
import { receivers } from '../support/receivers.ts'
import { logoutToken, securityEvent, TELLS } from '../support/signals.ts'
import { ISSUER, ORIGIN, SETTINGS, testSite } from '../support/site.ts'

/** Each list, and who may see it besides the admin. */
const LISTS = {
  '/console/members': ['moderator'],
  '/console/badges': ['member', 'moderator', 'bookings-manager'],
  '/console/rules': [],
  '/console/roles': ['member', 'moderator', 'bookings-manager'],
  '/console/audit': [],
  '/console/jobs': [],
  '/console/providers': [],
  '/console/webhooks': [],
  '/console/ended-sessions': [],
} as const satisfies Readonly<Record<string, readonly string[]>>

/** Lists that other files are about, as far as who may see them. */
const OTHER_LISTS = [
  '/console/bookings',
  '/console/services',
  '/console/api-keys',
  '/console/page-rules',
  '/console/audit/elevations',
  '/console/jobs/award-badges',
]

/** What a refusal shows: where it was refused, and what is missing. */
const REFUSAL = /Stage.*permission.*Missing.*<code>[a-z-]+:[a-z]+<\/code> with reach/s

const MARKUP = `<img src=x onerror=alert(1)>"'&`

describe('a page of the console', () => {
  test('leads whoever is not signed in to the sign-in, and back', async () => {
    const { status, location } = await consoleSite().browser().get('/console/members?q=A')
    expect([status, location]).toEqual([303, '/auth/sign-in?next=%2Fconsole%2Fmembers%3Fq%3DA'])
  })

  test('is shown to whom the API lets see it, and otherwise the refusal of the API', async () => {
    const site = consoleSite()
    for (const role of ['member', 'moderator', 'bookings-manager', 'admin']) {
      const somebody = await site.person('Ada', ...(role === 'member' ? [] : [role]))
      const menu = (await somebody.get('/console')).text
      for (const [path, seers] of Object.entries<readonly string[]>(LISTS)) {
        const { status, text } = await somebody.get(path)
        const isSeer = role === 'admin' || seers.includes(role)
        expect([role, path, status]).toEqual([role, path, isSeer ? 200 : 403])
        expect(text).toMatch(isSeer ? 'curl' : REFUSAL)
        expect([path, isSeer || !menu.includes(`href="${path}"`)]).toEqual([path, true])
      }
    }
  })

  test('calls what somebody may not do, and the API refuses it', async () => {
    const site = consoleSite()
    const [ada, bob] = [await site.person('Ada', 'moderator'), await site.person('Bob')]
    const place = `/console/members/${bob.userId}`
    expect((await ada.get(place)).text).not.toContain('Delete…')
    const forms = [
      [`${place}/delete`, { typed: 'Bob' }, 'profile:delete'],
      [`${place}/roles`, { role: 'admin' }, 'role:assign'],
      ['/console/badges/new', { title: 'Mine' }, 'badge:manage'],
      ['/console/jobs/award-badges/run', {}, 'job:run'],
    ] as const
    for (const [path, form, missing] of forms) {
      const { status, text } = await ada.post(path, form)
      expect([path, status]).toEqual([path, 403])
      expect(text).toContain(missing)
    }
    const { body } = await (await site.root()).get(`/v1/users/${bob.userId}?view=full`)
    expect([body.displayName, body.roles]).toEqual(['Bob', ['member']])
  })

  test('shows markup as text, wherever it comes from', async () => {
    const site = consoleSite()
    const [admin, root] = [await site.person(MARKUP, 'admin'), await site.root()]
    const { body: badge } = await root.post('/v1/badges', {
      title: MARKUP,
      slug: 'markup',
      description: MARKUP,
    })
    await root.put(`/v1/users/${admin.userId}/badges/${badge.id}`)
    await root.patch(`/v1/users/${admin.userId}`, { bio: MARKUP })
    const { body: rule } = await root.post('/v1/badge-rules', {
      badgeId: badge.id,
      metric: 'visits',
      threshold: 1,
    })
    for (const path of [
      '/console/members',
      `/console/members?q=${encodeURIComponent(MARKUP)}`,
      `/console/members/${admin.userId}`,
      `/console/members/${admin.userId}/edit`,
      `/console/members/${admin.userId}/delete`,
      '/console/badges',
      `/console/badges/${badge.id}/edit`,
      `/console/badges/new?title=${encodeURIComponent(MARKUP)}`,
      '/console/rules',
      `/console/rules/${rule.id}`,
      `/console/explain?as=${encodeURIComponent(MARKUP)}&method=GET&path=/v1/me`,
      `/console/audit?actor=a&done=${encodeURIComponent(MARKUP)}`,
    ]) {
      const { text } = await admin.get(path)
      expect([path, text.includes('<img src=x'), text.includes('"\'&')]).toEqual([
        path,
        false,
        false,
      ])
    }
  })

  test('has a policy with a nonce of its own, and nothing inline without it', async () => {
    const ada = await consoleSite().person('Ada', 'admin')
    const [one, other] = [await ada.get('/console/badges'), await ada.get('/console/badges/new')]
    const nonces = [one, other].map(({ headers, text }) => {
      const policy = headers.get('Content-Security-Policy') ?? ''
      expect(policy).toMatch(/^default-src 'none'; script-src 'nonce-\w{32}'; style-src/)
      expect(policy).toContain("frame-ancestors 'none'")
      const nonce = /'nonce-(\w+)'/.exec(policy)?.[1] ?? ''
      const inline = [...text.matchAll(/<(?:script|style)\b([^>]*)>/g)]
      expect(inline.length).toBeGreaterThan(0)
      for (const [, attributes] of inline) expect(attributes).toContain(`nonce="${nonce}"`)
      expect(text).not.toMatch(/ (?:on\w+|style)=/)
      return nonce
    })
    expect(nonces[0]).not.toBe(nonces[1])
    expect(one.headers.get('Cache-Control')).toBe('no-store')
    expect(one.headers.get('Referrer-Policy')).toBe('same-origin')
    expect(one.headers.get('X-Frame-Options')).toBe('DENY')
  })
})

describe('a request that began elsewhere', () => {
  test('is asked for once more from this site, and shows nothing before', async () => {
    const ada = await consoleSite().person('Ada')
    for (const began of ['none', 'cross-site', 'same-site']) {
      const { status, headers, text } = await ada.get('/console', { 'Sec-Fetch-Site': began })
      expect([status, headers.get('Refresh')]).toEqual([200, '0;url=/console'])
      expect(text).not.toContain('Overview')
    }
    const { headers } = await ada.get('/console//evil.example', { 'Sec-Fetch-Site': 'none' })
    expect(headers.get('Refresh')).toBe('0;url=/console//evil.example')
  })

  test('is refused as a form, by the page', async () => {
    const site = consoleSite()
    const [ada, bob] = [await site.person('Ada', 'admin'), await site.person('Bob')]
    for (const from of [
      { 'Sec-Fetch-Site': 'cross-site', Origin: 'https://evil.example' },
      { 'Sec-Fetch-Site': '', Origin: 'https://evil.example' },
      { 'Sec-Fetch-Site': 'same-site' },
      { 'Sec-Fetch-Site': '', Origin: '' },
    ]) {
      const { status, text } = await ada.post(`/console/members/${bob.userId}/suspend`, {}, from)
      expect([status, text.includes('from another site')]).toEqual([403, true])
    }
  })

  test('is refused by the API, were the page to let it through', async () => {
    const site = consoleSite()
    const ada = await site.person('Ada', 'admin')
    const Cookie = [...ada.jar].map(([name, value]) => `${name}=${value}`).join('; ')
    const createdFrom = (from: Readonly<Record<string, string>>) =>
      openApi(ORIGIN, site.fetch, new Headers({ Cookie, ...from }))
        .client.v1.badges.$post({ json: { title: 'Planted' } })
        .then(() => 'created')
        .catch((error: Error) => error.message)
    for (const from of [
      { 'Sec-Fetch-Site': 'cross-site', Origin: 'https://evil.example' },
      { 'Sec-Fetch-Site': 'none', Origin: ORIGIN },
      { Origin: 'null' },
      {},
    ]) {
      expect(await createdFrom(from)).toMatch(/^unauthenticated/)
    }
    expect((await site.anonymous.get('/v1/badges')).body.items).toEqual([])
    expect(await createdFrom({ 'Sec-Fetch-Site': 'same-origin', Origin: ORIGIN })).toBe('created')
  })

  test('is at home at one origin only', async () => {
    const ada = await consoleSite().person('Ada')
    const path = `${ORIGIN.replace('https', 'http')}/console?q=1`
    expect((await ada.send('GET', path)).location).toBe(`${ORIGIN}/console?q=1`)
    expect((await ada.send('POST', path)).status).toBe(403)
  })
})

test('a form in which the session ends is kept as it was typed, to be sent again', async () => {
  const site = consoleSite()
  const ada = await site.person('Ada', 'admin')
  await endSessions(site)
  const typed = `${MARKUP}\n\ntwo`
  const { status, text } = await ada.post('/console/badges/new', { title: 'T', description: typed })
  expect(status).toBe(401)
  expect(text).toContain('action="/console/badges/new"')
  const kept = /<textarea name="description" hidden[^>]*>\n([^<]*)</.exec(text)?.[1]
  expect(kept).toBe(
    typed
      .replaceAll('&', '&amp;')
      .replaceAll('<', '&lt;')
      .replaceAll('>', '&gt;')
      .replaceAll('"', '&quot;')
      .replaceAll("'", '&#39;'),
  )
})

test('of two who change the same, the second is shown both, and nothing of it is written', async () => {
  const site = consoleSite()
  const ada = await site.person('Ada', 'admin')
  const { body } = await (await site.root()).post('/v1/badges', { title: 'First', slug: 'first' })
  const place = `/console/badges/${body.id}/edit`
  const colours = { backgroundColor: '#000000', textColor: '#ffffff' }
  const form = { ...colours, slug: 'first', description: '', iconUrl: '', position: '1' }
  const revision = String(body.revision)
  const one = await ada.post(place, { ...form, title: 'One', revision })
  expect([one.status, one.location]).toEqual([303, `/console/badges/${body.id}?done=saved`])
  const two = await ada.post(place, { ...form, title: 'Two', revision })
  expect(two.status).toBe(412)
  expect(two.text).toMatch(/There now.*<dd>One<\/dd>.*Typed by you.*<dd>Two<\/dd>/s)
  expect(two.text).toContain(`name="revision" value="${body.revision + 1}"`)
  expect((await site.anonymous.get(`/v1/badges/${body.id}`)).body.title).toBe('One')
})

test('a form that is sent twice is done once', async () => {
  const site = consoleSite()
  const ada = await site.person('Ada', 'admin')
  const { text } = await ada.get('/console/badges/new')
  const once = /name="once" value="([\w-]+)"/.exec(text)?.[1] ?? ''
  const form = { title: 'One', backgroundColor: '#000000', textColor: '#ffffff', once }
  const places = [
    await ada.post('/console/badges/new', form),
    await ada.post('/console/badges/new', form),
  ]
  expect(places.map(({ status }) => status)).toEqual([303, 303])
  expect((await site.anonymous.get('/v1/badges')).body.items).toHaveLength(1)
})

test('what a page cannot take as it was typed it shows again, with what is wrong', async () => {
  const ada: Person = await consoleSite().person('Ada', 'admin')
  const { status, text } = await ada.post('/console/badges/new', {
    title: 'x'.repeat(51),
    backgroundColor: 'red',
    textColor: '#ffffff',
  })
  expect(status).toBe(422)
  expect(text).toMatch(/id="title-error">[^<]*50/)
  expect(text).toContain('aria-invalid="true"')
  expect(text).toContain('x'.repeat(51))
})

describe('members', () => {
  test('are found by name, address and id, filtered by the address of the page, page by page', async () => {
    const site = consoleSite()
    const root = await site.root()
    const ada = await site.person('Ada', 'admin')
    const people = await Promise.all(Array.from({ length: 51 }, (_, at) => site.member(`m${at}`)))
    const [bob] = people
    await root.patch(`/v1/users/${bob?.userId}`, { displayName: 'Bob' })
    const mo = await site.person('Mo', 'moderator')
    const shown = async (search: string) => {
      const { text } = await ada.get(`/console/members${search}`)
      const ids = [...text.matchAll(/href="\/console\/members\/(usr_\w+)"/g)].map(([, id]) => id)
      return { ids, next: /href="\/console\/members(\?[^"]+)" rel="next"/.exec(text)?.[1] }
    }
    expect((await shown('?q=Bo')).ids).toEqual([bob?.userId])
    const { body } = await root.get(`/v1/users/${mo.userId}?view=full`)
    expect((await shown(`?q=${encodeURIComponent(body.email)}`)).ids).toEqual([mo.userId])
    expect((await ada.get(`/console/members?q=${mo.userId}`)).location).toBe(
      `/console/members/${mo.userId}`,
    )
    expect((await shown('?role=moderator')).ids).toEqual([mo.userId])
    await root.post(`/v1/users/${bob?.userId}/suspend`)
    expect((await shown('?status=suspended')).ids).toEqual([bob?.userId])
    const first = await shown('?status=active')
    const second = await shown((first.next ?? '').replaceAll('&amp;', '&'))
    expect([first.ids.length, first.next?.includes('status=active')]).toEqual([50, true])
    // Ada, Mo, root and 50 of the others, each of them once.
    expect(new Set([...first.ids, ...second.ids]).size).toBe(53)
    expect(second.next).toBeUndefined()
  })
})

test('a running job is seen on the overview, its own page and with the rules, with what it has counted', async () => {
  const site = consoleSite()
  const [ada, root] = [await site.person('Ada', 'admin'), await site.root()]
  const { body: badge } = await root.post('/v1/badges', { title: 'Helper' })
  const rule = { badgeId: badge.id, metric: 'visits', threshold: 1 }
  const { id } = (await root.post('/v1/badge-rules', rule)).body
  await root.put(`/v1/users/${ada.userId}/badges/${badge.id}`)
  const place = '/console/jobs/award-badges'
  const pages = ['/console', '/console/jobs', place, `/console/rules/${id}`]
  await ada.post(`${place}/run`)
  await site.env.DB.prepare(
    `update job_runs set status = 'running', started_at = requested_at, counts = '{"awarded":7}'`,
  ).run()
  const seen = async () => {
    const texts = await Promise.all(pages.map(async (path) => (await ada.get(path)).text))
    return texts.map((text) => [/>running</.test(text), text.includes('data-reload')])
  }
  // A page with a form does not come anew by itself: what is typed would be gone.
  expect(await seen()).toEqual([
    [true, true],
    [true, true],
    [true, true],
    [true, false],
  ])
  for (const path of ['/console', place, `/console/rules/${id}`])
    expect((await ada.get(path)).text).toContain('awarded 7')
  const { text } = await ada.get('/console')
  expect(text).toMatch(/Badges given, the last 30 days: 1 badge in all/)
  await site.env.DB.prepare(
    `update job_runs set status = 'succeeded', finished_at = started_at`,
  ).run()
  expect((await seen()).flat()).not.toContain(true)
})

describe('the pages about one member', () => {
  test('show their sessions, identities and bookings to whom the API shows them', async () => {
    const site = consoleSite()
    const [ada, mo, bob] = [
      await site.person('Ada', 'admin'),
      await site.person('Mo', 'moderator'),
      await site.person('Bob'),
    ]
    const place = `/console/members/${bob.userId}`
    const tabs = async (by: Person) =>
      [
        ...(await by.get(place)).text.matchAll(/<a href="\/console\/members\/\w+(\/[a-z-]+)?"/g),
      ].map(([, tab = '']) => tab)
    expect(await tabs(ada)).toEqual(
      expect.arrayContaining(['', '/sign-in', '/bookings', '/visits', '/history']),
    )
    expect(await tabs(mo)).not.toContain('/history')
    const [all, some] = [await ada.get(`${place}/sign-in`), await mo.get(`${place}/sign-in`)]
    expect([all.text.includes('The login of this site'), some.status]).toEqual([true, 200])
    expect(some.text).not.toContain('Identities')
    expect((await ada.get(`${place}/bookings`)).text).toContain('Nothing booked yet')
    expect((await mo.get(`${place}/bookings`)).text).toMatch(REFUSAL)
  })

  test('end one session or all, and unlink no last identity', async () => {
    const site = consoleSite()
    const [ada, bob] = [await site.person('Ada', 'admin'), await site.person('Bob')]
    const place = `/console/members/${bob.userId}/sign-in`
    const { text } = await ada.get(place)
    const sessions = [...text.matchAll(/name="session" value="([\w-]+)"/g)].map(([, id]) => id)
    expect(sessions).toEqual(['all', expect.stringMatching(/^[\w-]{8,}$/)])
    const [{ id }] = (await (await site.root()).get(`/v1/users/${bob.userId}/identities`)).body
      .items
    expect((await ada.post(`${place}/${id}/unlink`, { typed: 'no' })).status).toBe(422)
    expect((await ada.post(`${place}/${id}/unlink`, { typed: 'unlink' })).status).toBe(409)
    // A form that names no session ends none, and not all.
    expect((await ada.post(`${place}/end`, { session: '' })).status).toBe(404)
    expect((await bob.get('/v1/me')).status).toBe(200)
    const { location } = await ada.post(`${place}/end`, { session: sessions[1] ?? '' })
    expect(location).toBe(`${place}?done=ended`)
    expect((await bob.get('/v1/me')).status).toBe(401)
    expect((await ada.get(place)).text).toContain('No open session')
  })
})

test('a pasted token is checked without a script: why it is refused, and nothing of it shown again', async () => {
  const site = consoleSite()
  const ada = await site.person('Ada', 'admin')
  const [token, kind] = [await ISSUER.sign({ aud: MARKUP }), 'access']
  const refused = await ada.post('/console/providers', { token: `Bearer ${token}\n`, kind })
  expect(refused.status).toBe(200)
  expect(refused.text).toContain('fails at audience')
  expect(refused.text).not.toContain('<img src=x')
  expect(refused.text).not.toContain(token.split('.')[1])
  const good = await ada.post('/console/providers', { token: await ISSUER.sign(), kind })
  expect(good.text).toContain('The token is good')
  const bob = await site.person('Bob', 'moderator')
  expect((await bob.post('/console/providers', { token, kind })).text).toMatch(REFUSAL)
})

describe('a webhook', () => {
  const SECRET = /whsec_[A-Za-z0-9+/=]{40,}/g

  test('is made, tried out, rotated, disabled and deleted by forms, and its secret is shown once', async () => {
    const { received, answer } = receivers()
    const site = consoleSite()
    const ada = await site.person('Ada', 'admin')
    const form = { url: 'https://other.example/hooks', types: 'badge.create' }
    const made = await ada.post('/console/webhooks/new', form)
    expect([made.status, new Set(made.text.match(SECRET)).size]).toEqual([201, 1])
    const [, sealed = ''] = /href="(\/console\/webhooks\/whk_\w+)"/.exec(made.text) ?? []
    // Objects of the tests have no AUTH_SECRET, so what they are to send is made without one.
    const root = await testSite().root()
    const url = 'https://partner.example/hooks'
    const { body } = await root.post('/v1/webhooks', { url, types: ['badge.create'] })
    const place = `/console/webhooks/${body.id}`
    const seen = async (query = '', of = place) => {
      const { status, text } = await ada.get(`${of}${query}`)
      expect([status, text.match(SECRET)]).toEqual([200, null])
      return text
    }
    answer('partner.example', () => new Response(null, { status: 503 }))
    expect((await ada.post(`${place}/ping`)).location).toBe(`${place}?done=pinged`)
    await eventually(async () =>
      expect(await seen()).toMatch(/webhook\.ping.*waiting.*<code>503</s),
    )
    answer('partner.example', () => new Response(null, { status: 410 }))
    await root.post('/v1/badges', { title: 'Told' })
    await eventually(async () => expect(await seen()).toMatch(/Disabled.*answered 410/s))
    await eventually(async () => expect(await seen('', sealed)).toContain('another AUTH_SECRET'))
    answer('partner.example', () => new Response(null, { status: 204 }))
    await ada.post(`${place}/enable`)
    const there = /delivered.*action="([^"]*\/deliveries\/evt_\w+\/replay)"/s
    await eventually(async () => expect(await seen('?status=delivered')).toMatch(there))
    const [, again = ''] = there.exec(await seen('?status=delivered')) ?? []
    const before = received.length
    expect((await ada.post(again)).location).toBe(`${place}?done=replayed`)
    await eventually(() => expect(received.length).toBe(before + 1))
    const rotated = await ada.post(`${place}/rotate`, { graceHours: '1' })
    const [secret] = rotated.text.match(SECRET) ?? []
    expect([rotated.status, secret]).toEqual([201, expect.not.stringContaining(body.secret)])
    // What is left empty cuts no receiver off.
    await ada.post(`${place}/rotate`, { graceHours: '' })
    const [{ changes }] = (await root.get('/v1/audit?action=webhook.rotate')).body.items
    expect(changes).toEqual({ graceSeconds: 86_400 })
    expect((await ada.post(`${place}/replay`, { since: 'yesterday' })).status).toBe(422)
    const since = new Date().toISOString()
    expect((await ada.post(`${place}/replay`, { since })).location).toBe(`${place}?done=replayed`)
    await ada.post(`${place}/disable`)
    expect(await seen()).toContain('Somebody here has disabled it.')
    expect((await ada.post(`${place}/delete`, { typed: 'it' })).status).toBe(422)
    const deleted = await ada.post(`${place}/delete`, { typed: 'partner.example' })
    expect(deleted.location).toBe('/console/webhooks?done=deleted')
    expect((await ada.get(place)).status).toBe(404)
  })

  test('of two who change it, the second is shown both; an address that is not called is said to be none', async () => {
    receivers()
    const site = consoleSite()
    const ada = await site.person('Ada', 'admin')
    const url = 'https://partner.example/hooks'
    const { body } = await (await testSite().root()).post('/v1/webhooks', { url })
    const place = `/console/webhooks/${body.id}/edit`
    const revision = String(body.revision)
    const one = { url: 'https://one.example/', types: 'badge.create', revision }
    expect((await ada.post(place, one)).status).toBe(303)
    const two = await ada.post(place, { url: 'https://two.example/', revision })
    expect(two.status).toBe(412)
    expect(two.text).toMatch(/There now.*one\.example.*Typed by you.*two\.example/s)
    const here = await ada.post('/console/webhooks/new', { url: `${ORIGIN}/v1/badges` })
    expect([here.status, /id="url-error">[^<]*another site/.test(here.text)]).toEqual([422, true])
    // What nobody knows does not come to stand for everything.
    const unknown = { url: 'https://one.example/', types: 'badge.forge' }
    expect((await ada.post('/console/webhooks/new', unknown)).status).toBe(422)
  })
})

test('sessions that a provider has ended are listed with who said so, of whom and why', async () => {
  const [trusted] = JSON.parse(SETTINGS.TRUSTED_ISSUERS)
  const site = consoleSite({ TRUSTED_ISSUERS: JSON.stringify([{ ...trusted, ...TELLS }]) })
  const admin = await site.person('Ada', 'admin')
  const empty = await admin.get('/console/ended-sessions')
  expect(empty.text).toContain('No provider has ended anything')
  const [bob, eve] = [await site.member('bob'), await site.member('eve')]
  const tell = async (path: string, body: string, type: string) => {
    const headers = { 'Content-Type': type }
    return site.fetch(new Request(`${ORIGIN}${path}`, { method: 'POST', headers, body }))
  }
  const form = `logout_token=${await logoutToken({ sub: 'bob' })}`
  await tell('/v1/logout-tokens', form, 'application/x-www-form-urlencoded')
  const event = await securityEvent('account-disabled', 'eve')
  await tell('/v1/signals', event, 'application/secevent+jwt')
  const rows = async (query = '') => {
    const { text } = await admin.get(`/console/ended-sessions${query}`)
    return (text.match(/<tr role="row">.*?<\/tr>/gs) ?? []).slice(1)
  }
  const [, , signedOut] = await rows()
  expect(await rows()).toHaveLength(3)
  for (const part of [bob.userId, 'signed out', '>logout<', ISSUER.issuer, '<time'])
    expect(signedOut).toContain(part)
  const ofEve = (await rows(`?target=${eve.userId}`)).join('')
  expect(ofEve).toMatch(/signed out.*account-disabled.*suspended/s)
  expect(ofEve).not.toContain(bob.userId)
})

async function zipped(text: string): Promise<number> {
  const packed = new Blob([text]).stream().pipeThrough(new CompressionStream('gzip'))
  return (await new Response(packed).arrayBuffer()).byteLength
}

describe('what it costs', () => {
  test('a list is two calls of D1, once its reader is known', async () => {
    const { storage, costOf } = countingStorage()
    const site = consoleSite(storage)
    const ada = await site.person('Ada', 'admin')
    await ada.get('/console/members')
    for (const path of [...Object.keys(LISTS), ...OTHER_LISTS]) {
      const { d1 } = await costOf(() => ada.get(path))
      expect([path, d1]).toEqual([path, d1 > 2 ? 'at most 2' : d1])
    }
  })

  test('the first sight of a page is at most 30 kB, with style and script', async () => {
    const site = consoleSite()
    const ada = await site.person('Ada', 'admin')
    const page = (await ada.get('/console/members')).text
    const pages = [
      ...Object.keys(LISTS),
      ...OTHER_LISTS,
      `/console/members/${ada.userId}`,
      '/console',
    ]
    const sizes = pages.map(async (path) => zipped((await ada.get(path)).text))
    const files = [...page.matchAll(/(?:href|src)="(\/auth\/[a-z]+\.(?:css|js)[^"]*)"/g)]
    expect(files.length).toBe(2)
    let bytes = Math.max(...(await Promise.all(sizes)))
    for (const [, path = ''] of files) {
      const { headers, text } = await ada.get(path)
      expect(headers.get('Cache-Control')).toContain('immutable')
      bytes += await zipped(text)
    }
    expect(bytes).toBeLessThanOrEqual(30_000)
    expect(SCRIPT.length).toBeLessThanOrEqual(3072)
  })
})

const OWN = {
  SITE_NAME: 'Loom & Thread',
  SITE_URL: 'https://loom.example/start',
  SITE_LOGO: 'https://loom.example/logo.svg',
  SITE_ACCENT: '#ffe600',
}

test('every page has the name, logo and home page of the site, and its colour as one can read it', async () => {
  const site = consoleSite(OWN)
  const [ada, nobody] = [await site.person('Ada', 'admin'), site.browser()]
  const html = { Accept: 'text/html' }
  const pages = [
    await nobody.get('/', html),
    await nobody.get('/auth/sign-in'),
    await ada.get('/account'),
    await ada.get('/auth/account'),
    await ada.get('/console'),
  ]
  for (const { status, text } of pages) {
    expect(status).toBe(200)
    expect(text).toMatch(
      /<a class="brand" href="https:\/\/loom.example\/start"><img src="https:\/\/loom.example\/logo.svg" alt="" referrerpolicy="no-referrer"\/><span>Loom &amp; Thread</,
    )
    expect(text).toMatch(/<title>[^<]*Loom &amp; Thread<\/title>/)
  }
  const [, style = ''] = /href="(\/auth\/style\.css\?[^"]+)"/.exec(pages[1]?.text ?? '') ?? []
  const sheet = (await nobody.get(style)).text
  const [, onAccent = '', light = '', dark = ''] =
    /--accent:#ffe600;--on-accent:(#\w{6});--link:light-dark\((#\w{6}),(#\w{6})\)/.exec(sheet) ?? []
  expect(contrast(onAccent, '#ffe600')).toBeGreaterThanOrEqual(4.5)
  expect(contrast(light, '#ffffff')).toBeGreaterThanOrEqual(4.5)
  expect(contrast(dark, '#191b1f')).toBeGreaterThanOrEqual(4.5)
  const [, usual = ''] =
    /href="(\/auth\/style\.css\?[^"]+)"/.exec(
      (await consoleSite().browser().get('/', html)).text,
    ) ?? []
  expect(usual).not.toBe(style)
})

/** WCAG 2.2. @param colours `#rrggbb` */
function contrast(...colours: readonly [string, string]): number {
  const [dark = 0, light = 0] = colours
    .map((hex) => {
      const [red = 0, green = 0, blue = 0] = [1, 3, 5]
        .map((at) => Number.parseInt(hex.slice(at, at + 2), 16) / 255)
        .map((part) => (part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4))
      return 0.2126 * red + 0.7152 * green + 0.0722 * blue
    })
    .toSorted((a, b) => a - b)
  return (light + 0.05) / (dark + 0.05)
}
