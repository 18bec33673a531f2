/** Key sets as providers publish them, pasted into the settings or fetched, and what a caller is told. */
import { describe, expect, test } from 'vitest'
import { longLived, trust, watchKeyServer } from '../support/key-server.ts'
import { linesOf } from '../support/log-lines.ts'
import { testSite } from '../support/site.ts'
import { makeIssuer, type TestIssuer } from '../support/tokens.ts'

const { fetchSpy, warnSpy, serve } = watchKeyServer()

const siteWith = (...trusted: object[]) => testSite({ TRUSTED_ISSUERS: JSON.stringify(trusted) })

describe('a key set in the settings', () => {
  test('is taken as it was published: what is for something else or weak is ignored, and logged', async () => {
    const [good, other] = [
      await makeIssuer({ algorithm: 'Ed25519', kid: 'a' }),
      await makeIssuer({ algorithm: 'RS256', kid: 'a' }),
    ]
    const [ed, rsa] = [good.jwks.keys[0], other.jwks.keys[0]]
    const keys = [{ ...rsa, use: 'enc', alg: 'RSA-OAEP' }, { ...rsa, e: 'AQ' }, ed, rsa, ed]
    const { issuer, audience } = good
    const site = siteWith({ issuer, audience, jwks: { keys } })
    for (const token of [
      await good.sign(),
      await good.sign({}, { alg: 'EdDSA' }),
      await other.sign({ iss: issuer }),
    ]) {
      expect((await site.bearer(token).get('/v1/whoami')).body.kind).toBe('member')
    }
    const ignored = [
      'Key 1 is not for signatures ("use").',
      'Key 2 has no usable exponent; "e" must be odd and at least 3.',
    ]
    expect(linesOf(warnSpy)).toMatchObject([{ event: 'keys ignored', issuer, ignored }])
  })
})

describe('the algorithm of a token', () => {
  const refusal = async (issuer: TestIssuer, algorithms: string[]) => {
    const { issuer: name, audience, jwks } = issuer
    const site = siteWith({ issuer: name, audience, jwks, algorithms })
    return site.bearer(await issuer.sign()).get('/v1/whoami')
  }

  test('is named as what is wrong where it is not taken from the issuer', async () => {
    const issuer = await makeIssuer({ algorithm: 'Ed25519' })
    expect((await refusal(issuer, ['Ed25519'])).status).toBe(200)
    const { status, body } = await refusal(issuer, ['ES256', 'EdDSA'])
    expect(status).toBe(401)
    expect(body.detail).toBe(
      'The token is signed with an algorithm that is not taken from its issuer.',
    )
  })
})

describe('a token of a key that nobody here has seen', () => {
  test('is not called invalid while the keys may not be fetched: 503, and when to come back', async () => {
    const [known, next, junk] = [
      await makeIssuer({ kid: 'known' }),
      await makeIssuer({ kid: 'next' }),
      await makeIssuer({ kid: 'junk' }),
    ]
    const site = siteWith(trust(known))
    serve(known)
    expect((await site.bearer(await longLived(known)).get('/v1/whoami')).status).toBe(200)
    const refused = await site.bearer(await longLived(junk)).get('/v1/whoami')
    expect(refused).toMatchObject({ status: 401, body: { code: 'invalid_token' } })
    serve(known, next)
    const later = await site.bearer(await longLived(next)).get('/v1/whoami')
    expect(later).toMatchObject({ status: 503, body: { code: 'unavailable' } })
    const seconds = Number(later.headers.get('Retry-After'))
    expect(seconds).toBeGreaterThan(0)
    expect(seconds).toBeLessThanOrEqual(30)
    const expired = await next.sign({ exp: Math.floor(Date.now() / 1000) - 60 })
    expect((await site.bearer(expired).get('/v1/whoami')).status).toBe(401)
    expect(fetchSpy).toHaveBeenCalledTimes(2)
  })
})
