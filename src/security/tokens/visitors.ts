/**
 * Visitors: people without an account, known by a token of this site and by nothing else. Making one
 * stores nothing; what they book is theirs by the id in the token.
 */
import { VISITOR_KEYS, signToken } from './signing-keys.ts'
import { VISITORS } from '../../db/auth-schema.ts'
import type { Database } from '../../db/client.ts'
import { isId, newId } from '../../db/ids.ts'
import type { Settings } from '../../settings/settings.ts'
import { Problem } from '../../problem.ts'
import type { VisitorActor } from '../actor.ts'
import type { VerifiedToken } from './jwt.ts'

/** The visitor a verified token speaks for; undefined if it is a member's. @throws Problem `invalid_token` */
export function visitorOf({ issuer, subject }: VerifiedToken): VisitorActor | undefined {
  if (issuer !== VISITORS) return undefined
  if (!isId('vis', subject)) {
    throw new Problem('invalid_token', 'The token has no usable subject.', { stage: 'credential' })
  }
  return { kind: 'visitor', visitorId: subject }
}

/** @param now milliseconds since the epoch */
export function visitorsOf(db: Database, settings: Settings, now: number) {
  return {
    /** A new visitor, and the token that is all there is of them. */
    async welcome() {
      const visitorId = newId('vis', now)
      const { authSecret: secret } = settings
      const options = { ring: VISITOR_KEYS, issuer: VISITORS, secret, now }
      const { token, expiresAt } = await signToken(db.$client, { sub: visitorId }, options)
      return { visitorId, token, expiresAt: new Date(expiresAt).toISOString() }
    },
  }
}
