/**
 * Who is calling: the actor behind what a request has proved about itself, with the rights they have
 * at this moment. Members are found in D1, keys by their gate; a visitor's token says all there is.
 */
import type { Authenticated, StandIn } from './authenticate.ts'
import { identified, identifyByCookie, identifyByToken } from './identify-member.ts'
import { foreseePartner, identifyPartner } from './identify-partner.ts'
import type { Identified, IdentifyDeps, Moment } from './identified.ts'
import { visitorFrom } from '../tokens/visitors.ts'

/**
 * @throws Problem `session_revoked` for a session that has ended and for a token from before its member
 * was deleted, `invalid_api_key`, `rate_limited`, `quota_exceeded`, `unavailable`
 */
export async function identify(
  authenticated: Authenticated,
  deps: IdentifyDeps,
  moment: Moment,
): Promise<Identified> {
  switch (authenticated.type) {
    case 'anonymous':
      return { actor: { kind: 'anonymous' } }
    case 'jwt': {
      const visitor = visitorFrom(authenticated.token)
      return visitor ? { actor: visitor } : identifyByToken(authenticated.token, deps, moment)
    }
    case 'session':
      return identifyByCookie(authenticated.token, deps, moment)
    case 'api-key':
      return identifyPartner(authenticated, deps, moment)
    case 'dry run':
      return identifySubject(authenticated, deps, moment)
  }
}

/** Whoever it is, without a credential of theirs; a key is spared the count of this use. */
async function identifySubject(
  { as, known }: StandIn,
  deps: IdentifyDeps,
  { again }: Moment,
): Promise<Identified> {
  if (known && !again) return known
  if (as.kind === 'partner') return foreseePartner(as.keyId, deps)
  if (as.kind !== 'member') return { actor: as }
  const { userId, identity } = as
  return { ...identified(await deps.identities.findMember(userId)), identity }
}
