/** Whose tokens count, and the check of a token that nobody comes with. */
import { expect, test, vi } from 'vitest'
import { dump } from '../support/dump.ts'
import { setOf, trust, watchKeyServer } from '../support/key-server.ts'
import { CLIENT_ID, ISSUER, SETTINGS, testSite } from '../support/site.ts'
import { makeIssuer } from '../support/tokens.ts'

const { fetchSpy } = watchKeyServer()

type Site = ReturnType<typeof testSite>
type Checker = Awaited<ReturnType<Site['root']>>

async function verdictOf(root: Checker, token: string, kind?: 'access' | 'id') {
  const { status, body } = await root.post('/v1/issuers/check', { token, ...(kind && { kind }) })
  expect(status).toBe(200)
  expect(body.good).toBe(body.failed === null)
  return body
}

test('each way in which a token is refused has its check, its reason and what would mend it', async () => {
  const root = await testSite().root()
  const now = Math.floor(Date.now() / 1000)
  const stranger = await makeIssuer({ issuer: 'https://elsewhere.example' })
  const [header, claims] = (await ISSUER.sign()).split('.')
  const cases: readonly (readonly [token: string, check: string, change: RegExp])[] = [
    ['opaque', 'form', /three parts/],
    [`${'x'.repeat(9000)}.y.z`, 'form', /three parts/],
    [await ISSUER.sign({}, { typ: 'logout+jwt' }), 'type', /access token/],
    [await stranger.sign(), 'issuer', /An entry in TRUSTED_ISSUERS/],
    [
      await ISSUER.sign({ iss: `${ISSUER.issuer}/` }),
      'issuer',
      /“https:\/\/issuer\.example”.*letter/,
    ],
    [await ISSUER.sign({ aud: 'other' }), 'audience', /“guildhall”/],
    [await ISSUER.sign({ aud: CLIENT_ID }), 'audience', /It is an ID token/],
    [await ISSUER.sign({ sub: undefined }), 'claims', /subject/],
    [await ISSUER.sign({ exp: now - 60 }), 'times', /A new token/],
    [await ISSUER.sign({ iat: now + 90 }), 'times', /(89|90) s ahead.*30 s/],
    [await ISSUER.sign({}, { alg: 'HS256' }), 'algorithm', /key pair/],
    [await ISSUER.sign({}, { kid: 'rotated' }), 'signature', /not in its key set now/],
    [`${header}.${claims}.${'A'.repeat(86)}`, 'signature', /altered/],
  ]
  for (const [token, check, change] of cases) {
    const { failed, checks, change: said } = await verdictOf(root, token)
    expect([failed, said]).toEqual([check, expect.stringMatching(change)])
    const at = checks.findIndex((each: { check: string }) => each.check === check)
    const outcomes = checks.map(({ outcome }: { outcome: string }) => outcome)
    expect([check, new Set(outcomes.slice(0, at)), outcomes[at]]).toEqual([
      check,
      new Set(at === 0 ? [] : ['passed']),
      'failed',
    ])
    expect(outcomes.slice(at + 1)).toEqual(outcomes.slice(at + 1).map(() => 'not reached'))
  }
})

test('a check refuses what a request with the token is refused for, in the same words', async () => {
  const site = testSite()
  const root = await site.root()
  const tokens = [
    await ISSUER.sign({ aud: 'other' }),
    await ISSUER.sign({ exp: 1 }),
    await ISSUER.sign({}, { crit: ['x'] }),
    await ISSUER.sign({ token_use: 'id' }),
  ]
  for (const token of tokens) {
    const { checks } = await verdictOf(root, token)
    const { detail } = checks.find(({ outcome }: { outcome: string }) => outcome === 'failed')
    expect(detail).toBe((await site.bearer(token).get('/v1/whoami')).body.detail)
  }
})

test('a good token makes nobody a member, and is neither stored nor logged', async () => {
  const site = testSite()
  const root = await site.root()
  const token = await ISSUER.sign({ sub: 'newcomer', email: 'new@example.com' })
  const lines = vi.spyOn(console, 'log')
  const before = await dump()
  expect(await verdictOf(root, token)).toMatchObject({ good: true, userId: null, change: null })
  expect(await dump()).toEqual(before)
  const [, claims = '', signature = ''] = token.split('.')
  const logged = lines.mock.calls.flat().join()
  expect([logged.includes(claims), logged.includes(signature)]).toEqual([false, false])
  expect(logged).not.toContain('newcomer')
  const ada = await site.member('ada')
  expect(await verdictOf(root, ada.token)).toMatchObject({ good: true, userId: ada.userId })
  await root.post(`/v1/users/${ada.userId}/suspend`)
  expect(await verdictOf(root, ada.token)).toMatchObject({ failed: 'session' })
  await root.post(`/v1/users/${ada.userId}/reinstate`)
  await root.delete(`/v1/users/${ada.userId}`)
  expect(await verdictOf(root, ada.token)).toMatchObject({ failed: 'session', userId: null })
})

test('a check tells what the token says of itself, and what each step has found', async () => {
  const root = await testSite().root()
  const iat = Math.floor(Date.now() / 1000)
  const token = await ISSUER.sign({ iat, exp: iat + 300 })
  const { says, checks } = await verdictOf(root, token)
  const until = new Date((iat + 300) * 1000).toISOString()
  expect(says).toMatchObject({
    issuer: ISSUER.issuer,
    audience: [ISSUER.audience],
    issuedAt: new Date(iat * 1000).toISOString(),
    expiresAt: until,
  })
  const details = checks.map(({ detail }: { detail: string }) => detail)
  expect(details).toContain(`It is good until ${until}.`)
  expect(details).toContain(`It is signed by the key ${says.keyId}.`)
  const odd = await verdictOf(root, await ISSUER.sign({ exp: String(iat), iat: 1e18 }))
  expect(odd.says).toMatchObject({ issuedAt: null, expiresAt: null })
})

test('an ID token is checked as one, and lets nobody in', async () => {
  const root = await testSite().root()
  const token = await ISSUER.sign({ aud: CLIENT_ID, nonce: 'n' })
  const { good, userId, checks } = await verdictOf(root, token, 'id')
  expect({ good, userId }).toEqual({ good: true, userId: null })
  expect(checks.at(-1)).toMatchObject({
    check: 'session',
    detail: expect.stringContaining('lets nobody in'),
  })
  expect(await verdictOf(root, await ISSUER.sign(), 'id')).toMatchObject({ failed: 'audience' })
})

test('an issuer is shown with its keys as the key cache has them, and without a secret', async () => {
  const remote = await makeIssuer({ issuer: 'https://remote.example', kid: 'old' })
  const { jwksUrl } = trust(remote)
  const entry = {
    issuer: remote.issuer,
    audience: 'guildhall',
    jwksUrl: `${jwksUrl}?secret=c0nfidential`,
  }
  const site = testSite({
    TRUSTED_ISSUERS: JSON.stringify([...JSON.parse(SETTINGS.TRUSTED_ISSUERS), entry]),
  })
  const root = await site.root()
  fetchSpy.mockImplementation(async () =>
    Response.json(setOf(remote), {
      headers: { Date: new Date(Date.now() + 120_000).toUTCString() },
    }),
  )
  const { status, body, text } = await root.get('/v1/issuers')
  expect(status).toBe(200)
  expect(text).not.toContain('c0nfidential')
  expect(body.items).toMatchObject([
    { issuer: ISSUER.issuer, keysUrl: null, keys: [{ id: 'key-1', kind: 'EC P-256' }] },
    { issuer: remote.issuer, keysUrl: jwksUrl, keys: [{ id: 'old', algorithm: 'ES256' }] },
  ])
  const [own, other] = body.items
  expect([own.keysFetchedAt, own.clockSkewSeconds, other.keysFault]).toEqual([null, null, null])
  expect(Math.abs(other.clockSkewSeconds - 120)).toBeLessThanOrEqual(3)
  const fetched = fetchSpy.mock.calls.length
  await root.get('/v1/issuers')
  expect(fetchSpy.mock.calls.length).toBe(fetched)
})

test('an issuer whose keys cannot be had says why, and so does the check of its tokens', async () => {
  const remote = await makeIssuer({ issuer: 'https://remote.example' })
  const site = testSite({ TRUSTED_ISSUERS: JSON.stringify([ISSUER.trusted, trust(remote)]) })
  const root = await site.root()
  fetchSpy.mockImplementation(async () => new Response('no', { status: 404 }))
  const [, { keys, keysFault, keysFetchedAt }] = (await root.get('/v1/issuers')).body.items
  expect([keys, keysFetchedAt, keysFault]).toEqual([[], null, expect.stringContaining('404')])
  const { failed, change } = await verdictOf(root, await remote.sign())
  expect([failed, change]).toEqual(['keys', expect.stringContaining('404')])
  expect(fetchSpy.mock.calls.length).toBe(1)
})

test('both are for admins', async () => {
  const site = testSite()
  const ada = await site.memberWith('moderator', 'ada')
  for (const { status, body } of [
    await ada.get('/v1/issuers'),
    await ada.post('/v1/issuers/check', { token: await ISSUER.sign() }),
  ])
    expect([status, body.required]).toEqual([403, 'issuer:read'])
})
