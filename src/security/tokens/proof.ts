/**
 * A token in a body proves what it would prove as the credential of a request, by the same rules. The
 * request has a good credential of its own, so what is wrong with this one is no 401.
 */
import type { Issuer } from './own-issuers.ts'
import { invalidField, Problem } from '../../problem.ts'
import type { VisitorActor } from '../actor.ts'
import type { IdentityName } from '../../repositories/linked-identities.ts'
import { verifyIdToken, verifyToken } from './jwt.ts'
import type { VerifiedToken } from './verified-tokens.ts'
import { visitorFrom } from './visitors.ts'

export interface Proof {
  readonly token: VerifiedToken
  /** Undefined if the token is a person's at an issuer. */
  readonly visitor: VisitorActor | undefined
}

export type Prove = (field: string, token: string) => Promise<Proof>

export type ProveIdToken = (
  field: string,
  token: string,
  identity: IdentityName,
) => Promise<VerifiedToken>

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
      throw inBody(field, error)
    }
  }
}

/**
 * @param now milliseconds since the epoch
 * @returns what reads an ID token about `identity` in the body's `field`; it throws as `proofs` does
 */
export function idTokens(issuers: readonly Issuer[], now: number): ProveIdToken {
  return async (field, text, { issuer, subject }) => {
    const token = await verifyIdToken(text, issuers, now).catch((error: unknown) => {
      throw inBody(field, error)
    })
    if (token.issuer === issuer && token.subject === subject) return token
    throw invalidField(field, 'The token is about somebody else than the one you came as.')
  }
}

function inBody(field: string, error: unknown): unknown {
  return error instanceof Problem && error.status === 401
    ? invalidField(field, error.detail)
    : error
}
