/** Members of a site whose provider is oidc-provider, as its documentation has it set up for an API. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest'
import { decodeJwt } from 'jose'
import { localSettings } from '../../local/settings.ts'
import { type Site, startSite } from '../../local/site.ts'
import { oidcProvider, type Tokens } from './support/oidc-provider.ts'

const provider = oidcProvider()
const stateDir = mkdtempSync(join(tmpdir(), 'guildhall-'))
let site: Site | undefined

beforeAll(async () => {
  const TRUSTED_ISSUERS = JSON.stringify([provider.trusted(['front-end'])])
  site = await startSite({
    stateDir,
    settings: { ...(await localSettings(stateDir)), TRUSTED_ISSUERS },
  })
  provider.tellsTo(site.url)
})
afterEach(() => {
  vi.useRealTimers()
  provider.doMeanwhile(async () => undefined)
})
afterAll(async () => {
  await site?.stop()
  rmSync(stateDir, { recursive: true, force: true })
})

async function call(token: string, method: string, path: string, json?: object) {
  const response = await fetch(`${site?.url}${path}`, {
    method,
    headers: { Authorization: `Bearer ${token}`, 'Content-Type': 'application/json' },
    ...(json && { body: JSON.stringify(json) }),
  })
  const body: Readonly<Record<string, unknown>> = JSON.parse(await response.text())
  return { status: response.status, body }
}

const me = (tokens: Tokens) => call(tokens.access_token, 'GET', '/v1/me')
const send = (tokens: Tokens, { id_token: idToken }: Tokens) =>
  call(tokens.access_token, 'POST', '/v1/me/id-token', { idToken })

const NAMED = { displayName: 'Ada Lovelace', email: 'ada@example.com' }
const UNNAMED = { displayName: 'New member', email: null }

test('an access token makes a member without a name, and the ID token beside it fills in the profile', async () => {
  const ada = await provider.signIn('ada')
  // So the site cannot ask for the name by itself.
  expect((await provider.userinfo(ada)).status).toBe(401)
  expect(await me(ada)).toMatchObject({ status: 200, body: UNNAMED })
  expect(await send(ada, ada)).toMatchObject({ status: 200, body: NAMED })
  expect(await me(ada)).toMatchObject({ status: 200, body: NAMED })
})

test('the ID token lets nobody in, and fills in nobody else', async () => {
  const [ada, ben] = [await provider.signIn('ada'), await provider.signIn('ben')]
  expect((await call(ada.id_token, 'GET', '/v1/whoami')).status).toBe(401)
  expect((await send(ben, ada)).status).toBe(422)
  expect(await me(ben)).toMatchObject({ body: UNNAMED })
})

test('an ID token for a client that is not listed is not taken, nor is an access token for one', async () => {
  const [here, there] = [await provider.signIn('cat'), await provider.signIn('cat', 'elsewhere')]
  expect((await send(here, there)).status).toBe(422)
  expect((await send(here, { ...here, id_token: here.access_token })).status).toBe(422)
  expect(await me(here)).toMatchObject({ body: UNNAMED })
})

/** Puts the clock of the provider ahead, which is this process, and not that of the site. */
function ahead(seconds: number): void {
  vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + seconds * 1000 })
}

const REVOKED = { status: 401, body: { code: 'session_revoked' } }

/** What was told while `work` was done, as audience, subject and answer. */
async function toldDuring(work: () => Promise<unknown>) {
  const before = provider.told.length
  await work()
  return provider.told
    .slice(before)
    .map(({ claims: { aud, sub }, status }) => ({ aud, sub, status }))
}

describe('whoever signs out at the provider', () => {
  test('is refused with their very next call, by a token that was renewed meanwhile as well', async () => {
    const visitor = provider.visitor()
    const dora = await visitor.signIn({ subject: 'dora' })
    expect((await me(dora)).status).toBe(200)
    let renewed = dora
    provider.doMeanwhile(async () => {
      ahead(2)
      renewed = await provider.renew(dora)
    })
    const told = await toldDuring(() => visitor.signOut(dora))
    expect(told).toEqual([{ aud: 'front-end', sub: 'dora', status: 200 }])
    const last = provider.told.at(-1)
    expect(decodeJwt(renewed.access_token).iat).toBeGreaterThan(last?.claims.iat ?? Infinity)
    expect(await me(dora)).toMatchObject(REVOKED)
    expect(await me(renewed)).toMatchObject(REVOKED)
    await expect(provider.renew(renewed)).rejects.toThrow('invalid_grant')
  })

  test('can sign in again, with a token that counts once the margin of 3 s is over', async () => {
    const visitor = provider.visitor()
    await visitor.signOut(await visitor.signIn({ subject: 'emil' }))
    const early = await visitor.signIn({ subject: 'emil' })
    expect(await me(early)).toMatchObject(REVOKED)
    ahead(5)
    expect((await me(await provider.renew(early))).status).toBe(200)
  })

  test('in one of two browsers has to renew the token of the other, which does not name its session', async () => {
    const [desk, phone] = [provider.visitor(), provider.visitor()]
    const [here, there] = [
      await desk.signIn({ subject: 'finn' }),
      await phone.signIn({ subject: 'finn' }),
    ]
    expect(decodeJwt(there.access_token)).not.toHaveProperty('sid')
    const told = await toldDuring(() => desk.signOut(here))
    expect(told).toHaveLength(1)
    expect(provider.told.at(-1)?.claims['sid']).toBe(decodeJwt(here.id_token)['sid'])
    for (const tokens of [here, there]) expect(await me(tokens)).toMatchObject(REVOKED)
    ahead(5)
    expect((await me(await provider.renew(there))).status).toBe(200)
    await expect(provider.renew(here)).rejects.toThrow('invalid_grant')
  })

  test('of one client only is told of that one, and of all of them for each', async () => {
    const visitor = provider.visitor()
    const both = async () => {
      const elsewhere = await visitor.signIn({ subject: 'gina', clientId: 'elsewhere' })
      return { here: await visitor.signIn({ subject: 'gina' }), elsewhere }
    }
    const { here, elsewhere } = await both()
    // That is no client whose word is taken here.
    expect(await toldDuring(() => visitor.signOut(elsewhere, false))).toEqual([
      { aud: 'elsewhere', sub: 'gina', status: 400 },
    ])
    expect((await me(here)).status).toBe(200)
    const again = await both()
    const told = await toldDuring(() => visitor.signOut(again.here))
    expect(told.toSorted((one, other) => one.status - other.status)).toEqual([
      { aud: 'front-end', sub: 'gina', status: 200 },
      { aud: 'elsewhere', sub: 'gina', status: 400 },
    ])
    expect(await me(again.here)).toMatchObject(REVOKED)
  })

  test('because somebody else signs in in the same browser is signed out as well', async () => {
    const visitor = provider.visitor()
    const hugo = await visitor.signIn({ subject: 'hugo' })
    expect((await me(hugo)).status).toBe(200)
    const told = await toldDuring(() => visitor.signIn({ subject: 'ida', again: true }))
    expect(told).toEqual([{ aud: 'front-end', sub: 'hugo', status: 200 }])
    expect(await me(hugo)).toMatchObject(REVOKED)
  })

  test('is nobody who only shows their password again', async () => {
    const visitor = provider.visitor()
    const jan = await visitor.signIn({ subject: 'jan' })
    expect(await toldDuring(() => visitor.signIn({ subject: 'jan', again: true }))).toEqual([])
    expect((await me(jan)).status).toBe(200)
  })
})
