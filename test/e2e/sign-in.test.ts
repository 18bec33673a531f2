/** The whole journey in a real browser, on the site as `npm start` serves it, under its own strict CSP. */
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Browser, chromium, type Page } from 'playwright-core'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { runScript, type Server, startServer } from './support/site.ts'

const EXECUTABLE = process.env['CHROMIUM'] ?? '/usr/bin/chromium'
const FLAGS = ['--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage', '--no-first-run']
const ADA = 'ada@example.com'
const FIRST = 'violet kettle drums afternoon'
const SECOND = 'marble lantern cobweb thunder'

let browser: Browser
beforeAll(async () => {
  browser = await chromium.launch({ executablePath: EXECUTABLE, args: FLAGS })
})
afterAll(() => browser?.close())

/** The last link that was printed for somebody on this laptop to click. */
function lastLink({ stateDir }: Server): string {
  const outbox = join(stateDir, 'outbox.txt')
  const links = existsSync(outbox) ? readFileSync(outbox, 'utf8').match(/http\S+\?token=\S+/g) : []
  return links?.at(-1) ?? ''
}

/** Every violation of the policy, and every error of a page. */
async function newPage(): Promise<{ page: Page; faults: string[] }> {
  const page = await (await browser.newContext()).newPage()
  const faults: string[] = []
  page.on('pageerror', (error) => faults.push(String(error)))
  page.on('console', (message) => {
    if (/Content Security Policy/.test(message.text())) faults.push(message.text())
  })
  return { page, faults }
}

const enter = (page: Page, label: string, text: string) =>
  page.getByLabel(label, { exact: true }).fill(text)
const press = (page: Page, name: string) => page.getByRole('button', { name, exact: true }).click()

async function whoami(page: Page) {
  return page.evaluate(async () => {
    const answer = await fetch('/auth/token', { method: 'POST' })
    if (!answer.ok) return answer.status
    const { token }: { token: string } = JSON.parse(await answer.text())
    const me = await fetch('/v1/whoami', {
      credentials: 'omit',
      headers: { Authorization: `Bearer ${token}` },
    })
    const { kind }: { kind: string } = JSON.parse(await me.text())
    return kind
  })
}

async function signIn(page: Page, url: string, password: string): Promise<void> {
  await page.goto(`${url}/auth/sign-in`)
  await enter(page, 'Email', ADA)
  await enter(page, 'Password', password)
  await press(page, 'Sign in')
}

test('sign up, confirm, password, passkey, sign out everywhere, reset, and become the first admin', async () => {
  const server = await startServer()
  const { url } = server
  const { page, faults } = await newPage()

  await page.goto(`${url}/auth/sign-up`)
  await enter(page, 'Name', 'Ada')
  await enter(page, 'Email', ADA)
  await press(page, 'Mail me a link')
  await page.getByRole('status').waitFor()

  await page.goto(lastLink(server))
  await enter(page, 'New password', FIRST)
  await press(page, 'Choose a password')
  await page.waitForURL(`${url}/auth/account`)
  expect(await whoami(page)).toBe('member')
  await press(page, 'Sign out')
  await page.waitForURL(`${url}/auth/sign-in`)
  expect(await whoami(page)).toBe(401)

  await signIn(page, url, FIRST)
  await page.waitForURL(`${url}/auth/account`)

  const devtools = await page.context().newCDPSession(page)
  await devtools.send('WebAuthn.enable')
  const authenticator = {
    protocol: 'ctap2',
    transport: 'internal',
    hasResidentKey: true,
    hasUserVerification: true,
    isUserVerified: true,
  } as const
  await devtools.send('WebAuthn.addVirtualAuthenticator', { options: authenticator })
  await press(page, 'Add a passkey')
  await page.getByRole('button', { name: 'Remove' }).waitFor()
  await press(page, 'Sign out')
  await page.waitForURL(`${url}/auth/sign-in`)
  await press(page, 'Sign in with a passkey')
  await page.waitForURL(`${url}/auth/account`)
  expect(await whoami(page)).toBe('member')

  const elsewhere = await newPage()
  await signIn(elsewhere.page, url, FIRST)
  await elsewhere.page.waitForURL(`${url}/auth/account`)
  await press(page, 'Sign out everywhere')
  await page.waitForURL(`${url}/auth/sign-in`)
  expect(await whoami(elsewhere.page)).toBe(401)

  await page.goto(`${url}/auth/forgot`)
  await enter(page, 'Email', ADA)
  await press(page, 'Mail me a link')
  await page.getByRole('status').waitFor()
  await page.goto(lastLink(server))
  await enter(page, 'New password', SECOND)
  await press(page, 'Choose a new password')
  await page.getByRole('status').waitFor()
  await signIn(page, url, FIRST)
  await page.getByRole('alert').filter({ hasText: 'not right' }).waitFor()
  await signIn(page, url, SECOND)
  await page.waitForURL(`${url}/auth/account`)

  const admin = await runScript('admin', [ADA], { STATE_DIR: server.stateDir })
  expect(admin).toMatchObject({ code: 0, stdout: expect.stringContaining('is an admin') })
  const roles = await page.evaluate(async () => (await fetch('/v1/whoami')).text())
  expect(JSON.parse(roles)).toMatchObject({ kind: 'member', roles: ['member', 'admin'] })
  const nobody = await runScript('admin', ['nobody@example.com'], { STATE_DIR: server.stateDir })
  expect(nobody).toMatchObject({ code: 1, stderr: expect.stringContaining('nobody has signed in') })

  expect([...faults, ...elsewhere.faults]).toEqual([])
  await server.stop()
})
