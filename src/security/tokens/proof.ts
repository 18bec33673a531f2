/**
 * A token in a body proves what it would prove as the credential of a request, by the same rules. The
 * request has a good credential of its own, so what is wrong with this one is no 401.
 */
import type { Issuer } from './own-issuers.ts'
import { invalidField, Problem } from '../../problem.ts'
import type { VisitorActor } from '../actor.ts'
import { verifyToken } from './jwt.ts'
import type { VerifiedToken } from './verified-tokens.ts'
import { visitorFrom } from './visitors.ts'

export interface Proof {
  readonly token: VerifiedToken
  /** Undefined if the token is a person's at an issuer. */
  readonly visitor: VisitorActor | undefined
}

export type Prove = (field: string, token: string) => Promise<Proof>

/**
 * @param now milliseconds since the epoch
 * @returns what proves a token from the body's `field`; it throws Problem `validation_failed`, `unavailable`
 */
export function proofs(issuers: readonly Issuer[], now: number): Prove {
  return async (field, text) => {
    try {
      const token = await verifyToken(text, issuers, now)
      return { token, visitor: visitorFrom(token) }
    } catch (error) {
      throw error instanceof Problem && error.status === 401
        ? invalidField(field, error.detail)
        : error
    }
  }
}
