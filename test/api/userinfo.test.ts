/** What a provider answers at its userinfo is taken like what its tokens say, once, and nobody waits for it. */
import { env } from 'cloudflare:workers'
import { describe, expect, test, vi } from 'vitest'
import { watchKeyServer } from '../support/key-server.ts'
import { audited } from '../support/bookings.ts'
import { ISSUER, SETTINGS, type Site, testSite } from '../support/site.ts'
import { makeIssuer } from '../support/tokens.ts'

const METADATA = `${ISSUER.issuer}/.well-known/openid-configuration`
const USERINFO = 'https://userinfo.example/me'
const DOCUMENT = { issuer: ISSUER.issuer, userinfo_endpoint: USERINFO }
const ADA = { sub: 'ada', name: 'Ada', email: 'ada@example.com', email_verified: true }
const DAY_MS = 86_400_000

const { fetchSpy, warnSpy } = watchKeyServer()

type Answers = Readonly<Record<string, () => Response | Promise<Response>>>

function answering({ metadata, userinfo }: Answers = {}): void {
  fetchSpy.mockImplementation(async (address) => {
    if (address === METADATA) return metadata?.() ?? Response.json(DOCUMENT)
    if (address === USERINFO) return userinfo?.() ?? Response.json(ADA)
    throw new TypeError('nothing is served')
  })
}

const asked = () => fetchSpy.mock.calls.map(([address]) => address)

/** The member's name and address after a request with a token that says neither. */
async function after(site: Site, claims: Readonly<Record<string, unknown>> = {}) {
  const ada = site.bearer(await ISSUER.sign({ sub: 'ada', scope: 'openid profile', ...claims }))
  expect((await ada.get('/v1/whoami')).status).toBe(200)
  const { body } = await ada.get('/v1/me')
  return { id: body.id, name: body.displayName, email: body.email }
}

const UNTOLD = { name: 'New member', email: null }

describe('a token without a name', () => {
  test('has its provider asked with it, once for all its tokens and isolates', async () => {
    answering()
    const site = testSite()
    const { id, ...told } = await after(site)
    expect(told).toEqual({ name: 'Ada', email: 'ada@example.com' })
    expect(asked()).toEqual([METADATA, USERINFO])
    const [first, second] = fetchSpy.mock.calls
    expect(first?.[1]?.headers).toBeUndefined()
    const token = new Headers(second?.[1]?.headers).get('Authorization')
    expect(token).toMatch(/^Bearer [\w.-]+$/)
    await after(site, { jti: 'another' })
    await after(testSite(), { jti: 'a third' })
    expect(asked()).toHaveLength(2)
    const rows = await audited(await site.root(), id)
    expect(rows).toContainEqual(
      expect.objectContaining({
        reason: 'told by the provider',
        changes: { fields: ['displayName', 'email'] },
      }),
    )
  })

  test('has it asked once, however many requests come at once', async () => {
    answering()
    const site = testSite()
    const token = await ISSUER.sign({ sub: 'ada', scope: 'openid' })
    await Promise.all([1, 2, 3, 4].map(() => site.bearer(token).get('/v1/whoami')))
    expect(asked()).toEqual([METADATA, USERINFO])
  })

  test.each([
    ['it is good for nothing there', { scope: 'profile' }],
    ['it does not say what it is good for', { scope: undefined }],
    ['it has a name', { name: 'Ada', email: 'ada@example.com' }],
  ])('has nobody asked if %s', async (_, claims) => {
    answering()
    await after(testSite(), claims)
    expect(asked()).toEqual([])
  })

  test('has nobody asked if it is of an identity that was linked, or was refused', async () => {
    answering()
    const other = await makeIssuer({ issuer: 'https://other.example' })
    const [{ issuer, audience, jwks }] = [other]
    const trusted = [...JSON.parse(SETTINGS.TRUSTED_ISSUERS), { issuer, audience, jwks }]
    const site = testSite({ TRUSTED_ISSUERS: JSON.stringify(trusted) })
    const ada = site.bearer(await ISSUER.sign({ sub: 'ada', name: 'Ada' }))
    const token = await other.sign({ sub: 'ada', scope: 'openid' })
    expect((await ada.post('/v1/me/identities', { token })).status).toBe(201)
    expect((await site.bearer(token).get('/v1/me')).status).toBe(200)
    const stranger = site.bearer(await ISSUER.sign({ sub: 'eve', scope: 'openid' }))
    expect((await stranger.get('/v1/users')).status).toBe(403)
    expect(asked()).toEqual([])
  })
})

describe('what is written is kept', () => {
  test('from an answer that comes after a person has written', async () => {
    const site = testSite()
    const token = await ISSUER.sign({ sub: 'ada', scope: 'openid' })
    const ada = site.bearer(token)
    answering({
      async userinfo() {
        await testSite().bearer(token).patch('/v1/me', { displayName: 'Countess' })
        return Response.json(ADA)
      },
    })
    await ada.get('/v1/whoami')
    const { body } = await ada.get('/v1/me')
    expect(body).toMatchObject({ displayName: 'Countess', email: 'ada@example.com' })
  })
})

describe('an answer is not used, and asked for no more', () => {
  test.each<readonly [string, Answers]>([
    ['about somebody else', { userinfo: () => Response.json({ ...ADA, sub: 'eve' }) }],
    ['about nobody', { userinfo: () => Response.json({ ...ADA, sub: undefined }) }],
    ['that refuses the token', { userinfo: () => new Response(null, { status: 401 }) }],
    ['that leads elsewhere', { userinfo: () => Response.redirect('https://evil.example/', 302) }],
    ['that is no object', { userinfo: () => Response.json([ADA]) }],
    ['that is not called JSON', { userinfo: () => new Response(JSON.stringify(ADA)) }],
    [
      'that is too long',
      { userinfo: () => Response.json({ ...ADA, picture: 'x'.repeat(65_536) }) },
    ],
    ['without metadata', { metadata: () => new Response(null, { status: 404 }) }],
    [
      'of a provider whose metadata is another’s',
      { metadata: () => Response.json({ ...DOCUMENT, issuer: 'https://evil.example' }) },
    ],
    [
      'that anybody on the way could read',
      { metadata: () => Response.json({ ...DOCUMENT, userinfo_endpoint: 'http://a.example/' }) },
    ],
    [
      'that the provider has no place for',
      { metadata: () => Response.json({ ...DOCUMENT, userinfo_endpoint: undefined }) },
    ],
  ])('%s', async (_, answers) => {
    answering(answers)
    expect(await after(testSite())).toMatchObject(UNTOLD)
    const calls = asked().length
    answering()
    expect(await after(await tomorrow(), { jti: 'another' })).toMatchObject(UNTOLD)
    expect(asked()).toHaveLength(calls)
  })
})

describe('an answer that does not come refuses nobody, and is asked for a day later', () => {
  test.each<readonly [string, Answers]>([
    ['no answer', { metadata: () => Promise.reject(new TypeError('ada@example.com')) }],
    ['a fault', { userinfo: () => new Response('ada@example.com', { status: 500 }) }],
    ['too many calls', { metadata: () => new Response(null, { status: 429 }) }],
  ])('%s', async (_, answers) => {
    answering(answers)
    expect(await after(testSite())).toMatchObject(UNTOLD)
    const calls = asked().length
    await after(testSite(), { jti: 'another' })
    expect(asked()).toHaveLength(calls)
    const log = JSON.stringify(warnSpy.mock.calls)
    expect(log).toContain('profile sync postponed')
    expect(log).not.toContain('ada@example.com')
    answering()
    expect(await after(await tomorrow(), { jti: 'a third' })).toMatchObject({ name: 'Ada' })
  })

  test('within three seconds', async () => {
    const timer = new AbortController()
    const timeout = vi.spyOn(AbortSignal, 'timeout').mockReturnValue(timer.signal)
    fetchSpy.mockImplementation(
      (_, init) =>
        new Promise((_resolve, reject) => {
          init?.signal?.addEventListener('abort', () => reject(timer.signal.reason))
          timer.abort(new DOMException('too late', 'TimeoutError'))
        }),
    )
    expect(await after(testSite())).toMatchObject(UNTOLD)
    expect(timeout).toHaveBeenCalledWith(3_000)
    timeout.mockRestore()
  })
})

/** A site whose isolate knows nobody, a day after the last question. */
async function tomorrow(): Promise<Site> {
  await env.DB.prepare('update identities set ask_after = ask_after - ?').bind(DAY_MS).run()
  return testSite()
}
