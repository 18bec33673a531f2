/** What is known of an issuer's keys, which the console shows and `explain` says. */
import { describe, expect, it } from 'vitest'
import { keyStandingOf } from '../../src/security/tokens/jwks.ts'
import { HOUR, MINUTE, SECOND, setOf, verdict, watchKeyServer } from '../support/key-server.ts'
import { linesOf } from '../support/log-lines.ts'
import { makeIssuer } from '../support/tokens.ts'

const { fetchSpy, logSpy, warnSpy, serve, startIssuer } = watchKeyServer()

describe('the standing of keys', () => {
  it('that are in the settings is that they are there, and nothing is asked of anybody', async () => {
    const { trusted, jwks } = await makeIssuer()
    expect(await keyStandingOf(trusted, Date.now())).toEqual({
      fetchedAt: undefined,
      fault: undefined,
      skewMs: undefined,
      keys: jwks.keys,
    })
    expect(fetchSpy).not.toHaveBeenCalled()
  })

  it('that are fetched is when they were, by a fetch of the kind that a token makes', async () => {
    const { trusted, issuer, token, t0 } = await startIssuer()
    const { keys } = issuer.jwks
    const seen = { fetchedAt: t0, fault: undefined, skewMs: undefined, keys }
    expect(await keyStandingOf(trusted, t0)).toEqual(seen)
    expect(await keyStandingOf(trusted, t0 + 54 * SECOND)).toEqual(seen)
    expect(await verdict(token, trusted, t0 + 54 * SECOND)).toBe('ok')
    expect(fetchSpy).toHaveBeenCalledTimes(1)
    expect(await keyStandingOf(trusted, t0 + MINUTE)).toMatchObject({ fetchedAt: t0 + MINUTE })
    expect(fetchSpy).toHaveBeenCalledTimes(2)
  })

  it('after an outage is what went wrong and which keys are left, until it is over', async () => {
    const { trusted, issuer, t0 } = await startIssuer()
    const { keys } = issuer.jwks
    await keyStandingOf(trusted, t0)
    fetchSpy.mockRejectedValue(new TypeError('connection refused'))
    const broken = { fetchedAt: t0, fault: 'TypeError', skewMs: undefined, keys }
    expect(await keyStandingOf(trusted, t0 + MINUTE)).toEqual(broken)
    // After an hour the keys are good for nothing, and are shown all the same.
    expect(await keyStandingOf(trusted, t0 + 2 * HOUR)).toEqual(broken)
    serve(issuer)
    const at = t0 + 3 * HOUR
    expect(await keyStandingOf(trusted, at)).toMatchObject({ fetchedAt: at, fault: undefined })
  })

  it.each([
    [new TypeError('not quoted'), 'TypeError'],
    ['thrown as a text', 'unknown'],
  ])('that were never had is why not (%s)', async (thrown, fault) => {
    const { trusted, t0 } = await startIssuer()
    fetchSpy.mockRejectedValue(thrown)
    expect(await keyStandingOf(trusted, t0)).toEqual({
      fetchedAt: undefined,
      fault,
      skewMs: undefined,
      keys: [],
    })
    expect(linesOf(logSpy)).toMatchObject([{ event: 'key set not fetched', reason: fault }])
  })

  it('is not told where this site is at fault, which is no fault of the issuer', async () => {
    const { trusted, t0 } = await startIssuer()
    fetchSpy.mockRejectedValue(new TypeError('connection refused'))
    logSpy.mockImplementation(() => {
      throw new RangeError('the log is full')
    })
    await expect(keyStandingOf(trusted, t0)).rejects.toThrow(RangeError)
  })

  it.each([
    ['no clock', {}, undefined],
    ['a clock that nobody can read', { Date: 'soon' }, undefined],
    ['the same clock', { Date: 0 }, 0],
    ['a clock that is ahead', { Date: 90 }, 90],
    ['a clock that is behind', { Date: -90 }, -90],
    ['the clock of when a cache has had it', { Date: -30, Age: '40' }, 10],
    ['an age that is none', { Date: 0, Age: 'old' }, undefined],
  ] as const)('that come with %s has %j of it', async (_, said, seconds) => {
    const { trusted, issuer } = await startIssuer()
    // HTTP has times in seconds.
    const t0 = Math.floor(Date.now() / 1000) * 1000
    const { Date: date, ...others } = { Date: undefined, ...said }
    const day = typeof date === 'number' ? new Date(t0 + date * SECOND).toUTCString() : date
    const headers = { ...others, ...(day !== undefined && { Date: day }) }
    fetchSpy.mockImplementation(async () => Response.json(setOf(issuer), { headers }))
    const { skewMs } = await keyStandingOf(trusted, t0)
    expect(skewMs).toBe(seconds === undefined ? undefined : seconds * SECOND)
  })
})

it('keys that are left out are told of again once they have changed, and not while none are', async () => {
  const { trusted, issuer, t0 } = await startIssuer()
  const weak = await makeIssuer({ algorithm: 'RS256', kid: 'weak' })
  const [jwk] = weak.jwks.keys
  const sets = [
    issuer.jwks.keys,
    [{ ...jwk, e: 'AQ' }, ...issuer.jwks.keys],
    [{ ...jwk, e: 'AQ' }, ...issuer.jwks.keys],
    issuer.jwks.keys,
    [...issuer.jwks.keys, { ...jwk, e: 'AQ' }],
  ]
  for (const [minute, keys] of sets.entries()) {
    fetchSpy.mockImplementation(async () => Response.json({ keys }))
    await keyStandingOf(trusted, t0 + minute * MINUTE)
  }
  const said = (key: number) => [
    `Key ${key} has no usable exponent; "e" must be odd and at least 3.`,
  ]
  expect(linesOf(warnSpy).map((line) => line['ignored'])).toEqual([said(1), said(2)])
})
