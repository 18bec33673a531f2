import { afterEach, describe, expect, it, vi } from 'vitest'
import type { TrustedIssuer } from '../../src/settings/trusted-issuers.ts'
import { eventually } from '../support/eventually.ts'
import { EVIL_ORIGIN, hostileTokens, MIGHT_BE_NEW } from '../support/hostile-tokens.ts'
import {
  asOwn,
  longLived,
  MINUTE,
  SECOND,
  setOf,
  trust,
  verdict,
  watchKeyServer,
} from '../support/key-server.ts'
import { keysOf, keyStandingOf } from '../../src/security/tokens/jwks.ts'
import { verifyToken } from '../../src/security/tokens/jwt.ts'
import { linesOf } from '../support/log-lines.ts'
import { makeIssuer, type TestIssuer } from '../support/tokens.ts'
import { goingOn } from '../support/workers-in-node.ts'

const { fetchSpy, warnSpy, serve, startIssuer } = watchKeyServer()

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
    const verdicts: Record<string, string[]> = {}
    for (const { name, token } of await hostileTokens(issuer)) {
      const code = await verdict(token, trusted, t0)
      verdicts[code] = [...(verdicts[code] ?? []), name]
    }
    expect(Object.keys(verdicts).sort()).toEqual(['invalid_token', 'unavailable'])
    expect(verdicts['unavailable']).toEqual(MIGHT_BE_NEW)
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

  it('go on working beside a weak one, which is ignored, and logged once', async () => {
    const { issuer, trusted, token, t0 } = await startIssuer()
    const weak = await makeIssuer({ algorithm: 'RS256', kid: 'weak' })
    const keys = [{ ...weak.jwks.keys[0], e: 'AQ' }, ...issuer.jwks.keys]
    fetchSpy.mockImplementation(async () => Response.json({ keys }))
    expect(await verdict(token, trusted, t0)).toBe('ok')
    expect(await verdict(await longLived(weak), trusted, t0)).toBe('invalid_token')
    expect(await verdict(token, trusted, t0 + MINUTE)).toBe('ok')
    expect(fetchSpy).toHaveBeenCalledTimes(3)
    const ignored = ['Key 1 has no usable exponent; "e" must be odd and at least 3.']
    expect(linesOf(warnSpy)).toMatchObject([
      { event: 'keys ignored', issuer: issuer.issuer, ignored },
    ])
  })

  it('may have one "kid" for several algorithms, and be there twice', async () => {
    const { issuer, trusted, token, t0 } = await startIssuer()
    const [rsa, pss, ed] = await Promise.all([
      makeIssuer({ algorithm: 'RS256', kid: 'old' }),
      makeIssuer({ algorithm: 'PS256', kid: 'old' }),
      makeIssuer({ algorithm: 'EdDSA', kid: 'old' }),
    ])
    serve(rsa, issuer, pss, issuer, ed)
    for (const each of [rsa, pss, ed]) {
      expect(await verdict(await longLived(each), trusted, t0)).toBe('ok')
    }
    expect(await verdict(token, trusted, t0)).toBe('ok')
    const stranger = await makeIssuer({ kid: 'old' })
    expect(await verdict(await longLived(stranger), trusted, t0)).toBe('invalid_token')
  })

  it.each([
    ['EdDSA', 'Ed25519'],
    ['Ed25519', 'EdDSA'],
  ] as const)(
    'that name %s verify tokens that name %s: it is one algorithm',
    async (named, used) => {
      const issuer = await makeIssuer({ algorithm: named })
      serve(issuer)
      const token = await issuer.sign({}, { alg: used })
      expect(await verdict(token, trust(issuer), Date.now())).toBe('ok')
    },
  )
})

describe('the keys in the settings', () => {
  it('are imported once, and are the same for every token', async () => {
    const { trusted } = await makeIssuer()
    const keys = await keysOf(trusted, 'key-1', 0)
    expect(await keysOf(trusted, undefined, MINUTE)).toBe(keys)
    expect(await keysOf((await makeIssuer()).trusted, 'key-1', 0)).not.toBe(keys)
  })
})

describe('the keys of this site itself', () => {
  it('are read when the first token comes, and as seldom as those of anybody', async () => {
    const issuer = await makeIssuer()
    const [own, token, t0] = [asOwn(issuer), await longLived(issuer), Date.now()]
    for (const later of [0, 1, 54])
      expect(await verdict(token, own, t0 + later * SECOND)).toBe('ok')
    expect(own.load).toHaveBeenCalledTimes(1)
    expect(await verdict(token, own, t0 + MINUTE)).toBe('ok')
    expect(own.load).toHaveBeenCalledTimes(2)
    expect(fetchSpy).not.toHaveBeenCalled()
    expect(linesOf(warnSpy)).toEqual([])
  })

  it('are told apart by what reads them: those for visitors open nothing to members', async () => {
    const [members, visitors] = [await makeIssuer(), await makeIssuer()]
    const [own, other] = [asOwn(members), asOwn(visitors)]
    const [token, t0] = [await longLived(members), Date.now()]
    expect(await verdict(token, own, t0)).toBe('ok')
    expect(await verdict(token, other, t0)).toBe('invalid_token')
    expect(await verdict(await longLived(visitors), other, t0)).toBe('ok')
  })

  it('that cannot be read let nobody in, and are asked for once in 30 s', async () => {
    const issuer = await makeIssuer()
    const [own, token, t0] = [asOwn(issuer), await longLived(issuer), Date.now()]
    own.load.mockRejectedValue(new Error('no database'))
    expect(await verdict(token, own, t0)).toBe('unavailable')
    own.load.mockResolvedValue(issuer.jwks)
    expect(await verdict(token, own, t0 + 29 * SECOND)).toBe('unavailable')
    expect(own.load).toHaveBeenCalledTimes(1)
    expect(await verdict(token, own, t0 + 30 * SECOND)).toBe('ok')
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
    expect(await flood(issuer, trusted, t0)).toEqual(new Set(['invalid_token', 'unavailable']))
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

describe('a "kid" that is not in the set', () => {
  it('is refused for 30 s once it was looked up in vain; another one is to come back then', async () => {
    const { issuer, trusted, t0 } = await startIssuer()
    const [junk, next] = [await makeIssuer({ kid: 'junk' }), await makeIssuer({ kid: 'new' })]
    const [bad, good] = [await longLived(junk), await longLived(next)]
    expect(await verdict(bad, trusted, t0)).toBe('invalid_token')
    serve(issuer, next)
    expect(await verdict(bad, trusted, t0 + 29 * SECOND)).toBe('invalid_token')
    await expect(verifyToken(good, [trusted], t0 + 10_500)).rejects.toMatchObject({
      code: 'unavailable',
      extras: { retryAfter: 20 },
    })
    expect(fetchSpy).toHaveBeenCalledTimes(1)
    expect(await verdict(good, trusted, t0 + 30 * SECOND)).toBe('ok')
    expect(fetchSpy).toHaveBeenCalledTimes(2)
  })

  it('does not excuse anything else that is wrong with a token', async () => {
    const { issuer, trusted, t0 } = await startIssuer()
    const next = await makeIssuer({ kid: 'new' })
    await verdict(await longLived(await makeIssuer({ kid: 'junk' })), trusted, t0)
    const now = Math.floor(t0 / 1000)
    for (const token of [
      await next.sign({ exp: now - 60 }),
      await next.sign({ nbf: now + 60 }),
      await next.sign({ iat: now + 60 }),
      await next.sign({ aud: 'another' }),
      await next.sign({ iss: EVIL_ORIGIN }),
      await next.sign({ token_use: 'id' }),
      await next.sign({}, { alg: 'HS256' }),
    ]) {
      expect(await verdict(token, trusted, t0 + SECOND)).toBe('invalid_token')
    }
    expect(await verdict(await issuer.sign({ exp: now - 60 }), trusted, t0)).toBe('invalid_token')
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

  it('have the keys of one whose caller hung up, because its fetch goes on without it', async () => {
    const { trusted, token, t0 } = await startIssuer()
    const before = goingOn.length
    void keysOf(trusted, 'old', t0)
    // The platform keeps alive what it was asked to, and nothing else of that request.
    expect(goingOn).toHaveLength(before + 1)
    await goingOn.at(-1)
    expect(await verdict(token, trusted, t0)).toBe('ok')
    expect(fetchSpy).toHaveBeenCalledTimes(1)
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

describe('a fetch that was taken over', () => {
  /** A fetch that hangs since `t0`, by a request for a key that its answer has. */
  async function hungFetch() {
    const started = await startIssuer()
    const next = await makeIssuer({ kid: 'new' })
    const gate = Promise.withResolvers<Response>()
    fetchSpy.mockReturnValueOnce(gate.promise)
    const first = verdict(await longLived(next), started.trusted, started.t0)
    await eventually(() => expect(fetchSpy).toHaveBeenCalledTimes(1))
    const answer = () => gate.resolve(Response.json(setOf(started.issuer, next)))
    return { ...started, next, first, answer }
  }

  it('says of no "kid" that it is missing', async () => {
    const { issuer, next, trusted, token, t0, first, answer } = await hungFetch()
    expect(await verdict(token, trusted, t0 + 5 * SECOND)).toBe('ok')
    answer()
    expect(await first).toBe('unavailable')
    serve(issuer, next)
    expect(await verdict(await longLived(next), trusted, t0 + 6 * SECOND)).toBe('ok')
  })

  it('ends without a word about the fetch that is under way', async () => {
    const { issuer, trusted, token, t0, first, answer } = await hungFetch()
    const gate = Promise.withResolvers<Response>()
    fetchSpy.mockReturnValueOnce(gate.promise)
    const second = verdict(token, trusted, t0 + 5 * SECOND)
    await eventually(() => expect(fetchSpy).toHaveBeenCalledTimes(2))
    answer()
    expect(await first).toBe('unavailable')
    const third = verdict(token, trusted, t0 + 5 * SECOND + 1)
    gate.resolve(Response.json(setOf(issuer)))
    expect(await Promise.all([second, third])).toEqual(['ok', 'ok'])
    expect(fetchSpy).toHaveBeenCalledTimes(2)
  })
})

describe('a request that waits for the fetch of another', () => {
  afterEach(() => vi.useRealTimers())

  /** A request that fetches, and one at the same time that waits; time passes as the test says. */
  async function waitingRequest() {
    const started = await startIssuer()
    const { trusted, t0 } = started
    const gate = Promise.withResolvers<Response>()
    fetchSpy.mockReturnValueOnce(gate.promise)
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    const first = keysOf(trusted, 'old', t0)
    let isDone = false
    const waiting = keysOf(trusted, 'old', t0).then((keys) => {
      isDone = true
      return keys
    })
    return { ...started, gate, first, waiting, isDone: () => isDone }
  }

  it('has its keys within 80 ms of the answer', async () => {
    const { issuer, gate, first, waiting, isDone } = await waitingRequest()
    await vi.advanceTimersByTimeAsync(1000)
    gate.resolve(Response.json(setOf(issuer)))
    const keys = await first
    expect(isDone()).toBe(false)
    await vi.advanceTimersByTimeAsync(80)
    expect(isDone()).toBe(true)
    expect(await waiting).toBe(keys)
    expect(fetchSpy).toHaveBeenCalledTimes(1)
  })

  it('looks a few dozen times in 5 s, and then fetches itself, at the time that it is then', async () => {
    const { trusted, t0, waiting } = await waitingRequest()
    let looks = 0
    while (fetchSpy.mock.calls.length < 2 && looks < 100) {
      await vi.advanceTimersToNextTimerAsync()
      looks++
    }
    expect(fetchSpy).toHaveBeenCalledTimes(2)
    expect(looks).toBeLessThan(80)
    await waiting
    const { fetchedAt } = await keyStandingOf(trusted, t0 + 6 * SECOND)
    expect(fetchedAt).toBeGreaterThanOrEqual(t0 + 5 * SECOND)
    expect(fetchedAt).toBeLessThanOrEqual(t0 + 5100)
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
