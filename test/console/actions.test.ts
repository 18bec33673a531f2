/** What people do at the console, form by form: what the API does is all that is done. */
import { expect, test } from 'vitest'
import { bookingOf, bookingScene } from '../support/bookings.ts'
import { consoleSite, type Person } from '../support/console.ts'
import { shownIn } from '../support/shown-forms.ts'

/** An admin at the console, and the same admin's rights by API. */
async function desk(site = consoleSite()) {
  return { site, ada: await site.person('Ada', 'admin'), root: await site.root() }
}

const shownAt = async (person: Person, place: string) =>
  shownIn((await person.get(place)).text, place)

const placeIn = (location: string | null) => location?.replace(/\?done=\w+$/, '') ?? ''
const BOTH = /There now.*<dd>One<\/dd>.*Typed by you.*<dd>Two<\/dd>/s

test('a member is given and taken badges and roles, changed by one of two, and deleted by their name', async () => {
  const { site, ada, root } = await desk()
  const bob = await site.person('Bob')
  const { body: badge } = await root.post('/v1/badges', { title: 'Helper' })
  const place = `/console/members/${bob.userId}`
  const now = async () => (await root.get(`/v1/users/${bob.userId}?view=full`)).body
  await ada.post(`${place}/badges`, { badgeId: badge.id })
  await ada.post(`${place}/roles`, { role: 'moderator' })
  expect(await now()).toMatchObject({
    badges: [{ title: 'Helper' }],
    roles: ['member', 'moderator'],
  })
  const { text } = await ada.get(place)
  expect(text).toMatch(/Take away<span class="only-read"> the role moderator/)
  expect(text).toMatch(/Take away<span class="only-read"> the badge Helper/)
  await ada.post(`${place}/badges/take`, { badgeId: badge.id })
  await ada.post(`${place}/roles/take`, { role: 'moderator' })
  expect(await now()).toMatchObject({ badges: [], roles: ['member'] })

  const revision = String((await now()).revision)
  const shown = await shownAt(ada, `${place}/edit`)
  expect(shown['revision']).toBe(revision)
  const edit = (displayName: string) => ada.post(`${place}/edit`, { ...shown, displayName })
  expect((await edit('One')).location).toBe(`${place}?done=saved`)
  const late = await edit('Two')
  expect([late.status, BOTH.test(late.text)]).toEqual([412, true])
  expect((await ada.post(`${place}/delete`, { typed: 'Two' })).status).toBe(422)
  expect((await ada.post(`${place}/delete`, { typed: 'One' })).location).toBe(
    '/console/members?done=deleted',
  )
  expect((await ada.get(place)).status).toBe(404)
})

test('whoever is suspended is told why on their own pages, until they are reinstated', async () => {
  const { site, ada } = await desk()
  const bob = await site.person('Bob')
  const place = `/console/members/${bob.userId}`
  const reason = 'Wrote <b>spam</b>'
  expect((await ada.post(`${place}/suspend`, { reason })).location).toBe(`${place}?done=suspended`)
  const shown = 'Wrote &lt;b&gt;spam&lt;/b&gt;'
  const told = await bob.get('/account')
  expect([told.status, told.text.includes(shown)]).toEqual([403, true])
  expect((await ada.get(place)).text).toContain(shown)
  await ada.post(`${place}/reinstate`)
  expect((await bob.get('/account')).status).toBe(200)
  expect((await ada.get(place)).text).not.toContain(shown)
})

test('an API key has its secret shown once, is changed by one of two, rotated, disabled and revoked', async () => {
  const { site, ada, root } = await desk()
  const SECRET = /<pre id="secret">([^<]+)<\/pre>/
  const form = { name: 'Door', scopes: 'profile:read', limit: '5', windowSeconds: '60' }
  const made = await ada.post('/console/api-keys/new', { ...form, allowedIps: '192.0.2.0/24' })
  const [, secret = ''] = SECRET.exec(made.text) ?? []
  const [, place = ''] = /href="(\/console\/api-keys\/key_\w+)"/.exec(made.text) ?? []
  expect(made.status).toBe(201)
  const of = place.replace('/console', '/v1')
  const now = async () => (await root.get(of)).body
  expect(await now()).toMatchObject({
    name: 'Door',
    scopes: ['profile:read'],
    rateLimit: { limit: 5, windowSeconds: 60 },
    allowedIps: ['192.0.2.0/24'],
  })
  expect((await ada.get(place)).text).not.toContain(secret)

  const shown = await shownAt(ada, `${place}/edit`)
  const edit = (name: string) => ada.post(`${place}/edit`, { ...shown, name })
  expect((await edit('One')).location).toBe(`${place}?done=saved`)
  const late = await edit('Two')
  expect([late.status, BOTH.test(late.text)]).toEqual([412, true])
  const wrong = await ada.post(`${place}/edit`, { ...shown, limit: 'many' })
  expect([wrong.status, wrong.text.includes('id="limit-error"')]).toEqual([422, true])

  const inside = { headers: { 'CF-Connecting-IP': '192.0.2.1' } }
  const statusWith = async (key: string) =>
    (await site.bearer(key).get('/v1/whoami', inside)).status
  const rotate = async (graceHours: string) => {
    const { status, text } = await ada.post(`${place}/rotate`, { graceHours })
    expect(status).toBe(201)
    return SECRET.exec(text)?.[1] ?? ''
  }
  // Left empty the old secret is good for a day; cut off is only what was meant to be.
  const second = await rotate('')
  expect([await statusWith(secret), await statusWith(second)]).toEqual([200, 200])
  const third = await rotate('0')
  expect([await statusWith(second), await statusWith(third)]).toEqual([401, 200])
  await ada.post(`${place}/disable`)
  expect(await now()).toMatchObject({ name: 'One', enabled: false })
  expect((await ada.post(`${place}/revoke`, { typed: 'Door' })).status).toBe(422)
  expect((await ada.post(`${place}/revoke`, { typed: 'One' })).location).toBe(
    `${place}?done=revoked`,
  )
  expect((await now()).revokedAt).not.toBeNull()
})

test('a form that offers something else does nothing: no choice is guessed', async () => {
  const { site, ada, root } = await desk()
  const scene = await bookingScene(site)
  const bob = await site.person('Bob')
  const { id } = await bookingOf(root, await scene.slot())
  const place = (await root.post('/v1/page-rules', { path: '/a', access: 'members' })).body.id
  const rule = { path: '/b', kind: 'may', permission: 'audit:read', reach: 'any' }
  const member = `/console/members/${bob.userId}`
  const sent: [string, object, number][] = [
    ['/console/bookings', { booking: id, action: 'garbage' }, 422],
    ['/console/bookings', { booking: id }, 422],
    ['/console/page-rules/new', { ...rule, permission: '' }, 422],
    ['/console/page-rules/new', { ...rule, permission: 'nothing' }, 422],
    ['/console/page-rules/new', { ...rule, reach: 'all' }, 422],
    ['/console/page-rules/new', { ...rule, kind: 'nonsense' }, 422],
    ['/console/page-rules/new', { ...rule, onUnauthenticated: 'bogus' }, 422],
    [`/console/page-rules/${place}/edit`, { ...rule, onUnauthenticated: '' }, 422],
    [`${member}/roles`, { role: '' }, 404],
    [`${member}/roles/take`, { role: '..' }, 404],
    [`${member}/badges/take`, {}, 404],
    ['/console/roles/new', { name: '', 'may:audit:read': '' }, 422],
  ]
  for (const [path, fields, status] of sent) {
    const answer = await ada.post(path, fields as Record<string, string>)
    expect([path, fields, answer.status]).toEqual([path, fields, status])
  }
  expect((await root.get(`/v1/bookings/${id}`)).body.status).toBe('pending')
  expect((await root.get('/v1/page-rules')).body.items).toMatchObject([{ path: '/a' }])
  const late = '/console/audit/aud_x?at=%2B275760-09-13T00:00:00Z'
  expect((await ada.get(late)).status).toBe(404)
})

test('a page rule is made, changed by one of two, and says who gets in; its path deletes it', async () => {
  const { site, ada, root } = await desk()
  const bob = await site.person('Bob')
  const form = { path: '/members/*', kind: 'members' }
  const place = placeIn((await ada.post('/console/page-rules/new', form)).location)
  const now = async () => (await root.get(place.replace('/console', '/v1'))).body
  expect(await now()).toMatchObject({ path: '/members/*', access: 'members', position: 1 })
  const asked = await ada.get(`/console/page-rules?page=/members/x&as=${bob.userId}`)
  expect(asked.text).toMatch(/Signed out.*is sent elsewhere.*<h3>.*opens/s)
  const shown = await shownAt(ada, `${place}/edit`)
  const edit = (path: string) => ada.post(`${place}/edit`, { ...shown, path })
  expect((await edit('/one')).location).toBe(`${place}?done=saved`)
  const late = await edit('/two')
  expect(late.status).toBe(412)
  expect(late.text).toMatch(/There now.*<dd>\/one<\/dd>.*Typed by you.*<dd>\/two<\/dd>/s)
  const wrong = await ada.post('/console/page-rules/new', { ...form, path: 'members' })
  expect([wrong.status, wrong.text.includes('id="path-error"')]).toEqual([422, true])
  expect((await ada.post(`${place}/delete`, { typed: '/two' })).status).toBe(422)
  expect((await ada.post(`${place}/delete`, { typed: '/one' })).location).toMatch(/done=deleted$/)
})

test('page rules are moved one step by buttons, as far as they go and unless one has changed', async () => {
  const { ada, root } = await desk()
  const make = async (path: string) =>
    (await root.post('/v1/page-rules', { path, access: 'members' })).body.id as string
  for (const path of ['/a', '/b', '/c']) await make(path)
  const order = async () =>
    (await root.get('/v1/page-rules')).body.items.map(({ path }: { path: string }) => path).join('')
  const page = (await ada.get('/console/page-rules')).text
  const buttons = [...page.matchAll(/Move (\S+) (up|down)/g)].map(([, path, to]) => `${path} ${to}`)
  expect(buttons).toEqual(['/a down', '/b up', '/b down', '/c up'])
  /** What the form of a rule has in it, as the page shows it now. */
  const formOf = async (path: string) => {
    const [form = ''] =
      (await ada.get('/console/page-rules')).text
        .match(/<form [^>]*\/move".*?<\/form>/gs)
        ?.filter((each) => each.includes(`Move ${path} `)) ?? []
    const fields = form.matchAll(/name="(\w+)" value="(\w*)"/g)
    return {
      action: /action="([^"]+)"/.exec(form)?.[1] ?? '',
      fields: Object.fromEntries([...fields].map(([, name = '', value = '']) => [name, value])),
    }
  }
  const [first, middle, last] = [await formOf('/a'), await formOf('/b'), await formOf('/c')]
  const move = ({ action, fields }: typeof first, to: string) => ada.post(action, { ...fields, to })
  expect((await move(last, 'up')).location).toBe('/console/page-rules?done=moved')
  expect(await order()).toBe('/a/c/b')
  // Sent twice, seen before somebody else moved one, and past the end: nothing is done.
  for (const [form, to] of [
    [last, 'up'],
    [first, 'down'],
    [middle, 'up'],
    [await formOf('/a'), 'up'],
  ] as const) {
    const { status } = await move(form, to)
    expect([status === 412 || status === 409, await order()]).toEqual([true, '/a/c/b'])
  }
  const { location } = await ada.get(`${last.action}?page=%2Fa`)
  expect(location).toBe('/console/page-rules?page=%2Fa')
  const seen = await formOf('/b')
  await root.patch(seen.action.replace('/console', '/v1').replace('/move', ''), { webSocket: true })
  expect([(await move(seen, 'up')).status, await order()]).toEqual([412, '/a/c/b'])
  await move(await formOf('/b'), 'up')
  expect(await order()).toBe('/a/b/c')
})

test('the last day of an API key ends where the site is, and a time chosen by API stays', async () => {
  const { ada, root } = await desk(consoleSite({ SITE_TIME_ZONE: 'America/New_York' }))
  const form = { name: 'Door', scopes: 'profile:read' }
  const expiresOn = '2999-01-01'
  const made = await ada.post('/console/api-keys/new', { ...form, expiresOn })
  const [, place = ''] = /href="(\/console\/api-keys\/key_\w+)"/.exec(made.text) ?? []
  const ends = async () => (await root.get(place.replace('/console', '/v1'))).body.expiresAt
  expect(await ends()).toBe('2999-01-02T05:00:00.000Z')
  expect((await ada.get(`${place}/edit`)).text).toMatch(/type="date" value="2999-01-01"/)
  const expiresAt = '2999-01-01T12:00:00.000Z'
  await root.patch(place.replace('/console', '/v1'), { expiresAt })
  const edit = async (changes: Readonly<Record<string, string>>) =>
    ada.post(`${place}/edit`, { ...(await shownAt(ada, `${place}/edit`)), ...changes })
  expect((await edit({ name: 'Gate' })).status).toBe(303)
  expect(await ends()).toBe(expiresAt)
  const none = await edit({ expiresOn: 'soon' })
  expect([none.status, none.text.includes('id="expiresOn-error"')]).toEqual([422, true])
  await edit({ expiresOn: '' })
  expect(await ends()).toBeNull()
})

test('a filter takes an address for a member, and has names for the rest', async () => {
  const { site, ada, root } = await desk()
  const [bob, { body: service }] = [
    await site.person('Bob'),
    await root.post('/v1/services', { name: 'Tour' }),
  ]
  const { email } = (await root.get(`/v1/users/${bob.userId}?view=full`)).body
  const asked = encodeURIComponent(email)
  for (const [path, name] of [
    ['/console/bookings?status=all', 'owner'],
    ['/console/audit?action=role.assign', 'target'],
    ['/console/page-rules?page=/members', 'as'],
  ]) {
    const { location } = await ada.get(`${path}&${name}=${asked}`)
    expect(location).toBe(`${path?.replace('=/', '=%2F')}&${name}=${bob.userId}`)
  }
  expect((await ada.get('/console/audit?actor=no@example.com')).location).toBe(
    '/console/members?q=no%40example.com',
  )
  expect((await ada.get('/console/bookings')).text).toContain(
    'data-choices="/console/choices/services"',
  )
  const { text, headers } = await ada.get('/console/choices/services')
  expect([JSON.parse(text), headers.get('Cache-Control')]).toEqual([
    [{ value: service.id, text: 'Tour' }],
    'private, max-age=60',
  ])
  expect((await site.browser().get('/console/choices/roles')).status).toBe(303)
})

test('a role of the site’s own is made, changed by one of two, and deleted; built-in ones are only shown', async () => {
  const { ada, root } = await desk()
  const form = { name: 'greeter', 'may:badge:assign': 'any', 'may:audit:read': '' }
  expect((await ada.post('/console/roles/new', form)).location).toBe('/console/roles?done=saved')
  expect((await ada.post('/console/roles/new', form)).status).toBe(409)
  const now = async () =>
    (await root.get('/v1/roles?limit=100')).body.items.find(
      ({ name }: { name: string }) => name === 'greeter',
    )
  expect((await now()).permissions).toEqual([{ permission: 'badge:assign', reach: 'any' }])
  const place = '/console/roles/named/greeter'
  const { text } = await ada.get(place)
  const shown = { ...shownIn(text, place), 'may:badge:assign': '' }
  const one = await ada.post(place, { ...shown, 'may:audit:read': 'any' })
  const two = await ada.post(place, { ...shown, 'may:job:run': 'any' })
  expect([one.status, two.status]).toEqual([303, 412])
  expect(two.text).toMatch(/There now.*audit:read.*Typed by you/s)
  expect((await now()).permissions).toEqual([{ permission: 'audit:read', reach: 'any' }])
  expect((await ada.get('/console/roles/named/moderator')).text).not.toContain('>Save<')
  expect((await ada.post(`${place}/delete`, { typed: 'greeter' })).location).toMatch(/deleted$/)
  expect(await now()).toBeUndefined()
})

test('a rule begins disabled, shows who would gain its badge and why, and the runs of its job', async () => {
  const { site, ada, root } = await desk()
  const bob = await site.person('Bob')
  await bob.send('POST', '/v1/me/visits')
  const { body: badge } = await root.post('/v1/badges', { title: 'Regular' })
  const form = { metric: 'visits', threshold: '1', windowDays: '' }
  const made = await ada.post('/console/rules/new', { ...form, badgeId: badge.id })
  const place = placeIn(made.location)
  const now = async () => (await root.get(place.replace('/console/rules', '/v1/badge-rules'))).body
  expect(await now()).toMatchObject({ threshold: 1, enabled: false })
  const page = (await ada.get(place)).text
  expect(page).toMatch(/1 member<.*would gain it now.*Bob<.*has 1/s)
  expect(page).toContain('It has never run')
  const live = await ada.post(`${place}/preview`, { ...form, threshold: '2' })
  expect(live.text).toMatch(/0 members<.*at least 2 visits/s)
  expect(live.text).not.toContain('<html')
  const save = (threshold: string) =>
    ada.post(place, { ...form, threshold, enabled: 'on', revision: '1' })
  expect((await save('3')).location).toBe(`${place}?done=saved`)
  const late = await save('4')
  expect(late.status).toBe(412)
  expect(late.text).toMatch(/There now.*at least 3 visits.*Typed by you.*at least 4 visits/s)
  expect(await now()).toMatchObject({ threshold: 3, enabled: true })
  const run = await ada.post('/console/jobs/award-badges/run')
  expect(run.location).toBe('/console/jobs/award-badges?done=requested')
  expect((await ada.get(place)).text).toMatch(/Runs of award-badges.*<td[^>]*>.*Took/s)
  expect((await ada.post(`${place}/delete`, { typed: 'delete' })).location).toMatch(/deleted$/)
})

test('explain shows the steps, the one that decides, and what would allow it', async () => {
  const { site, ada } = await desk()
  const bob = await site.person('Bob')
  const ask = (form: Readonly<Record<string, string>>) => ada.post('/console/explain', form)
  const call = { method: 'GET', path: '/v1/audit' }
  const refused = await ask({ ...call, as: bob.userId })
  expect(refused.text).toMatch(/The answer is 403.*decided at permission/s)
  expect(refused.text).toMatch(/takes audit:read.*What would allow it:<\/strong>[^<]*role admin/s)
  expect((await ask(call)).text).toContain('The answer is 200')
  const unreadable = await ask({ ...call, method: 'POST', body: '{' })
  expect([unreadable.status, unreadable.text.includes('no JSON')]).toEqual([422, true])
  const others = await bob.post('/console/explain', { ...call, as: ada.userId })
  expect([others.status, others.text.includes('explain:others')]).toEqual([403, true])
})

test('an entry of the audit log is shown in full, with what elevated it', async () => {
  const { site, ada } = await desk()
  const { slot } = await bookingScene(site)
  await bookingOf(await site.member('bob'), await slot({ autoConfirm: true }))
  const actor = 'system:booking-auto-confirmer'
  const { text } = await ada.get(`/console/audit?actor=${actor}`)
  const [, place = ''] = /href="(\/console\/audit\/aud_[^"]+)"/.exec(text) ?? []
  const entry = (await ada.get(place.replaceAll('&amp;', '&'))).text
  expect(entry).toMatch(/What elevated it.*booking-auto-confirmer.*booking:confirm/s)
  expect((await ada.get('/console/audit?since=2100-01-01')).text).toContain('Nothing was done')
})
