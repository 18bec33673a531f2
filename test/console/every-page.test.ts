/** What holds for every page of the console, the account and the sign-in, found by walking all of them. */
import { expect, test } from 'vitest'
import { consoleSite as pages } from '../../src/console/site.tsx'
import { consoleSite, endSessions, type Person } from '../support/console.ts'
import { formsIn, type HtmlField, type HtmlForm } from '../support/html-forms.ts'
import { type Browser, type Page } from '../support/login.ts'
import { sceneOf } from '../support/mutating-requests.ts'
import { rowsOf } from '../support/population.ts'

/** Every route of the pages but the start, which is for everybody. */
const routes = (method: 'GET' | 'POST') => [
  ...new Set(
    pages.routes.flatMap((route) =>
      route.method === method && route.path !== '/' ? [route.path] : [],
    ),
  ),
]
/** The address of a route with ids of nothing. */
const somewhere = (route: string) => route.replaceAll(/:\w+/g, 'x')

const SAFE = {
  'content-security-policy': expect.stringMatching(/^default-src 'none'.*frame-ancestors 'none'/),
  'referrer-policy': 'same-origin',
  'request-id': expect.stringMatching(/^\w/),
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
}

function expectSafe(path: string, { headers }: Page): void {
  const of = { path, ...Object.fromEntries(headers) }
  expect(of).toMatchObject({ path, ...SAFE })
  expect([path, /no-store|private/.test(headers.get('Cache-Control') ?? '')]).toEqual([path, true])
}

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
  for (const route of routes('GET')) {
    const answer = await eve.get(somewhere(route))
    expect([route, answer.status]).toEqual([route, 403])
    expect(expectTold(route, answer)).toBe('/auth/sign-out')
    expectSafe(route, answer)
  }
  for (const route of routes('POST')) {
    const answer = await eve.post(somewhere(route), { title: 'Mine' })
    expect([route, answer.status]).toEqual([route, 403])
    expectTold(route, answer)
  }
  expect((await root.get('/v1/badges')).body.items).toEqual([])
  // Here they may still do something: end sessions.
  const own = await eve.get('/auth/account')
  expect(own.status).toBe(200)
  expectTold('/auth/account', own)
})

/** A site with one of everything, and the addresses of all its pages for an admin. */
async function everything() {
  const site = consoleSite()
  const [ada, bob] = [await site.person('Ada', 'admin'), await site.person('Bob')]
  const scene = await sceneOf(site)
  const { id: serviceId } = await scene.service()
  await scene.slotOf(serviceId)
  const [badge, rule, pageRule] = [await scene.badge(), await scene.rule(), await scene.pageRule()]
  const [key, webhook] = [await scene.key(), await scene.webhook()]
  const booking = await scene.booking(await site.member('cy'))
  const permissions = [{ permission: 'badge:assign', reach: 'any' }]
  await scene.root.put('/v1/roles/greeter', { permissions })
  const { items } = (await scene.root.get(`/v1/users/${bob.userId}/identities`)).body
  await site.env.DB.prepare(
    `insert into auth_passkeys (id, public_key, user_id, credential_id, counter, device_type, backed_up)
     select 'key', '', id, 'one', 0, 'multiDevice', 1 from auth_users where name = 'Ada'`,
  ).run()
  const keys = await rowsOf('select id from api_keys')
  const ids: Readonly<Record<string, string>> = {
    userId: bob.userId,
    badgeId: badge.id,
    serviceId,
    bookingId: booking.id,
    keyId: String(keys[0]?.['id'] ?? key),
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
  const paths = routes('GET').map(fill)
  return {
    site,
    ada,
    fill,
    paths: [...paths, `${fill('/console/services/:serviceId')}/slots/new?kind=weekly`],
  }
}

const TYPED = new Set(['text', 'search', 'url', 'tel', 'number', 'date', 'time', 'textarea'])
/** No page takes so much anywhere. */
const BAD = `bad ${'x'.repeat(2100)}`
/** Never shown again. */
const SECRETS = new Set(['token', 'username'])

const isTyped = ({ name, kind }: HtmlField) => TYPED.has(kind) && !SECRETS.has(name)

/** Fills everything in as nothing takes it. */
function spoiled({ fields }: HtmlForm): URLSearchParams {
  return new URLSearchParams(
    fields.map((field) => {
      const isSecret = field.kind === 'password'
      return [field.name, isSecret ? 'no' : isTyped(field) ? BAD : field.value]
    }),
  )
}

async function send(browser: Browser, form: HtmlForm): Promise<Page> {
  const sent = spoiled(form)
  if (form.method === 'get') return browser.get(`${form.action.split('?')[0]}?${sent}`)
  return browser.send('POST', form.action, {
    body: sent.toString(),
    headers: { 'Content-Type': 'application/x-www-form-urlencoded' },
  })
}

/** Sends each form of a page as nothing takes it. @returns what each is, as far as something is typed into it */
async function spoilAll(browser: Browser, path: string): Promise<string[]> {
  const { text } = await browser.get(path)
  const forms = formsIn(text, path).filter(({ fields }) =>
    fields.some((field) => isTyped(field) || field.kind === 'password'),
  )
  for (const form of forms) {
    const answer = await send(browser, form)
    const at = `${form.method} ${form.action} on ${path}`
    const names = form.fields.filter(isTyped).map(({ name }) => name)
    const kept = formsIn(answer.text, form.action).some(({ fields }) =>
      names.every((name) => fields.some((each) => each.name === name && each.value.trim() === BAD)),
    )
    // A search for what nobody is called is none that is refused.
    const isRefused = answer.status >= 400 && answer.status < 500
    expect([at, answer.status, kept]).toEqual([at, answer.status, true])
    expect([at, answer.status, isRefused]).toEqual([at, answer.status, true])
    if (form.method === 'post' && names.length > 0)
      expect([at, /aria-invalid="true"|role="alert"/.test(answer.text)]).toEqual([at, true])
    expect([at, answer.text.includes('value="no"')]).toEqual([at, false])
    expectSafe(at, answer)
  }
  return forms.map(({ method, action }) => `${method} ${action.split('?')[0]}`)
}

test('every form that is refused is shown again with what was typed, what is wrong, and the status of that', async () => {
  const { ada, paths } = await everything()
  const sent = new Set<string>()
  for (const path of paths) for (const form of await spoilAll(ada, path)) sent.add(form)
  expect(sent.size).toBeGreaterThan(30)
})
