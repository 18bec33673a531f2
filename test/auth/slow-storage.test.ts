/** The login while storage does not answer: a page in time, and what was asked for is done all the same. */
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { CONNECTION_LOST, failingStorage } from '../support/failing.ts'
import { hangingSite } from '../support/hanging.ts'
import { type Browser, loginSite, type LoginSite, type Page, PASSWORD } from '../support/login.ts'
import { rowsOf } from '../support/population.ts'
import { PROVIDERS } from '../support/social-provider.ts'

const LIMIT_MS = 5_000
const EMAIL = 'ada@example.com'
const NEWER = 'marble lantern cobweb thunder'

type Act = (ada: Browser, site: LoginSite) => Promise<Page>

/** What somebody who is signed in does, one call of which to storage hangs. */
const ACTS: Readonly<Record<string, Act>> = {
  'GET /auth/account': (ada) => ada.get('/auth/account'),
  'POST /auth/sign-up': (ada) => ada.post('/auth/sign-up', { name: 'Eve', email: 'eve@a.example' }),
  'POST /auth/sign-in': (ada) => ada.post('/auth/sign-in', { email: EMAIL, password: PASSWORD }),
  'POST /auth/token': (ada) => ada.post('/auth/token'),
  'POST /auth/forgot': (ada) => ada.post('/auth/forgot', { email: EMAIL }),
  'POST /auth/password': (ada) =>
    ada.post('/auth/password', { current: PASSWORD, password: NEWER }),
  'POST /auth/email': (ada) =>
    ada.post('/auth/email', { email: 'new@a.example', current: PASSWORD }),
  'POST /auth/social': (ada) => ada.post('/auth/social', { provider: 'github' }),
  'POST /auth/sign-out': (ada) => ada.post('/auth/sign-out'),
  'POST /auth/sign-out-everywhere': (ada) => ada.post('/auth/sign-out-everywhere'),
  'GET /auth/passkey/generate-authenticate-options': (ada) =>
    ada.get('/auth/passkey/generate-authenticate-options'),
}

beforeEach(() => {
  vi.spyOn(console, 'error').mockReturnValue()
  vi.spyOn(console, 'warn').mockReturnValue()
})

afterEach(() => void vi.useRealTimers())
afterEach(() => void vi.restoreAllMocks())

function slowLogin() {
  const { storage, way, hung } = hangingSite()
  return {
    site: loginSite({ ...storage, SOCIAL_PROVIDERS: JSON.stringify(PROVIDERS) }, way),
    hung,
  }
}

describe.each(Object.entries(ACTS))('%s', (name, act) => {
  test('is answered with a page after five seconds, that says to come back', async () => {
    const { site, hung } = slowLogin()
    const ada = await site.account(EMAIL)
    const usual = await ada.get('/auth/account')
    const { hasHung, tookMs, reply } = await hung({ isIt: (number) => number === 1 }, () =>
      act(ada, site),
    )
    expect([hasHung, tookMs, reply.status]).toEqual([true, LIMIT_MS, 503])
    expect(reply.headers.get('Retry-After')).toBe('1')
    expect(reply.headers.getSetCookie()).toEqual([])
    expect(reply.text.includes('may have been done')).toBe(name.startsWith('POST'))
    const namesOf = ({ headers }: Page) =>
      [...headers.keys()].filter((each) => each !== 'retry-after')
    expect(namesOf(reply)).toEqual(namesOf(usual))
  })

  test('is answered 503, whichever call may succeed a moment later, or does without it', async () => {
    const { storage, arm, disarm } = failingStorage()
    const site = loginSite({ ...storage, SOCIAL_PROVIDERS: JSON.stringify(PROVIDERS) })
    const ada = await site.account(EMAIL)
    const statuses: string[] = []
    for (let n = 1, failed = true; failed; n++) {
      await rowsOf('delete from auth_attempts')
      await ada.post('/auth/sign-in', { email: EMAIL, password: PASSWORD })
      arm({ fails: (number) => number === n, text: CONNECTION_LOST })
      const { status, headers, text } = await act(ada, site)
      failed = disarm() >= n
      statuses.push(`${status} ${headers.get('Retry-After') ?? ''}`)
      expect(text).not.toContain('secret_internals')
    }
    expect(statuses[0]).toBe('503 1')
    expect(statuses.filter((status) => !/^(503 1|200 |303 )$/.test(status))).toEqual([])
  })
})

test('what was not answered in time is done all the same', async () => {
  const { site, hung } = slowLogin()
  const ada = await site.account(EMAIL)
  const { reply } = await hung(
    { isIt: (_, { text }) => /auth_accounts/.test(text) && /audit_log/.test(text) },
    () => ada.post('/auth/password', { current: PASSWORD, password: NEWER }),
  )
  expect(reply.status).toBe(503)
  const signIn = (password: string) =>
    site.browser().post('/auth/sign-in', { email: EMAIL, password })
  expect((await signIn(NEWER)).status).toBe(303)
  expect((await signIn(PASSWORD)).status).toBe(401)
  expect(await rowsOf(`select 1 from audit_log where action = 'password.update'`)).toHaveLength(1)
})
