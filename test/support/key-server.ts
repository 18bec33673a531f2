/** A trusted issuer whose keys are fetched, and the answers that its address gives. */
import { beforeEach, vi } from 'vitest'
import { BUILT_IN } from '../../src/db/issuers.ts'
import type { TrustedIssuer } from '../../src/settings/trusted-issuers.ts'
import { Problem } from '../../src/problem.ts'
import { verifyToken } from '../../src/security/tokens/jwt.ts'
import type { Issuer, OwnIssuer } from '../../src/security/tokens/own-issuers.ts'
import { makeIssuer, type TestIssuer } from './tokens.ts'

export const SECOND = 1000
export const MINUTE = 60 * SECOND
export const HOUR = 60 * MINUTE

type RemoteIssuer = Extract<TrustedIssuer, { jwksUrl: string }>

/** Spies on all outbound calls and the log while a file's tests run; at first nothing is served. */
export function watchKeyServer() {
  const fetchSpy = vi.spyOn(globalThis, 'fetch')
  const logSpy = vi.spyOn(console, 'error')
  const warnSpy = vi.spyOn(console, 'warn')
  beforeEach(() => {
    fetchSpy.mockReset().mockRejectedValue(new TypeError('nothing is served'))
    logSpy.mockReset().mockReturnValue()
    warnSpy.mockReset().mockReturnValue()
  })
  return { fetchSpy, logSpy, warnSpy, serve, startIssuer }

  function serve(...issuers: TestIssuer[]): void {
    fetchSpy.mockImplementation(async () => Response.json(setOf(...issuers)))
  }

  /** A new issuer that serves its key, and a token of it. */
  async function startIssuer() {
    const issuer = await makeIssuer({ kid: 'old' })
    serve(issuer)
    return { issuer, trusted: trust(issuer), token: await longLived(issuer), t0: Date.now() }
  }
}

export function setOf(...issuers: TestIssuer[]) {
  return { keys: issuers.flatMap(({ jwks }) => jwks.keys) }
}

let count = 0
/** The address is new each time: keys are kept by address for as long as the isolate lives. */
export function trust({ trusted }: TestIssuer): RemoteIssuer {
  const { issuer, audience, algorithms } = trusted
  return { issuer, audience, algorithms, jwksUrl: `https://issuer.example/${++count}/jwks.json` }
}

/** The issuer as if it were the built-in login of this site, whose keys are read in process. */
export function asOwn({ issuer, audience, jwks }: TestIssuer) {
  const load = vi.fn<OwnIssuer['load']>(async () => jwks)
  return { issuer, name: BUILT_IN, audience, algorithms: ['ES256'], load } satisfies OwnIssuer
}

/** Verifies the token. @returns `ok`, or the code of the refusal */
export async function verdict(token: string, trusted: Issuer, now: number): Promise<string> {
  try {
    await verifyToken(token, [trusted], now)
    return 'ok'
  } catch (error) {
    if (error instanceof Problem) return error.code
    throw error
  }
}

/** A token that no test outlives, so that only its key decides. */
export function longLived(issuer: TestIssuer): Promise<string> {
  return issuer.sign({ exp: 4_000_000_000 })
}
