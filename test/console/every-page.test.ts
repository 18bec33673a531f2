/** What holds for every page of the console, the account and the sign-in, found by walking all of them. */
import { expect, test } from 'vitest'
import { consoleSite as pages } from '../../src/console/site.tsx'
import { consoleSite, endSessions } from '../support/console.ts'
import { expectSafe, spoilAll } from '../support/every-form.ts'
import type { Page } from '../support/login.ts'
import { sceneOf } from '../support/mutating-requests.ts'
import { rowsOf } from '../support/population.ts'
import { formsIn } from '../support/shown-forms.ts'

/** Every route of the pages but the start, which is for everybody. */
const routes = (method: 'GET' | 'POST') => [
  ...new Set(
    pages.routes.flatMap((route) =>
      route.method === method && route.path !== '/' ? [route.path] : [],
    ),
  ),
]
/** Where one page is like another, as where one gate is before all, some are enough unless there is time. */
const some = (paths: readonly string[]) =>
  paths.filter((path) => process.env['FULL'] || !path.includes(':'))
/** The address of a route with ids of nothing. */
const somewhere = (route: string) => route.replaceAll(/:\w+/g, 'x')

const REASON = 'Wrote <spam>'

test('every page leads whoever is not signed in to the sign-in, and keeps what was typed', async () => {
  const site = consoleSite()
  const [nobody, ended] = [site.browser(), await site.person('Ada', 'admin')]
  await endSessions(site)
  expect(routes('GET').length).toBeGreaterThan(60)
  for (const route of [...routes('GET'), '/console/no-such-page', '/account/no-such-page']) {
    const path = `${somewhere(route)}?q=1`
    for (const browser of [nobody, ended]) {
      const answer = await browser.get(path)
      const next = `/auth/sign-in?next=${encodeURIComponent(path)}`
      expect([path, answer.status, answer.location]).toEqual([path, 303, next])
      expectSafe(path, answer)
    }
  }
  for (const route of routes('POST')) {
    const path = somewhere(route)
    const answer = await nobody.post(path, { word: 'typed', token: 'secret' })
    const [form] = formsIn(answer.text, path)
    const typed = form?.fields.map(({ name, value }) => [name, value.trim()])
    expect([path, answer.status, form?.action, typed]).toEqual([
      path,
      401,
      path,
      [['word', 'typed']],
    ])
    expectSafe(path, answer)
  }
})

test('every page tells whoever is suspended so, why, and the ways out, and does nothing', async () => {
  const site = consoleSite()
  const [eve, root] = [await site.person('Eve', 'admin'), await site.root()]
  await root.post(`/v1/users/${eve.userId}/suspend`, { reason: REASON })
  const expectTold = (path: string, { text }: Page) => {
    const [form] = formsIn(text, path)
    const told = [text.includes('is suspended'), text.includes('Wrote &lt;spam&gt;')]
    expect([path, ...told, text.includes('can reinstate it')]).toEqual([path, true, true, true])
    return form?.action
  }
  for (const route of some(routes('GET'))) {
    const answer = await eve.get(somewhere(route))
    expect([route, answer.status]).toEqual([route, 403])
    expect(expectTold(route, answer)).toBe('/auth/sign-out')
    expectSafe(route, answer)
  }
  for (const route of some(routes('POST'))) {
    const answer = await eve.post(somewhere(route), { title: 'Mine' })
    expect([route, answer.status]).toEqual([route, 403])
    expectTold(route, answer)
  }
  expect((await root.get('/v1/badges')).body.items).toEqual([])
})

/** A site with one of everything, and the addresses of all its pages for an admin. */
async function everything() {
  const site = consoleSite()
  const [ada, bob] = [await site.person('Ada', 'admin'), await site.person('Bob')]
  const scene = await sceneOf(site)
  const { id: serviceId } = await scene.service()
  await scene.slotOf(serviceId)
  const [badge, rule, pageRule] = [await scene.badge(), await scene.rule(), await scene.pageRule()]
  await scene.key()
  const webhook = await scene.webhook()
  const booking = await scene.booking(await site.member('cy'))
  const permissions = [{ permission: 'badge:assign', reach: 'any' }]
  await scene.root.put('/v1/roles/greeter', { permissions })
  const { items } = (await scene.root.get(`/v1/users/${bob.userId}/identities`)).body
  const [key] = await rowsOf('select id from api_keys')
  const ids: Readonly<Record<string, string>> = {
    userId: bob.userId,
    badgeId: badge.id,
    serviceId,
    bookingId: booking.id,
    keyId: String(key?.['id']),
    webhookId: webhook.id,
    identityId: items[0].id,
    role: 'greeter',
    job: 'award-badges',
    entry: 'x',
  }
  const fill = (route: string) =>
    route.replaceAll(/:(\w+)/g, (_, name: string) =>
      name === 'ruleId' ? (route.includes('page-rules') ? pageRule : rule).id : (ids[name] ?? 'x'),
    )
  const isPage = (path: string) => !/\/choices\/|\/move$|\/audit\/:entry$/.test(path)
  const paths = routes('GET').filter(isPage).map(fill)
  return {
    site,
    ada,
    fill,
    paths: [...paths, `${fill('/console/services/:serviceId')}/slots/new?kind=weekly`],
  }
}

test('every form that is refused is shown again with what was typed, what is wrong, and the status of that', async () => {
  const { ada, paths } = await everything()
  const sent = new Set<string>()
  for (const path of paths) for (const form of await spoilAll(ada, path)) sent.add(form)
  expect(sent.size).toBeGreaterThan(40)
})

test('whatever is answered besides pages is as safe, and has the status of what it says', async () => {
  const { site, ada, fill } = await everything()
  const [rule, slots] = [fill('/console/rules/:ruleId'), fill('/console/services/:serviceId/slots')]
  const long = { name: 'x'.repeat(64 * 1024) }
  const day = { kind: 'weekly', weekdays: 'MO', startTime: '10:00', durationMinutes: '60' }
  const never = { ...day, from: '2001-01-01', until: '2001-01-02' }
  const answers: [number, Promise<Page>][] = [
    [200, ada.get('/console', { 'Sec-Fetch-Site': 'none' })],
    [200, ada.get('/console/choices/roles')],
    [200, ada.post(`${rule}/preview`, { metric: 'visits', threshold: '3', windowDays: '' })],
    [303, ada.post('/console/jobs/award-badges/run')],
    [308, ada.get('/console/')],
    [308, ada.get('/account/bookings//?of=all')],
    [400, ada.get('/console', { 'X-API-Key': 'guild_x' })],
    [403, ada.post('/console/badges/new', {}, { Origin: 'https://evil.example' })],
    [404, ada.get('/account/nothing')],
    [405, ada.send('DELETE', '/console')],
    [413, ada.post('/account/profile', long)],
    [422, ada.post(`${rule}/preview`, { metric: 'visits', threshold: '-3', windowDays: '' })],
    [422, ada.post(`${slots}/dates`, never)],
    [422, ada.get('/console/page-rules?page=nothing')],
    [422, ada.get('/account/bookings?cursor=nothing')],
    [200, ada.get('/account/bookings?cursor=')],
    [303, site.browser().get('/account')],
  ]
  for (const [at, [status, asked]] of answers.entries()) {
    const answer = await asked
    expect([at, answer.status]).toEqual([at, status])
    expectSafe(String(at), answer)
  }
  expect((await ada.get('/account/bookings//?of=all')).location).toBe('/account/bookings?of=all')
})

test('a list whose address is none says so, and neither that it is empty nor less than it has', async () => {
  const { ada, fill } = await everything()
  const lists = [
    '/console/badges',
    '/console/roles',
    '/console/jobs/award-badges',
    '/account/bookings',
  ]
  for (const path of [...lists, fill('/console/members/:userId/bookings')]) {
    const { status, text } = await ada.get(`${path}?cursor=nothing`)
    expect([path, status, text.includes('validation_failed')]).toEqual([path, 422, true])
    expect([path, /There are no|never run|Nothing|class="empty"/.exec(text)]).toEqual([path, null])
    expect((await ada.get(`${path}?cursor=`)).status).toBe(200)
  }
})

test('what is not there is named, with the way to what is', async () => {
  const ada = await consoleSite().person('Ada', 'admin')
  for (const [path, words, way] of [
    ['/console/roles/named/gone', 'There is no role “gone”.', '/console/roles'],
    ['/console/roles/named/gone/delete', 'There is no role “gone”.', '/console/roles'],
    ['/console/audit/x', 'no such entry', '/console/audit'],
    ['/console/members/usr_gone', 'nothing', '/console/members'],
    ['/console/nothing', 'There is no page at', '/console'],
    ['/account/nothing', 'There is no page at', '/account'],
  ]) {
    const { status, text } = await ada.get(path ?? '')
    const [, said = ''] = /role="alert"[^>]*>(.*?)<\/div>/s.exec(text) ?? []
    expect([path, status, said.includes(words ?? '')]).toEqual([path, 404, true])
    expect(text).toContain(`href="${way}"`)
  }
})

test('a preview without a script keeps the whole form, and what cannot be previewed is said in it', async () => {
  const { ada, fill } = await everything()
  const path = fill('/console/rules/:ruleId')
  const preview = async (search: string) => {
    const { status, text } = await ada.get(`${path}?metric=visits&windowDays=&${search}`)
    const isTicked = /name="enabled"[^>]* checked/.test(text)
    return [status, isTicked, /name="threshold"[^>]* value="([^"]*)"/.exec(text)?.[1]]
  }
  expect(await preview('threshold=3&enabled=on')).toEqual([200, true, '3'])
  expect(await preview('threshold=3')).toEqual([200, false, '3'])
  expect(await preview('threshold=-3&enabled=on')).toEqual([422, true, '-3'])
})

test('whoever may not look addresses up has their question left as they put it', async () => {
  const mo = await consoleSite().person('Mo', 'bookings-manager')
  const call = { as: 'ada@example.com', method: 'GET', path: '/v1/users?limit=9' }
  const { status, text } = await mo.post('/console/explain', call)
  expect([status, /Missing.*<code>profile:/s.test(text)]).toEqual([403, true])
  expect(text).toMatch(/value="ada@example.com".*value="\/v1\/users\?limit=9"/s)
})

test('an admin may delete themselves at the console where members may not, but not the last one', async () => {
  const site = consoleSite({ SELF_DELETION: 'off' })
  const [ada, root] = [await site.person('Ada', 'admin'), await site.root()]
  const place = `/console/members/${ada.userId}/delete`
  expect((await ada.get(place)).text).toContain('This is your own account.')
  const { userId } = (await root.get('/v1/whoami')).body
  await root.post(`/v1/users/${userId}/suspend`)
  const last = await ada.post(place, { typed: 'Ada' })
  expect([last.status, last.text.includes('last_admin')]).toEqual([409, true])
  expect(last.text).toContain('value="Ada"')
  await ada.post(`/console/members/${userId}/reinstate`)
  const gone = await ada.post(place, { typed: 'Ada' })
  expect([gone.status, gone.location]).toEqual([303, '/'])
  expect((await ada.get('/v1/me')).status).toBe(401)
})
