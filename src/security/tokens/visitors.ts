/**
 * Visitors: people without an account, known by a token of this site and by nothing else. Making one
 * stores nothing; what they book is theirs by the id in the token.
 */
import { VISITORS } from '../../db/issuers.ts'
import { isId } from '../../db/ids.ts'
import { Problem } from '../../problem.ts'
import type { VisitorActor } from '../actor.ts'
import type { VerifiedToken } from './verified-tokens.ts'

/** The visitor a verified token speaks for; undefined if it is a member's. @throws Problem `invalid_token` */
export function visitorFrom({ issuer, subject }: VerifiedToken): VisitorActor | undefined {
  if (issuer !== VISITORS) return undefined
  if (!isId('vis', subject)) {
    throw new Problem('invalid_token', 'The token has no usable subject.', { stage: 'credential' })
  }
  return { kind: 'visitor', visitorId: subject }
}
