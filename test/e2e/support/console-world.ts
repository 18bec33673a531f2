/** A local site with people of every role who are signed in, and one thing of each kind. */
import type { Browser, BrowserContextOptions, Page } from 'playwright-core'
import { afterAll, beforeAll } from 'vitest'
import { sign } from '../../../local/dev-issuer.ts'
import { launchBrowser, type Watched, watchedPage } from './browser.ts'
import { signUp } from './login.ts'
import { serverForFile } from './site.ts'

const PASSWORD = 'violet kettle drums afternoon'
const emailOf = (role: string) => `${role}@example.com`

type Thing =
  | 'member'
  | 'other'
  | 'badge'
  | 'rule'
  | 'webhook'
  | 'service'
  | 'booking'
  | 'key'
  | 'pageRule'

export interface ConsoleWorld {
  readonly url: string
  readonly ids: Readonly<Record<Thing, string>>
  /** A page of somebody with that role, or of nobody, in a context of its own. */
  as(role: string | undefined, options?: BrowserContextOptions): Promise<Watched>
  /** What a page answers them, as a link of the site asks for it. */
  answerFor(role: string, path: string): Promise<{ readonly status: number; readonly text: string }>
  /** Fills in and sends the form of the sign-in, which the page shows. */
  signIn(page: Page, role: string): Promise<void>
}

/** One for all tests of a file. @returns a function that gives it once the tests run */
export function consoleWorld(roles: readonly string[]): () => ConsoleWorld {
  const server = serverForFile()
  let browser: Browser | undefined
  let made: ConsoleWorld | undefined

  beforeAll(async () => {
    browser = await launchBrowser()
    const { url, stateDir } = server()
    const call = async (method: string, path: string, json?: unknown, subject = 'root') => {
      const token = await sign(stateDir, subject, { name: `${subject} of the tests` }, 3600)
      const answer = await fetch(url + path, {
        method,
        headers: { Authorization: `Bearer ${token}`, 'Content-Type': 'application/json' },
        ...(json !== undefined && { body: JSON.stringify(json) }),
      })
      if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status}`)
      return answer.json() as Promise<{ id: string; userId: string }>
    }
    const cookies = new Map<string, string>()
    const users = new Map<string, string>()
    for (const role of roles) {
      const cookie = await signUp(server(), emailOf(role), PASSWORD)
      cookies.set(role, cookie)
      const whoami = await fetch(`${url}/v1/whoami`, { headers: { Cookie: cookie, Origin: url } })
      const { userId } = (await whoami.json()) as { userId: string }
      users.set(role, userId)
      if (role !== 'member') await call('PUT', `/v1/users/${userId}/roles/${role}`)
    }
    const { userId: other } = await call('GET', '/v1/whoami', undefined, 'bob')
    await call('POST', '/v1/me/visits', undefined, 'bob')
    const { id: badge } = await call('POST', '/v1/badges', { title: 'Of the tests' })
    const rule = { badgeId: badge, metric: 'visits', threshold: 1, enabled: false }
    const { id: ruleId } = await call('POST', '/v1/badge-rules', rule)
    await call('PUT', `/v1/users/${other}/badges/${badge}`)
    // Nobody listens there, so what it is told is waiting.
    const hook = { url: 'http://127.0.0.1:9/hooks' }
    const { id: webhook } = await call('POST', '/v1/webhooks', hook)
    await call('POST', `/v1/webhooks/${webhook}/ping`)
    const { id: service } = await call('POST', '/v1/services', { name: 'Tour' })
    await call('POST', '/v1/services', { name: 'Booked by nobody' })
    const slots = `/v1/services/${service}/slots`
    const hours = (count: number) => new Date(Date.now() + count * 3_600_000).toISOString()
    const { id: slotId } = await call('POST', slots, { startsAt: hours(24), endsAt: hours(25) })
    const contact = { name: 'Bob', email: 'bob@example.com' }
    const { id: booking } = await call('POST', '/v1/bookings', { slotId, contact }, 'bob')
    const scopes = ['profile:read']
    const { id: key } = await call('POST', '/v1/api-keys', { name: 'Door', scopes })
    const closed = { path: '/members/*', access: 'members' }
    const { id: pageRule } = await call('POST', '/v1/page-rules', closed)
    const ofMember = { member: users.get('member') ?? '', other }
    const things = { badge, rule: ruleId, webhook, service, booking, key, pageRule }
    made = {
      url,
      ids: { ...ofMember, ...things },
      async as(role, options) {
        if (!browser) throw new Error('the browser has not started')
        const context = await browser.newContext({ locale: 'en-GB', ...options })
        const cookie = cookies.get(role ?? '')
        if (cookie !== undefined) {
          const at = cookie.indexOf('=')
          const [name, value] = [cookie.slice(0, at), cookie.slice(at + 1)]
          const place = { domain: 'localhost', path: '/', secure: true, httpOnly: true } as const
          await context.addCookies([{ name, value, sameSite: 'Lax', ...place }])
        }
        return watchedPage(context)
      },
      async answerFor(role, path) {
        const headers = { Cookie: cookies.get(role) ?? '', 'Sec-Fetch-Site': 'same-origin' }
        const answer = await fetch(url + path, { headers, redirect: 'manual' })
        return { status: answer.status, text: await answer.text() }
      },
      async signIn(page, role) {
        await page.getByLabel('Email', { exact: true }).fill(emailOf(role))
        await page.getByLabel('Password', { exact: true }).fill(PASSWORD)
        await page.getByRole('button', { name: 'Sign in', exact: true }).click()
      },
    }
  })
  afterAll(() => browser?.close())

  return () => {
    if (!made) throw new Error('the world is not there yet')
    return made
  }
}
