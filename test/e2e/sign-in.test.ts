/** The whole journey in a real browser, on the site that `npm start` serves, under its CSP. */
import type { Page } from 'playwright-core'
import { expect, test } from 'vitest'
import { browserForFile } from './support/browser.ts'
import { lastLink } from './support/login.ts'
import { type Server, startServer } from './support/site.ts'

const open = browserForFile()
const ADA = 'ada@example.com'
const NEW_ADDRESS = 'ada@example.org'
const FIRST = 'violet kettle drums afternoon'
const SECOND = 'marble lantern cobweb thunder'

const enter = (page: Page, label: string, text: string) =>
  page.getByLabel(label, { exact: true }).fill(text)
const press = (page: Page, name: string) => page.getByRole('button', { name, exact: true }).click()

/** Opens a page and checks its policy, which the journey on it is under. */
async function visit(page: Page, url: string): Promise<void> {
  const response = await page.goto(url)
  const policy = response?.headers()['content-security-policy'] ?? ''
  expect(policy).toContain("default-src 'none'; script-src 'self'; style-src 'self'")
  expect(policy).not.toMatch(/unsafe|\*|data:|blob:/)
}

async function signIn(page: Page, url: string, email: string, password: string): Promise<void> {
  await visit(page, `${url}/auth/sign-in?next=/auth/account`)
  await enter(page, 'Email', email)
  await enter(page, 'Password', password)
  await press(page, 'Sign in')
}

/** The kinds of caller that the API sees in a page: with the cookie, and with a token. */
async function kinds(page: Page): Promise<string[]> {
  return page.evaluate(async () => {
    const answer = await fetch('/auth/token', { method: 'POST' })
    const { token }: { token: string } = JSON.parse(await answer.text())
    const headers = { Authorization: `Bearer ${token}` }
    const calls = [fetch('/v1/whoami'), fetch('/v1/whoami', { credentials: 'omit', headers })]
    return Promise.all(
      calls.map(async (call) => {
        const { kind }: { kind: string } = JSON.parse(await (await call).text())
        return kind
      }),
    )
  })
}

/** @returns what takes it away again, so that no passkey is filled in where a password is typed */
async function addAuthenticator(page: Page): Promise<() => Promise<unknown>> {
  const devtools = await page.context().newCDPSession(page)
  await devtools.send('WebAuthn.enable')
  const options = {
    protocol: 'ctap2',
    transport: 'internal',
    hasResidentKey: true,
    hasUserVerification: true,
    isUserVerified: true,
  } as const
  await devtools.send('WebAuthn.addVirtualAuthenticator', { options })
  return () => devtools.send('WebAuthn.disable')
}

async function isSignedOut(page: Page, { url }: Server): Promise<boolean> {
  await page.goto(`${url}/auth/account`)
  return new URL(page.url()).pathname === '/auth/sign-in'
}

test('sign up, confirm, password, passkey, sign out everywhere, reset, change of address', async () => {
  const server = await startServer()
  const { url } = server
  const [{ page, faults, requested }, elsewhere] = [await open(), await open()]

  // The isolate's first request is for a page that redirects to the form, as links of the site do.
  await visit(page, `${url}/auth/account`)
  expect(new URL(page.url()).pathname).toBe('/auth/sign-in')
  await visit(page, `${url}/auth/sign-up`)
  await enter(page, 'Name', 'Ada')
  await enter(page, 'Email', ADA)
  await press(page, 'Mail me a link')
  await page.getByRole('status').waitFor()
  const first = await lastLink(server, ADA)
  await visit(page, first)
  await enter(page, 'New password', FIRST)
  expect(page.url()).toBe(`${url}/auth/verify`)
  await press(page, 'Choose a password')
  await page.waitForURL(`${url}/auth/account`)
  expect(await kinds(page)).toEqual(['member', 'member'])
  await press(page, 'Sign out')
  await page.waitForURL(`${url}/auth/sign-in`)

  await signIn(page, url, ADA, FIRST)
  await page.waitForURL(`${url}/auth/account`)
  const removeAuthenticator = await addAuthenticator(page)
  await press(page, 'Add a passkey')
  await page.getByRole('link', { name: 'Rename or remove' }).waitFor()
  await press(page, 'Sign out')
  await page.waitForURL(`${url}/auth/sign-in`)
  await visit(page, `${url}/auth/sign-in?next=/auth/account`)
  await press(page, 'Sign in with a passkey')
  await page.waitForURL(`${url}/auth/account`)
  expect(await kinds(page)).toEqual(['member', 'member'])
  // Among what the browser fills in, from when somebody turns to the field.
  await press(page, 'Sign out')
  await page.waitForURL(`${url}/auth/sign-in`)
  await visit(page, `${url}/auth/sign-in?next=/auth/account`)
  await page.getByLabel('Email', { exact: true }).focus()
  await page.waitForURL(`${url}/auth/account`)
  expect(await kinds(page)).toEqual(['member', 'member'])

  await removeAuthenticator()
  await signIn(elsewhere.page, url, ADA, FIRST)
  await elsewhere.page.waitForURL(`${url}/auth/account`)
  await press(page, 'Sign out everywhere')
  await page.waitForURL(`${url}/auth/sign-in`)
  expect(await isSignedOut(elsewhere.page, server)).toBe(true)
  expect(await isSignedOut(page, server)).toBe(true)

  await visit(page, `${url}/auth/forgot`)
  await enter(page, 'Email', ADA)
  await press(page, 'Mail me a link')
  await page.getByRole('status').waitFor()
  const second = await lastLink(server, ADA, first)
  await visit(page, second)
  await enter(page, 'New password', SECOND)
  await press(page, 'Choose a new password')
  await page.getByRole('status').waitFor()
  await signIn(page, url, ADA, SECOND)
  await page.waitForURL(`${url}/auth/account`)

  const address = page.locator('form[action="/auth/email"]')
  await address.getByLabel('Current password').fill(SECOND)
  await address.getByLabel('New email').fill(NEW_ADDRESS)
  await address.getByRole('button').click()
  await page.getByRole('status').waitFor()
  const third = await lastLink(server, NEW_ADDRESS)
  await visit(page, third)
  await press(page, 'Confirm')
  await page.getByRole('status').waitFor()
  expect(await isSignedOut(page, server)).toBe(true)
  await signIn(page, url, NEW_ADDRESS, SECOND)
  await page.waitForURL(`${url}/auth/account`)
  expect(await page.getByText(NEW_ADDRESS).count()).toBe(1)

  // Nothing was blocked, logged or asked of anybody else on the whole way.
  expect([...faults, ...elsewhere.faults]).toEqual([])
  expect(requested.filter((asked) => !asked.startsWith(url))).toEqual([])
  // The secret of a link, which follows the #, is never sent.
  const sent = requested.map((asked) => asked.split('#')[0]).join('\n')
  for (const link of [first, second, third]) expect(sent).not.toContain(new URL(link).hash.slice(1))

  await signIn(page, url, NEW_ADDRESS, FIRST)
  await page.getByRole('alert').filter({ hasText: 'not right' }).waitFor()
  await signIn(page, url, ADA, SECOND)
  await page.getByRole('alert').filter({ hasText: 'not right' }).waitFor()
  await server.stop()
})
