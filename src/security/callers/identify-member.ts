/** Which member is calling, by a token or by a session of this site; whoever is new becomes one. */
import { BUILT_IN } from '../../db/issuers.ts'
import { Problem } from '../../problem.ts'
import type { IdentityRow } from '../../repositories/identities.ts'
import { bootstrapRow, provision } from './first-request.ts'
import { heldRoles } from '../held-roles.ts'
import type { Identified, IdentifyDeps, Moment } from './identified.ts'
import type { VerifiedToken } from '../tokens/jwt.ts'
import { sessionRevoked } from './session-cookie.ts'

type MemberDeps = Pick<IdentifyDeps, 'identities' | 'settings'>

/** @throws Problem `session_revoked` */
export async function identifyByToken(
  token: VerifiedToken,
  deps: MemberDeps,
  moment: Moment,
): Promise<Identified> {
  return admitMember(token, await findMember(token, deps, moment), deps, moment)
}

/** @throws Problem `session_revoked` for a token of this site whose session has ended */
async function findMember(
  { issuer, subject, sessionId }: VerifiedToken,
  { identities }: MemberDeps,
  { now }: Moment,
): Promise<IdentityRow | undefined> {
  if (issuer !== BUILT_IN) return identities.find(issuer, subject)
  const at = new Date(now)
  const found = await identities.findWithSession(issuer, subject, sessionId ?? '', at)
  if (!found.isLive) throw sessionRevoked()
  return found.known
}

/** A session is a token that the site has kept to itself. */
export async function identifyByCookie(
  cookie: string,
  deps: MemberDeps,
  moment: Moment,
): Promise<Identified> {
  const found = await deps.identities.findByCookie(BUILT_IN, cookie, new Date(moment.now))
  if (!found) throw sessionRevoked()
  const { subject, name, email, createdAt, expiresAt } = found.session
  const token = {
    issuer: BUILT_IN,
    subject,
    issuedAt: createdAt.getTime(),
    expiresAt: expiresAt.getTime(),
    name,
    email,
  }
  return admitMember(token, found.known, deps, moment)
}

async function admitMember(
  token: VerifiedToken,
  known: IdentityRow | undefined,
  deps: MemberDeps,
  moment: Moment,
): Promise<Identified> {
  const { issuer, subject } = token
  const { identities, settings } = deps
  const isBootstrapAdmin = settings.bootstrapAdmins.has(`${issuer}|${subject}`)
  const current = async () => {
    if (!known) return provision(token, isBootstrapAdmin, deps, moment)
    if (!isBootstrapAdmin || known.bootstrapped) return known
    return identities.bootstrap(issuer, subject, known.userId, bootstrapRow(known.userId, moment))
  }
  return { ...identified(await current()), identity: { issuer, subject } }
}

/** A member as storage knows them. @throws Problem `session_revoked` for one who was deleted */
export function identified(row: IdentityRow | undefined): Identified {
  if (!row) {
    throw new Problem('session_revoked', 'This token was issued before its member was deleted.', {
      stage: 'session',
    })
  }
  const { userId, status, accessRevision, roles, visitShard } = row
  return {
    actor: { kind: 'member', userId, status, accessRevision, ...heldRoles(roles) },
    visitShard,
  }
}
