/**
 * `npm run screenshots`: what the console looks like, on a site that `npm run seed` has filled. The
 * pictures go to docs/screenshots, or where the first argument says; the second names one page.
 */
import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type Browser, chromium } from 'playwright-core'
import { sign } from '../../../local/dev-issuer.ts'
import { EXAMPLE_WEBHOOK } from '../../../local/example-things.ts'
import { localSettings } from '../../../local/settings.ts'
import { type Site, startSite } from '../../../local/site.ts'
import { environmentOf, findBrowser } from '../support/find-browser.ts'

const ROOT = fileURLToPath(new URL('../../../', import.meta.url))
const EMAIL = 'console@example.com'
const PASSWORD = 'violet kettle drums afternoon'
const CHROME = 'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/150.0.0.0 Safari/537.36'

/** Each page under the name of its picture. */
const pagesOf = ({ member, service, first }: Scene): Readonly<Record<string, string>> => ({
  overview: '/console',
  members: '/console/members',
  'members-none': '/console/members?q=nobody-is-called-that',
  member: `/console/members/${member}`,
  'member-edit': `/console/members/${member}/edit`,
  'member-suspend': `/console/members/${member}/suspend`,
  'member-history': `/console/members/${member}/history`,
  'member-sign-in': `/console/members/${member}/sign-in`,
  'member-visits': `/console/members/${member}/visits`,
  badges: '/console/badges',
  'badge-new': '/console/badges/new',
  rules: '/console/rules',
  rule: `/console/rules/${first.rule}`,
  bookings: '/console/bookings',
  booking: `/console/bookings/${first.booking}`,
  calendar: `/console/calendar?service=${service}`,
  services: '/console/services',
  service: `/console/services/${service}`,
  'slots-new': `/console/services/${service}/slots/new?kind=weekly`,
  roles: '/console/roles',
  'role-new': '/console/roles/new',
  'api-keys': '/console/api-keys',
  'api-key': `/console/api-keys/${first.key}`,
  'api-key-new': '/console/api-keys/new',
  'page-rules': '/console/page-rules',
  'page-rule': `/console/page-rules/${first.pageRule}`,
  'page-rule-new': '/console/page-rules/new',
  'who-gets-in': '/console/page-rules?page=/members/welcome',
  providers: '/console/providers',
  webhooks: '/console/webhooks',
  webhook: `/console/webhooks/${EXAMPLE_WEBHOOK}`,
  explain: `/console/explain?method=GET&path=/v1/audit&as=${member}`,
  audit: '/console/audit',
  'ended-sessions': '/console/ended-sessions',
  'filter-refused': '/console/audit?since=soon&actor=nobody',
  refused: `/console/members/${member}/nothing`,
  jobs: '/console/jobs',
  job: '/console/jobs/award-badges',
  account: '/account',
  'account-badges': '/account/badges',
  'account-bookings': '/account/bookings',
  'account-book': `/account/bookings/new/${service}`,
  'account-profile': '/account/profile',
  security: '/auth/account',
})

const SIGNED_OUT: Readonly<Record<string, string>> = {
  landing: '/',
  'sign-in': '/auth/sign-in',
  'sign-up': '/auth/sign-up',
}

const SIZES = { wide: { width: 1280, height: 800 }, phone: { width: 390, height: 844 } } as const

/** What the pictures need of the object that counts visits; the runtime's proxy has no types of its own. */
interface Scene {
  readonly cookie: string
  readonly member: string
  readonly service: string
  /** The first of each list. */
  readonly first: Readonly<Record<'rule' | 'booking' | 'key' | 'pageRule', string>>
}

/** A site as people use it: an admin who comes often, what can be booked, and who has booked it. */
async function sceneOf(site: Site, stateDir: string): Promise<Scene> {
  const cookie = await signUp(site, stateDir)
  const call = async (
    who: { readonly subject: string } | 'admin',
    path: string,
    json?: unknown,
  ) => {
    const credential: Readonly<Record<string, string>> =
      who === 'admin'
        ? { Cookie: cookie, Origin: site.url }
        : { Authorization: `Bearer ${await sign(stateDir, who.subject, {}, 600)}` }
    const answer = await fetch(site.url + path, {
      headers: { ...credential, 'Content-Type': 'application/json' },
      ...(json !== undefined && { method: 'POST', body: JSON.stringify(json) }),
    })
    if (!answer.ok) throw new Error(`${path} answered ${answer.status}: ${await answer.text()}`)
    return JSON.parse(await answer.text())
  }
  const root = { subject: 'root' }
  const { userId: ada }: { userId: string } = await call('admin', '/v1/whoami')
  await fetch(`${site.url}/v1/users/${ada}/roles/admin`, {
    method: 'PUT',
    headers: { Authorization: `Bearer ${await sign(stateDir, 'root', {}, 600)}` },
  })
  const row = await site.db.prepare('select visit_shard from users where id = ?').bind(ada).first()
  const shard = `visits-${Number(row?.['visit_shard'])}`
  const [today, day] = [Date.now(), 86_400_000]
  for (const ago of [24, 21, 20, 17, 13, 12, 10, 5, 4, 3, 2, 1]) {
    const at = today - ago * day
    const date = new Date(at).toISOString().slice(0, 10)
    await site.call('VISITS', shard, 'record', ada, at, date)
  }
  await site.tick()

  const tour = await call(root, '/v1/services', { name: 'Guided tour', timeZone: 'Europe/Berlin' })
  const loom = await call(root, '/v1/services', {
    name: 'An hour at the loom',
    description: 'Bring nothing but time.',
    timeZone: 'Europe/Berlin',
    autoConfirm: true,
  })
  const dayIn = (count: number) => new Date(today + count * day).toISOString().slice(0, 10)
  const slotsOf = async (service: string, startTime: string, capacity: number) => {
    const weekdays = ['MO', 'TU', 'WE', 'TH', 'FR']
    const recurrence = {
      ...{ weekdays, startTime, durationMinutes: 60 },
      ...{ from: dayIn(1), until: dayIn(7) },
    }
    await call(root, `/v1/services/${service}/slots`, { recurrence, capacity })
    const { items }: { items: { id: string }[] } = await call(
      root,
      `/v1/services/${service}/slots?limit=10`,
    )
    return items.map(({ id }) => id)
  }
  const [tours, hours] = [await slotsOf(tour.id, '10:00', 4), await slotsOf(loom.id, '16:00', 1)]
  const people = ['Elif Tanaka', 'Kofi Moreau', 'Rosa Weber', 'Jun Okafor', 'Noor Silva']
  for (const [at, name] of people.entries()) {
    const who = { subject: `member-000${at + 1}` }
    const contact = { name, email: `${name.toLowerCase().replace(' ', '.')}@example.com` }
    const slotId = tours[at % 3]
    await call(who, '/v1/bookings', { slotId, contact })
    if (at < 2) await call(who, '/v1/bookings', { slotId: hours[at], contact })
  }
  await call('admin', '/v1/bookings', { slotId: hours[2] })
  const often = await site.db
    .prepare('select user_id as id from badge_assignments group by user_id order by count(*) desc')
    .first()
  const firstOf = async (list: string): Promise<string> =>
    (await call(root, `/v1/${list}?limit=1`)).items[0]?.id
  const first = {
    rule: await firstOf('badge-rules'),
    booking: await firstOf('bookings'),
    key: await firstOf('api-keys'),
    pageRule: await firstOf('page-rules'),
  }
  return { cookie, member: String(often?.['id']), service: tour.id, first }
}

/** Somebody who signs up like anybody else. @returns the cookie of their session */
async function signUp({ url }: Site, stateDir: string): Promise<string> {
  const post = (path: string, form: Readonly<Record<string, string>>) =>
    fetch(url + path, {
      method: 'POST',
      redirect: 'manual',
      headers: { Origin: url, 'User-Agent': CHROME },
      body: new URLSearchParams(form),
    })
  await post('/auth/sign-up', { name: 'Ada Lovelace', email: EMAIL })
  const token = await linked(stateDir)
  const verified = await post('/auth/verify', { token, password: PASSWORD })
  const [cookie = ''] = verified.headers.getSetCookie()
  return cookie.split(';')[0] ?? ''
}

/** The secret of the one mail; what the Worker prints arrives a moment after its answer. */
async function linked(stateDir: string): Promise<string> {
  for (let tried = 0; tried < 50; tried++) {
    try {
      const [, secret] = /#([\w-]+)/.exec(readFileSync(join(stateDir, 'outbox.txt'), 'utf8')) ?? []
      if (secret) return secret
    } catch {
      // There is no mail yet.
    }
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
  throw new Error('no mail came')
}

async function shoot(
  browser: Browser,
  { url }: Site,
  scene: Scene,
  { to, only }: { readonly to: string; readonly only: string | undefined },
) {
  const { cookie } = scene
  const at = cookie.indexOf('=')
  const [name, value] = [cookie.slice(0, at), cookie.slice(at + 1)]
  for (const colorScheme of ['light', 'dark'] as const) {
    for (const [size, viewport] of Object.entries(SIZES)) {
      const context = await browser.newContext({ viewport, colorScheme, locale: 'en-GB' })
      const page = await context.newPage()
      page.on('console', (message) => console.log(size, message.text()))
      const take = async (pages: Readonly<Record<string, string>>) => {
        for (const [called, path] of Object.entries(pages)) {
          if (only && called !== only) continue
          await page.goto(url + path, { waitUntil: 'networkidle' })
          const wide = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth)
          if (wide > 0) console.log(`${called} ${size}: ${wide} px too wide`)
          const file = join(to, `${called}-${size}-${colorScheme}.png`)
          await page.screenshot({ path: file, fullPage: true })
        }
      }
      await take(SIGNED_OUT)
      // One of these is for the origin alone, and Chromium takes it only if all of it says so.
      const place = { domain: 'localhost', path: '/', secure: true, httpOnly: true } as const
      await context.addCookies([{ name, value, sameSite: 'Lax', ...place }])
      await take(pagesOf(scene))
      await context.close()
    }
  }
}

const to = process.argv[2] ?? join(ROOT, 'docs/screenshots')
mkdirSync(to, { recursive: true })
const stateDir = mkdtempSync(join(tmpdir(), 'guildhall-screenshots-'))
const binary = await findBrowser()
if (!binary) throw new Error('there is no browser: set CHROMIUM to the path of one')
let [site, browser]: [Site | undefined, Browser | undefined] = [undefined, undefined]
try {
  const env = { ...process.env, STATE_DIR: stateDir }
  execFileSync(process.execPath, ['local/seed.ts'], { cwd: ROOT, env, stdio: 'inherit' })
  site = await startSite({ stateDir, settings: await localSettings(stateDir, stateDir) })
  const lively = await sceneOf(site, stateDir)
  browser = await chromium.launch({
    executablePath: binary.executablePath,
    args: ['--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage'],
    env: environmentOf(binary),
  })
  await shoot(browser, site, lively, { to, only: process.argv[3] })
} finally {
  await browser?.close()
  await site?.stop()
  rmSync(stateDir, { recursive: true, force: true })
}
