/**
 * Requests that change an account are cut off: each call to storage fails once, before it is made
 * or on its way back. The account is then as it was or as it should be, never in between, and
 * whoever repeats what they did gets there.
 */
import nodeCrypto from 'node:crypto'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { makeAuthenticator } from '../support/authenticator.ts'
import { CONNECTION_LOST, failingStorage } from '../support/failing.ts'
import { type Browser, loginSite, type LoginSite, type Page, PASSWORD } from '../support/login.ts'
import { add, finish, optionsFor, signIn as usePasskey } from '../support/passkeys.ts'
import { rowsOf } from '../support/population.ts'
import { PROVIDERS, socialProvider } from '../support/social-provider.ts'
import { ORIGIN } from '../support/site.ts'

const NEWER = 'marble lantern cobweb thunder'

/** Somebody about to change their account, at an address of their own. */
interface Act {
  readonly request: () => Promise<Page>
  /**
   * Does what they do without an answer, or with a bad one.
   * @throws Error if it gets them nowhere
   */
  readonly again: () => Promise<void>
}
type Arrange = (site: LoginSite, who: { email: string; address: string }) => Promise<Act>

beforeEach(() => {
  vi.spyOn(console, 'error').mockReturnValue()
  vi.spyOn(console, 'warn').mockReturnValue()
  // The cost of a guess is another test's concern.
  const scrypt = nodeCrypto.scrypt.bind(nodeCrypto)
  vi.spyOn(nodeCrypto, 'scrypt').mockImplementation((password, salt, length, options, done) =>
    scrypt(password, salt, length, { ...options, N: 2, p: 1 }, done),
  )
})

afterEach(() => void vi.restoreAllMocks())

async function signsIn(browser: Browser, email: string, password: string): Promise<boolean> {
  const { location } = await browser.post('/auth/sign-in', { email, password })
  return location === '/account'
}

function must(isSo: boolean, page?: Page): void {
  if (!isSo) throw new Error(`it got them nowhere: ${page?.status} ${page?.location}`)
}

const ACTS: Readonly<Record<string, Arrange>> = {
  async 'confirming an address'(site, { email, address }) {
    const ada = site.browser(address)
    await ada.post('/auth/sign-up', { name: 'Ada', email })
    const form = { token: site.secretFor(email), password: PASSWORD }
    const request = () => ada.post('/auth/verify', form)
    const again = async () => {
      const page = await request()
      must(page.location === '/auth/account', page)
      must((await ada.get('/auth/account')).status === 200)
      must(await signsIn(ada, email, PASSWORD))
    }
    return { request, again }
  },

  async 'a new password by mail'(site, { email, address }) {
    const ada = await site.account(email, PASSWORD, address)
    await ada.post('/auth/forgot', { email })
    const form = { token: site.secretFor(email), password: NEWER }
    const request = () => ada.post('/auth/reset', form)
    const again = async () => {
      const page = await request()
      must(page.status === 200, page)
      must(await signsIn(ada, email, NEWER))
    }
    return { request, again }
  },

  async 'another password'(site, { email, address }) {
    const ada = await site.account(email, PASSWORD, address)
    const request = () => ada.post('/auth/password', { current: PASSWORD, password: NEWER })
    const again = async () => {
      const page = await request()
      must(page.status === 303 && Boolean(page.location?.startsWith('/auth/sign-in')), page)
      must(await signsIn(ada, email, NEWER))
    }
    return { request, again }
  },

  async 'another address'(site, { email, address }) {
    const ada = await site.account(email, PASSWORD, address)
    const newer = `new-${email}`
    await ada.post('/auth/email', { email: newer, current: PASSWORD })
    const token = site.secretFor(newer)
    const request = () => ada.post('/auth/email/confirm', { token })
    const again = async () => {
      const isSignedOut = (await request()).status === 303
      if (isSignedOut) must(await signsIn(ada, newer, PASSWORD))
      const page = isSignedOut ? await request() : undefined
      must(!page || page.status === 200, page)
      must(await signsIn(ada, newer, PASSWORD))
    }
    return { request, again }
  },

  async 'signing in with a provider'(site, { email, address }) {
    const ada = site.browser(address)
    const person = { id: email.replaceAll(/\D/g, ''), name: 'Ada', email, isVerified: true }
    const leave = async () =>
      there.agree((await ada.post('/auth/social', { provider: 'github' })).location, person)
    const comeBack = (url: string) => ada.get(url, { 'Sec-Fetch-Site': 'cross-site' })
    const way = await leave()
    const again = async () => {
      const page = await comeBack(await leave())
      must(page.location === '/account', page)
      must((await ada.get('/auth/account')).status === 200)
    }
    return { request: () => comeBack(way), again }
  },

  async 'adding a passkey'(site, { email, address }) {
    const ada = await site.account(email, PASSWORD, address)
    const key = await makeAuthenticator(ORIGIN)
    const answer = await key.create(await optionsFor(ada, 'register'))
    const again = async () => {
      const { status } = await usePasskey(ada, key).catch(() => ({ status: 400 }))
      if (status !== 200) must((await add(ada, key)).status === 200)
      must((await usePasskey(ada, key)).status === 200)
    }
    return { request: () => finish(ada, 'registration', answer), again }
  },

  async 'removing a passkey'(site, { email, address }) {
    const ada = await site.account(email, PASSWORD, address)
    const key = await makeAuthenticator(ORIGIN)
    await add(ada, key)
    const [row] = await rowsOf<{ id: string }>(
      `select p.id from auth_passkeys p join auth_users u on u.id = p.user_id where u.email = ?`,
      email,
    )
    const request = () =>
      ada.post('/auth/passkeys/remove', { id: row?.id ?? '', current: PASSWORD })
    const again = async () => {
      const page = await request()
      must(page.location === '/auth/account', page)
      must((await usePasskey(ada, key)).status !== 200)
    }
    return { request, again }
  },
}

let there: ReturnType<typeof socialProvider>

/** The account with its ways in, and its member if that has another address. */
async function state(email: string, hashes: Map<unknown, string>): Promise<unknown> {
  const isTheirs = 'u.email in (?1, ?2)'
  const of = <Row>(query: string) => rowsOf<Row>(query, email, `new-${email}`)
  const ways = await of<{ password: string | null }>(
    `select u.email, a.provider_id, a.password from auth_users u
     left join auth_accounts a on a.user_id = u.id where ${isTheirs} order by a.provider_id`,
  )
  for (const { password } of ways) {
    if (!hashes.has(password)) hashes.set(password, `password ${hashes.size}`)
  }
  return {
    ways: ways.map((way) => ({ ...way, password: hashes.get(way.password) })),
    passkeys: await of(
      `select u.email from auth_passkeys p join auth_users u on u.id = p.user_id where ${isTheirs}`,
    ),
    torn: await of(
      `select m.email from users m join identities i on i.user_id = m.id
       join auth_users u on u.id = i.subject where m.email is not u.email and ${isTheirs}`,
    ),
  }
}

describe.each(['before', 'after'] as const)('with a call that fails %s it is made,', (when) => {
  test.each(Object.entries(ACTS))('%s is done or not, and can be repeated', async (_, arrange) => {
    there = socialProvider()
    for (let n = 1, failed = true; failed; n += 1) {
      const { storage, arm, disarm } = failingStorage()
      const site = loginSite({ ...storage, SOCIAL_PROVIDERS: JSON.stringify(PROVIDERS) })
      const email = `ada${n}@example.com`
      const { request, again } = await arrange(site, { email, address: `198.51.${n}.7` })
      const hashes = new Map<unknown, string>()
      const before = await state(email, hashes)
      arm({ fails: (number) => number === n, when, text: CONNECTION_LOST })
      await request()
      failed = disarm() >= n
      const then = await state(email, hashes)
      await expect(again(), `failing at call ${n}`).resolves.toBeUndefined()
      const after = await state(email, hashes)
      expect(after).not.toEqual(before)
      expect([before, after], `failing at call ${n}`).toContainEqual(then)
    }
  })
})
