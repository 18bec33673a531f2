import { describe, expect, it } from 'vitest'
import type { TrustedIssuer } from '../../src/settings/trusted-issuers.ts'
import { eventually } from '../support/eventually.ts'
import { EVIL_ORIGIN, hostileTokens } from '../support/hostile-tokens.ts'
import { longLived, MINUTE, SECOND, setOf, verdict, watchKeyServer } from '../support/key-server.ts'
import { makeIssuer, type TestIssuer } from '../support/tokens.ts'

const { fetchSpy, serve, startIssuer } = watchKeyServer()

describe('the keys of an issuer', () => {
  it('are fetched when the first token comes, and not again for nearly a minute', async () => {
    const { trusted, token, t0 } = await startIssuer()
    for (const later of [0, 1, 54])
      expect(await verdict(token, trusted, t0 + later * SECOND)).toBe('ok')
    expect(fetchSpy).toHaveBeenCalledTimes(1)
    expect(fetchSpy).toHaveBeenCalledWith(
      trusted.jwksUrl,
      expect.objectContaining({
        redirect: 'manual',
        cache: 'no-store',
        signal: expect.any(AbortSignal),
      }),
    )
  })

  it('are not fetched for a token whose issuer, audience, algorithm or form is wrong', async () => {
    const { issuer, trusted, t0 } = await startIssuer()
    for (const token of [
      await issuer.sign({ iss: EVIL_ORIGIN }),
      await issuer.sign({ aud: 'another' }),
      await issuer.sign({ sub: '' }),
      await issuer.sign({}, { alg: 'none' }),
      await issuer.sign({}, { alg: 'HS256' }),
      'junk',
    ]) {
      expect(await verdict(token, trusted, t0)).toBe('invalid_token')
    }
    expect(fetchSpy).not.toHaveBeenCalled()
  })

  it('are fetched from the configured address only, whatever a token asks for', async () => {
    const { issuer, trusted, t0 } = await startIssuer()
    const accepted: string[] = []
    for (const { name, token } of await hostileTokens(issuer)) {
      if ((await verdict(token, trusted, t0)) !== 'invalid_token') accepted.push(name)
    }
    expect(accepted).toEqual([])
    const addresses = new Set(fetchSpy.mock.calls.map(([address]) => address))
    expect([...addresses]).toEqual([trusted.jwksUrl])
  })

  it('may lie beside keys for encryption and of newer kinds', async () => {
    const { issuer, trusted, token, t0 } = await startIssuer()
    const rsa = await makeIssuer({ algorithm: 'RS256', kid: 'enc' })
    const encryption = { ...rsa.jwks.keys[0], use: 'enc', alg: 'RSA-OAEP' }
    fetchSpy.mockImplementation(async () =>
      Response.json({
        keys: [encryption, { kty: 'AKP', alg: 'ML-DSA-44', pub: 'AQ' }, ...issuer.jwks.keys],
      }),
    )
    expect(await verdict(token, trusted, t0)).toBe('ok')
  })
})

describe('rotation', () => {
  it('costs one fetch, and no token is refused, even right after the last fetch', async () => {
    const { issuer, trusted, token, t0 } = await startIssuer()
    const next = await makeIssuer({ kid: 'new' })
    await verdict(token, trusted, t0)
    serve(issuer, next)
    expect(await verdict(await longLived(next), trusted, t0 + 1)).toBe('ok')
    expect(await verdict(token, trusted, t0 + 2)).toBe('ok')
    expect(await verdict(await longLived(next), trusted, t0 + 3)).toBe('ok')
    expect(fetchSpy).toHaveBeenCalledTimes(2)
  })

  it('kills a withdrawn key within 60 s, although nobody asks for a new one', async () => {
    const { trusted, token, t0 } = await startIssuer()
    await verdict(token, trusted, t0)
    serve(await makeIssuer({ kid: 'new' }))
    expect(await verdict(token, trusted, t0 + MINUTE)).toBe('invalid_token')
    expect(fetchSpy).toHaveBeenCalledTimes(2)
  })

  it('kills a withdrawn key at once when a token with the new one has come', async () => {
    const { trusted, token, t0 } = await startIssuer()
    const next = await makeIssuer({ kid: 'new' })
    await verdict(token, trusted, t0)
    serve(next)
    expect(await verdict(await longLived(next), trusted, t0 + 1)).toBe('ok')
    expect(await verdict(token, trusted, t0 + 1)).toBe('invalid_token')
  })

  it('replaces a key under the same "kid" within 60 s', async () => {
    const { trusted, token, t0 } = await startIssuer()
    const next = await makeIssuer({ kid: 'old' })
    await verdict(token, trusted, t0)
    serve(next)
    expect(await verdict(await longLived(next), trusted, t0 + MINUTE)).toBe('ok')
    expect(await verdict(token, trusted, t0 + MINUTE)).toBe('invalid_token')
  })
})

describe('10 000 random "kid"s', () => {
  it('cost one fetch in 10 s, cold', async () => {
    const { issuer, trusted, t0 } = await startIssuer()
    expect([...(await flood(issuer, trusted, t0))]).toEqual(['invalid_token'])
    expect(fetchSpy).toHaveBeenCalledTimes(1)
  })

  it('cost one fetch every 30 s, warm, and valid tokens pass all the while', async () => {
    const { issuer, trusted, token, t0 } = await startIssuer()
    await verdict(token, trusted, t0)
    fetchSpy.mockClear()
    await flood(issuer, trusted, t0 + SECOND)
    await flood(issuer, trusted, t0 + 15 * SECOND)
    expect(fetchSpy).toHaveBeenCalledTimes(1)
    expect(await verdict(token, trusted, t0 + 26 * SECOND)).toBe('ok')
    await flood(issuer, trusted, t0 + 31 * SECOND)
    expect(fetchSpy).toHaveBeenCalledTimes(2)
    expect(await verdict(token, trusted, t0 + 42 * SECOND)).toBe('ok')
  })

  it('cost one fetch when the issuer is down, and that is all it gets', async () => {
    const { issuer, trusted, t0 } = await startIssuer()
    fetchSpy.mockImplementation(async () => new Response(null, { status: 500 }))
    expect([...(await flood(issuer, trusted, t0))]).toEqual(['unavailable'])
    expect(fetchSpy).toHaveBeenCalledTimes(1)
  })
})

describe('requests at the same time', () => {
  it('share one fetch, and each waits for the key it needs', async () => {
    const { trusted, token, t0 } = await startIssuer()
    const answers = await Promise.all(Array.from({ length: 50 }, () => verdict(token, trusted, t0)))
    expect(new Set(answers)).toEqual(new Set(['ok']))
    expect(fetchSpy).toHaveBeenCalledTimes(1)
  })

  it('share one fetch when the keys they know have grown old', async () => {
    const { trusted, token, t0 } = await startIssuer()
    await verdict(token, trusted, t0)
    const later = t0 + MINUTE
    await Promise.all(Array.from({ length: 50 }, () => verdict(token, trusted, later)))
    expect(fetchSpy).toHaveBeenCalledTimes(2)
  })

  it('with a known key go on while another one fetches', async () => {
    const { issuer, trusted, token, t0 } = await startIssuer()
    const next = await makeIssuer({ kid: 'new' })
    await verdict(token, trusted, t0)
    const gate = Promise.withResolvers<Response>()
    fetchSpy.mockReturnValue(gate.promise)
    const waiting = verdict(await longLived(next), trusted, t0 + SECOND)
    await eventually(() => expect(fetchSpy).toHaveBeenCalledTimes(2))
    expect(await verdict(token, trusted, t0 + SECOND)).toBe('ok')
    gate.resolve(Response.json({ keys: [...issuer.jwks.keys, ...next.jwks.keys] }))
    expect(await waiting).toBe('ok')
  })

  it('take over from one that was killed in the middle of its fetch, and its late answer is void', async () => {
    const { issuer, trusted, token, t0 } = await startIssuer()
    const withdrawn = await makeIssuer({ kid: 'withdrawn' })
    const gate = Promise.withResolvers<Response>()
    fetchSpy.mockReturnValue(gate.promise)
    const first = verdict(token, trusted, t0)
    await eventually(() => expect(fetchSpy).toHaveBeenCalledTimes(1))
    serve(issuer)
    expect(await verdict(token, trusted, t0 + 5 * SECOND)).toBe('ok')
    expect(fetchSpy).toHaveBeenCalledTimes(2)
    gate.resolve(Response.json(setOf(withdrawn)))
    expect(await first).toBe('ok')
    expect(await verdict(await longLived(withdrawn), trusted, t0 + 6 * SECOND)).toBe(
      'invalid_token',
    )
  })
})

/** The verdicts on 10 000 tokens within ten seconds, 100 at a time. */
async function flood(
  issuer: TestIssuer,
  trusted: TrustedIssuer,
  now: number,
): Promise<Set<string>> {
  const token = await issuer.sign()
  const payload = token.slice(token.indexOf('.'))
  const verdicts = new Set<string>()
  for (let batch = 0; batch < 100; batch++) {
    const answers = Array.from({ length: 100 }, (_, i) => {
      const header = btoa(JSON.stringify(issuer.header({ kid: `random-${batch * 100 + i}` })))
      return verdict(header.replaceAll('=', '') + payload, trusted, now + batch * 100)
    })
    for (const answer of await Promise.all(answers)) verdicts.add(answer)
  }
  return verdicts
}
