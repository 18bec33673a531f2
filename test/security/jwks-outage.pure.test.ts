import { describe, expect, it, vi } from 'vitest'
import { verifyToken } from '../../src/security/tokens/jwt.ts'
import { eventually } from '../support/eventually.ts'
import { EVIL_ORIGIN } from '../support/hostile-tokens.ts'
import {
  HOUR,
  longLived,
  MINUTE,
  SECOND,
  trust,
  verdict,
  watchKeyServer,
} from '../support/key-server.ts'
import { linesOf } from '../support/log-lines.ts'
import { makeIssuer } from '../support/tokens.ts'

const { fetchSpy, logSpy, serve, startIssuer } = watchKeyServer()

describe('an outage of the issuer', () => {
  it('leaves known keys in force for an hour after the last good answer, and nothing after it', async () => {
    const { issuer, trusted, token, t0 } = await startIssuer()
    await verdict(token, trusted, t0)
    fetchSpy.mockRejectedValue(new TypeError('connection refused'))
    expect(await verdict(token, trusted, t0 + MINUTE)).toBe('ok')
    expect(await verdict(token, trusted, t0 + HOUR - 1)).toBe('ok')
    expect(await verdict(token, trusted, t0 + HOUR)).toBe('unavailable')
    serve(issuer)
    expect(await verdict(token, trusted, t0 + HOUR + MINUTE)).toBe('ok')
  })

  it('is not made worse by asking: one attempt every 30 s', async () => {
    const { trusted, token, t0 } = await startIssuer()
    await verdict(token, trusted, t0)
    fetchSpy.mockClear().mockRejectedValue(new TypeError('connection refused'))
    for (let at = MINUTE; at < 3 * MINUTE; at += SECOND) await verdict(token, trusted, t0 + at)
    expect(fetchSpy).toHaveBeenCalledTimes(4)
  })

  it('refuses keys it has never seen, and says when to come back if it has none at all', async () => {
    const { issuer, trusted, token, t0 } = await startIssuer()
    const next = await makeIssuer({ kid: 'new' })
    fetchSpy.mockRejectedValue(new TypeError('connection refused'))
    await expect(verifyToken(token, [trusted], t0)).rejects.toMatchObject({
      code: 'unavailable',
      extras: { retryAfter: 30 },
    })
    serve(issuer)
    expect(await verdict(token, trusted, t0 + 30 * SECOND)).toBe('ok')
    fetchSpy.mockRejectedValue(new TypeError('connection refused'))
    await expect(
      verifyToken(await longLived(next), [trusted], t0 + 31 * SECOND),
    ).rejects.toMatchObject({ code: 'unavailable', extras: { retryAfter: 30 } })
    expect(await verdict(token, trusted, t0 + 31 * SECOND)).toBe('ok')
  })

  it('does not touch the tokens of another issuer', async () => {
    const { trusted, token, t0 } = await startIssuer()
    const other = await makeIssuer({ issuer: 'https://other.example' })
    fetchSpy.mockRejectedValue(new TypeError('connection refused'))
    expect(await verdict(token, trusted, t0)).toBe('unavailable')
    await expect(
      verifyToken(await other.sign(), [trusted, other.trusted], t0),
    ).resolves.toBeDefined()
  })

  it('does not last longer because the clock was set back', async () => {
    const { trusted, token, t0 } = await startIssuer()
    await verdict(token, trusted, t0 + 2 * HOUR)
    serve(await makeIssuer({ kid: 'new' }))
    expect(await verdict(token, trusted, t0)).toBe('invalid_token')
  })

  it('leaves it open what a "kid" is worth that only keys out of use have not', async () => {
    const { trusted, token, t0 } = await startIssuer()
    const junk = await longLived(await makeIssuer({ kid: 'junk' }))
    expect(await verdict(junk, trusted, t0)).toBe('invalid_token')
    await verdict(token, trusted, t0 + 2 * HOUR)
    fetchSpy.mockRejectedValue(new TypeError('connection refused'))
    // The clock was set back, so that the last answer is hours away, and the lookup before it is not.
    expect(await verdict(junk, trusted, t0 + SECOND)).toBe('unavailable')
  })
})

describe('an answer that cannot be used', () => {
  it.each<[name: string, reason: string, answer: () => Response | Promise<Response>]>([
    [
      'status 500',
      'The key set was answered with status 500.',
      () => new Response('{}', { status: 500 }),
    ],
    [
      'status 404',
      'The key set was answered with status 404.',
      () => new Response(null, { status: 404 }),
    ],
    [
      'a redirect',
      'The key set was answered with status 302.',
      () => Response.redirect(EVIL_ORIGIN),
    ],
    [
      'no body',
      'The key set was answered with status 204.',
      () => new Response(null, { status: 204 }),
    ],
    ['nothing', 'The key set was answered with nothing.', () => new Response(null)],
    ['HTML', 'SyntaxError', () => new Response('<html>')],
    ['duplicate names', 'SyntaxError', () => new Response('{"keys":[],"keys":[]}')],
    ['bytes that are not UTF-8', 'TypeError', () => new Response(new Uint8Array([0xff]))],
    ['an array', 'The answer is not a JSON Web Key Set.', () => Response.json([])],
    [
      'keys that are no objects',
      'The answer is not a JSON Web Key Set.',
      () => Response.json({ keys: ['x'] }),
    ],
    [
      'keys that are no list',
      'The answer is not a JSON Web Key Set.',
      () => Response.json({ keys: {} }),
    ],
    ['no set', 'The answer is not a JSON Web Key Set.', () => Response.json({ error: 'gone' })],
    ['no keys', 'The set has no keys.', () => Response.json({ keys: [] })],
    [
      'a symmetric key',
      'Key 1 is symmetric; only public keys can be trusted.',
      () => Response.json({ keys: [{ kty: 'oct', k: 'AQ' }] }),
    ],
    ['10 MB', 'The key set has more than 262144 bytes.', () => new Response(tenMegabytes())],
  ])(
    'such as %s leaves the old keys in force, and is logged without its contents',
    async (_, reason, answer) => {
      const { issuer, trusted, token, t0 } = await startIssuer()
      await verdict(token, trusted, t0)
      fetchSpy.mockImplementation(async () => answer())
      expect(await verdict(token, trusted, t0 + MINUTE)).toBe('ok')
      expect(fetchSpy).toHaveBeenCalledTimes(2)
      expect(linesOf(logSpy)).toMatchObject([
        { event: 'key set not fetched', issuer: issuer.issuer, reason },
      ])
    },
  )

  it.each(['RSA exponent 1', 'a short modulus', 'a private member', 'a secret beside a good key'])(
    'such as a set of %s is never used',
    async (fault) => {
      const issuer = await makeIssuer({ algorithm: 'RS256' })
      const trusted = trust(issuer)
      const [jwk] = issuer.jwks.keys
      fetchSpy.mockImplementation(async () =>
        Response.json({
          keys: {
            'RSA exponent 1': [{ ...jwk, e: 'AQ' }],
            'a short modulus': [{ ...jwk, n: 'AQ' }],
            'a private member': [{ ...jwk, d: 'AQ' }],
            'a secret beside a good key': [jwk, { ...jwk, kid: 'other', d: 'AQ' }],
          }[fault],
        }),
      )
      expect(await verdict(await issuer.sign(), trusted, Date.now())).toBe('unavailable')
      expect(logSpy).toHaveBeenCalledTimes(1)
    },
  )

  it('stops the reading of a body that is too long', async () => {
    const { trusted, token, t0 } = await startIssuer()
    const cancelled = vi.fn<() => void>()
    fetchSpy.mockImplementation(async () => new Response(tenMegabytes(cancelled)))
    expect(await verdict(token, trusted, t0)).toBe('unavailable')
    expect(cancelled).toHaveBeenCalledTimes(1)
  })

  it.each([
    ['whose headers', neverAnswering],
    ['whose body', async () => new Response(new ReadableStream())],
  ])('includes one %s never come: the wait ends after 5 s', async (_, answer) => {
    const { trusted, token, t0 } = await startIssuer()
    const timer = new AbortController()
    const timeout = vi.spyOn(AbortSignal, 'timeout').mockReturnValueOnce(timer.signal)
    fetchSpy.mockImplementation(answer)
    const answered = verdict(token, trusted, t0)
    await eventually(() => expect(fetchSpy).toHaveBeenCalled())
    timer.abort(new DOMException('too late', 'TimeoutError'))
    expect(await answered).toBe('unavailable')
    expect(timeout).toHaveBeenCalledWith(5000)
    expect(linesOf(logSpy)).toContainEqual(expect.objectContaining({ reason: 'TimeoutError' }))
  })
})

function neverAnswering(_: unknown, init?: RequestInit): Promise<Response> {
  return new Promise((_resolve, reject) => {
    init?.signal?.addEventListener('abort', () => reject(init.signal?.reason as Error))
  })
}

function tenMegabytes(cancelled = () => {}): ReadableStream {
  let sent = 0
  return new ReadableStream({
    pull(controller) {
      controller.enqueue(new Uint8Array(64 * 1024))
      if (++sent === 160) controller.close()
    },
    cancel: cancelled,
  })
}
