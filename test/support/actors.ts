/** Actors in the form that `identify` gives them, for tests of what is below HTTP. */
import type { UserId } from '../../src/db/ids.ts'
import type { MemberActor, PartnerActor, VisitorActor } from '../../src/security/actor.ts'
import type { Permission, Role } from '../../src/security/permissions.ts'

export const ADA: UserId = 'usr_00000000000000000000000001'
export const BEN: UserId = 'usr_00000000000000000000000002'
export const VISITOR: VisitorActor = {
  kind: 'visitor',
  visitorId: 'vis_00000000000000000000000003',
}

export function member(...roles: Role[]): MemberActor {
  return { kind: 'member', userId: ADA, status: 'active', roles, accessRevision: 1 }
}

export function suspended(...roles: Role[]): MemberActor {
  return { ...member(...roles), status: 'suspended' }
}

export function partner(...scopes: Permission[]): PartnerActor {
  return { kind: 'partner', keyId: 'key_00000000000000000000000004', scopes, accessRevision: 1 }
}
