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
import { localSettings } from '../../../local/settings.ts'
import { type Site, startSite } from '../../../local/site.ts'
import { environmentOf, findBrowser } from '../support/find-browser.ts'

const ROOT = fileURLToPath(new URL('../../../', import.meta.url))
const EMAIL = 'console@example.com'
const PASSWORD = 'violet kettle drums afternoon'

const PAGES: Readonly<Record<string, string>> = {
  overview: '/console',
  members: '/console/members',
  member: '/console/members/usr_01k8qz3v5tb7n9c2d4f6g8h0jk',
  'member-sign-in': '/console/members/usr_01k8qz3v5tb7n9c2d4f6g8h0jk/sign-in',
  badges: '/console/badges',
  rules: '/console/rules',
  bookings: '/console/bookings',
  calendar: '/console/calendar',
  'api-keys': '/console/api-keys',
  providers: '/console/providers',
  explain: '/console/explain?method=GET&path=/v1/users&as=anonymous',
  account: '/account',
  security: '/auth/account',
  webhooks: '/console/webhooks',
}

const SIZES = { wide: { width: 1280, height: 800 }, phone: { width: 390, height: 844 } } as const

/** Somebody who signed up like anybody else, and whom the first admin made another. */
async function signUp({ url }: Site, stateDir: string): Promise<string> {
  const post = (path: string, form: Readonly<Record<string, string>>) =>
    fetch(url + path, {
      method: 'POST',
      redirect: 'manual',
      headers: { Origin: url },
      body: new URLSearchParams(form),
    })
  await post('/auth/sign-up', { name: 'Ada Lovelace', email: EMAIL })
  const token = await linked(stateDir)
  const verified = await post('/auth/verify', { token, password: PASSWORD })
  const [cookie = ''] = verified.headers.getSetCookie()
  const [pair = ''] = cookie.split(';')
  const headers = { Cookie: pair, Origin: url }
  const { userId }: { userId: string } = JSON.parse(
    await (await fetch(`${url}/v1/whoami`, { headers })).text(),
  )
  const root = await sign(stateDir, 'root', {}, 600)
  await fetch(`${url}/v1/users/${userId}/roles/admin`, {
    method: 'PUT',
    headers: { Authorization: `Bearer ${root}` },
  })
  return pair
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

async function shoot(browser: Browser, site: Site, cookie: string, to: string, only?: string) {
  const at = cookie.indexOf('=')
  const [name, value] = [cookie.slice(0, at), cookie.slice(at + 1)]
  for (const colorScheme of ['light', 'dark'] as const) {
    for (const [size, viewport] of Object.entries(SIZES)) {
      const context = await browser.newContext({ viewport, colorScheme, locale: 'en-GB' })
      // One of these is for the origin alone, and Chromium takes it only if all of it says so.
      const place = { domain: 'localhost', path: '/', secure: true, httpOnly: true } as const
      await context.addCookies([{ name, value, sameSite: 'Lax', ...place }])
      const page = await context.newPage()
      page.on('console', (message) => console.log(size, message.text()))
      for (const [called, path] of Object.entries(PAGES)) {
        if (only && called !== only) continue
        await page.goto(site.url + path, { waitUntil: 'networkidle' })
        const wide = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth)
        if (wide > 0) console.log(`${called} ${size}: ${wide} px too wide`)
        await page.screenshot({ path: join(to, `${called}-${size}-${colorScheme}.png`) })
      }
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
  const cookie = await signUp(site, stateDir)
  browser = await chromium.launch({
    executablePath: binary.executablePath,
    args: ['--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage'],
    env: environmentOf(binary),
  })
  await shoot(browser, site, cookie, to, process.argv[3])
} finally {
  await browser?.close()
  await site?.stop()
  rmSync(stateDir, { recursive: true, force: true })
}
