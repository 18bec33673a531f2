/** Which member is calling, by a token or by a session of this site; whoever is new becomes one. */
import { BUILT_IN } from '../../db/issuers.ts'
import { Problem } from '../../problem.ts'
import type { Issued } from '../../repositories/session-ends.ts'
import {
  assumptionOf,
  type IdentityRow,
  type MemberRow,
  type SessionName,
} from '../../repositories/identities.ts'
import type { IdentityName } from '../../repositories/linked-identities.ts'
import { parseHeldRoles } from '../../repositories/roles.ts'
import type { Settings } from '../../settings/settings.ts'
import type { MemberActor } from '../actor.ts'
import { bootstrapRow, issuedAs, provision } from './first-request.ts'
import { heldRoles } from '../held-roles.ts'
import type { Identified, IdentifyDeps, Moment } from './identified.ts'
import type { RememberedMember } from './remembered-members.ts'
import type { VerifiedToken } from '../tokens/verified-tokens.ts'
import { sessionRevoked } from './session-cookie.ts'

type MemberDeps = Pick<IdentifyDeps, 'identities' | 'settings' | 'remembered'>

/** @throws Problem `session_revoked` */
export async function identifyByToken(
  token: VerifiedToken,
  deps: MemberDeps,
  moment: Moment,
): Promise<Identified> {
  const { issuer, subject, sessionId } = token
  const isOurs = issuer === BUILT_IN
  const known = moment.again ? undefined : deps.remembered?.find({ issuer, subject })
  if (known && isSettled(known, deps)) {
    return assumed(known, isOurs ? { id: sessionId ?? '' } : issuedAs(token), moment)
  }
  return admitMember(token, await findMember(token, deps, moment), deps, moment)
}

/** @throws Problem `session_revoked` for a token that was ended, or of this site if its session has */
async function findMember(
  token: VerifiedToken,
  { identities }: MemberDeps,
  { now }: Moment,
): Promise<IdentityRow | undefined> {
  const { issuer, subject, sessionId } = token
  if (issuer !== BUILT_IN) {
    const { known, isEnded } = await identities.find(issuer, subject, issuedAs(token))
    if (isEnded) throw sessionRevoked()
    return known
  }
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
  const remembered = moment.again ? undefined : deps.remembered?.findByCookie(cookie)
  if (remembered && isSettled(remembered, deps))
    return assumed(remembered, { token: cookie }, moment)
  const found = await deps.identities.findByCookie(cookie, new Date(moment.now))
  if (!found) throw sessionRevoked()
  const { issuer, subject, name, email, createdAt, expiresAt } = found.session
  const token = {
    issuer,
    subject,
    issuedAt: createdAt.getTime(),
    validFrom: undefined,
    expiresAt: expiresAt.getTime(),
    name: name ?? undefined,
    email: email ?? undefined,
  }
  return admitMember(token, found.known, deps, moment, cookie)
}

/** Whether nothing is left to be done for the member before they are who the settings say. */
function isSettled({ row, identity }: RememberedMember, { settings }: MemberDeps): boolean {
  return row.bootstrapped || !isListed(identity, settings)
}

function isListed({ issuer, subject }: IdentityName, { bootstrapAdmins }: Settings): boolean {
  return bootstrapAdmins.has(`${issuer}|${subject}`)
}

function assumed(member: RememberedMember, by: SessionName | Issued, { now }: Moment): Identified {
  const { row, actor, identity } = member
  const assumption = assumptionOf(row, identity, by, new Date(now))
  const { visitShard, generation } = row
  return { actor, visitShard, identity, generation, assumption }
}

async function admitMember(
  token: VerifiedToken,
  known: IdentityRow | undefined,
  deps: MemberDeps,
  moment: Moment,
  cookie?: string,
): Promise<Identified> {
  const { issuer, subject } = token
  const identity = { issuer, subject }
  const { identities, settings } = deps
  const isBootstrapAdmin = isListed(identity, settings)
  const current = async () => {
    if (!known) return provision(token, isBootstrapAdmin, deps, moment)
    if (!isBootstrapAdmin || known.bootstrapped) return known
    return identities.bootstrap(issuer, subject, known.userId, bootstrapRow(known.userId, moment))
  }
  const row = there(await current())
  const actor = memberOf(row)
  deps.remembered?.remember({ row, actor, identity }, cookie)
  const { visitShard, generation } = row
  return { actor, visitShard, identity, generation }
}

/** A member as storage knows them. @throws Problem `session_revoked` for one who was deleted */
export function identified(row: MemberRow | undefined): Identified {
  const member = there(row)
  const { visitShard, generation } = member
  return { actor: memberOf(member), visitShard, generation }
}

function there<Row extends MemberRow>(row: Row | undefined): Row {
  if (row) return row
  const detail = 'This token was issued before its member was deleted or signed out.'
  throw new Problem('session_revoked', detail, { stage: 'session' })
}

function memberOf({ userId, status, accessRevision, roles }: MemberRow): MemberActor {
  return { kind: 'member', userId, status, accessRevision, ...heldRoles(parseHeldRoles(roles)) }
}
