/**
 * Who is calling. Being nobody is a kind of its own, so there is no `null` that could be mistaken
 * for power; every who-column (`assigned_by`, `actor`) is derived from an actor, never from input.
 */
import type { KeyId, UserId, VisitorId } from '../db/ids.ts'
import type { IdentityName } from '../repositories/linked-identities.ts'
import type { ElevatedIdentity } from './elevated-identities.ts'
import type { CustomRole, Permission, Role } from './permissions.ts'

export interface Anonymous {
  readonly kind: 'anonymous'
}

export interface VisitorActor {
  readonly kind: 'visitor'
  readonly visitorId: VisitorId
}

export interface MemberActor {
  readonly kind: 'member'
  readonly userId: UserId
  readonly status: 'active' | 'suspended'
  readonly roles: readonly Role[]
  /** Those of the site's own making. */
  readonly customRoles?: readonly CustomRole[]
  /** Changes with every change of this member's rights; audited writes are void if it moved. */
  readonly accessRevision: number
}

export interface PartnerActor {
  readonly kind: 'partner'
  readonly keyId: KeyId
  /** What the key may at this moment, to anybody's. */
  readonly scopes: readonly Permission[]
  /** The access revision of the key's creator; it has the meaning of a member's. */
  readonly accessRevision: number
}

/** Exists only inside `elevate`. */
export interface SystemActor {
  readonly kind: 'system'
  readonly identity: ElevatedIdentity
}

/** Anyone who can come in over HTTP. */
export type Caller = Anonymous | VisitorActor | MemberActor | PartnerActor
export type Actor = Caller | SystemActor

/** A caller by name: who it is about, without what they may. */
export type Subject =
  | Anonymous
  | VisitorActor
  | {
      readonly kind: 'member'
      readonly userId: UserId
      /** Which of theirs the call would come with; undefined if nobody knows. */
      readonly identity?: IdentityName | undefined
    }
  | { readonly kind: 'partner'; readonly keyId: KeyId }

/** The one spelling of an actor in audit rows and who-columns, as in `usr_…` or `system:badge-awarder`. */
export function actorRef(actor: Exclude<Actor, Anonymous>): string {
  switch (actor.kind) {
    case 'member':
      return actor.userId
    case 'visitor':
      return actor.visitorId
    case 'partner':
      return actor.keyId
    case 'system':
      return systemRef(actor.identity)
  }
}

export function systemRef(identity: ElevatedIdentity): string {
  return `system:${identity}`
}
