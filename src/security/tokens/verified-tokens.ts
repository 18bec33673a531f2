/**
 * Tokens that this isolate has verified before, by their whole text. A signature does not change, so only
 * what may have changed around it is looked at again: see `verifyToken`.
 */
import type { keysOf } from './jwks.ts'
import type { Issuer } from './own-issuers.ts'
import type { Person } from './person.ts'

/** Times are in milliseconds since the epoch. */
export interface VerifiedToken extends Person {
  /** The issuer as in the token; for tokens of this site its name, which stays when its address changes. */
  readonly issuer: string
  /** 1..255 characters, well-formed, without control characters. Unique only within the issuer. */
  readonly subject: string
  readonly issuedAt: number | undefined
  /** Before then the token is not valid. */
  readonly validFrom: number | undefined
  readonly expiresAt: number
  /** There if its bearer may ask the provider's userinfo with it. */
  readonly opensUserinfo?: true
  /** When its bearer has signed in (`auth_time`), where the issuer says so; not when it was issued. */
  readonly signedInAt?: number
  /** The session that a token of this site is good with; other tokens have none. */
  readonly sessionId?: string
}

export interface Verification {
  readonly verified: VerifiedToken
  /** With its audience, algorithms and required claims: one that differs in any is another object. */
  readonly trusted: Issuer
  readonly kid: string | undefined
  /** Those it was verified with; keys that were read anew are another object. */
  readonly keys: Awaited<ReturnType<typeof keysOf>>
}

/** Of all texts together; a token has about 700. */
const MOST_CHARACTERS = 2 * 1024 * 1024

const kept = new Map<string, Verification>()
let characters = 0

export function verificationOf(token: string): Verification | undefined {
  return kept.get(token)
}

/** The oldest go when there is no room. */
export function keepVerification(token: string, verification: Verification): void {
  forgetVerification(token)
  kept.set(token, verification)
  characters += token.length
  for (const [oldest] of kept) {
    if (characters <= MOST_CHARACTERS) return
    forgetVerification(oldest)
  }
}

export function forgetVerification(token: string): void {
  if (kept.delete(token)) characters -= token.length
}
