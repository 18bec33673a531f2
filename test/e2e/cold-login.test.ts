/**
 * The first request to the login on a fresh isolate is answered with a redirect, as it is for a
 * browser that is not signed in. Later requests must not wait for anything that it started.
 */
import { expect, test } from 'vitest'
import { builtSite, type Isolate } from './support/isolates.ts'

const ADA = 'ada@example.com'
const FIRST = 'violet kettle drums afternoon'
const SECOND = 'marble lantern cobweb thunder'
const settings = {
  SOCIAL_PROVIDERS: JSON.stringify({ github: { clientId: 'id', clientSecret: 'secret' } }),
}
/** A timeout for the login; hashing a password twice takes a fraction of it on a busy machine. */
const PATIENCE_MS = 30_000

type Form = Readonly<Record<string, string>>

const site = builtSite()

function send(url: string, init: RequestInit = {}): Promise<Response> {
  return fetch(url, { redirect: 'manual', signal: AbortSignal.timeout(PATIENCE_MS), ...init })
}

function post({ url }: Isolate, path: string, form: Form = {}, headers: Form = {}) {
  const body = new URLSearchParams(form)
  return send(`${url}${path}`, { method: 'POST', headers: { Origin: url, ...headers }, body })
}

async function onFreshIsolate(journey: (isolate: Isolate) => Promise<Response>): Promise<Response> {
  const isolate = await site.isolate({ settings })
  const { status, headers } = await send(`${isolate.url}/auth/account`)
  expect([status, headers.get('Location')]).toEqual([303, '/auth/sign-in?next=%2Fauth%2Faccount'])
  const answer = await journey(isolate)
  await answer.arrayBuffer()
  await isolate.stop()
  return answer
}

test(
  'the login answers on an isolate that began with a redirect',
  { timeout: 300_000 },
  async () => {
    const verified = await onFreshIsolate(async (isolate) => {
      await post(isolate, '/auth/sign-up', { name: 'Ada', email: ADA })
      const token = await isolate.secretFor(ADA)
      return post(isolate, '/auth/verify', { token, password: FIRST })
    })
    expect(verified.headers.get('Location')).toBe('/auth/account')

    const reset = await onFreshIsolate(async (isolate) => {
      await post(isolate, '/auth/forgot', { email: ADA })
      const token = await isolate.secretFor(ADA)
      return post(isolate, '/auth/reset', { token, password: SECOND })
    })
    expect(reset.status).toBe(200)

    const signedIn = await onFreshIsolate((isolate) =>
      post(isolate, '/auth/sign-in', { email: ADA, password: SECOND }),
    )
    expect(signedIn.headers.get('Location')).toBe('/account')
    const [Cookie = ''] = signedIn.headers.getSetCookie()[0]?.split(';') ?? []

    const token = await onFreshIsolate((isolate) => post(isolate, '/auth/token', {}, { Cookie }))
    expect(token.status).toBe(200)
    const passkey = await onFreshIsolate(({ url }) =>
      send(`${url}/auth/passkey/generate-authenticate-options`),
    )
    expect(passkey.status).toBe(200)
    const social = await onFreshIsolate((isolate) =>
      post(isolate, '/auth/social', { provider: 'github' }),
    )
    expect(social.headers.get('Location')).toContain('https://github.com/login/oauth/authorize')
  },
)

test('the upload imports nothing at run time that requests would wait for', () => {
  const { code } = site
  const atLoad = /import\s*\{[^}]*AsyncLocalStorage[^}]*\}\s*from\s*"node:async_hooks"/
  expect(atLoad.test(code)).toBe(true)
  expect([...code.matchAll(/\bimport\(\s*["'][^"']*["']/g)].map(([found]) => found)).toEqual([])
})
