/** What identifying a caller takes, and what it comes to. */
import type { Assumption } from '../../db/client.ts'
import type { IdentitiesRepository } from '../../repositories/identities.ts'
import type { IdentityName } from '../../repositories/linked-identities.ts'
import type { Settings } from '../../settings/settings.ts'
import type { Caller } from '../actor.ts'
import type { BurstGuard } from '../limits/burst-guard.ts'
import type { Limit } from '../limits/rate-limit.ts'
import type { KeyGates } from './key-gates.ts'
import type { RememberedKeys } from './remembered-keys.ts'
import type { RememberedMembers } from './remembered-members.ts'

export interface Identified {
  readonly actor: Caller
  /** Where the member's visits are. */
  readonly visitShard?: number | undefined
  /** Which of the member's identities the request came with. */
  readonly identity?: IdentityName | undefined
  /** That of the stores, as it was read with the caller; undefined if it was not. */
  readonly generation?: string | undefined
  /** What is left of a key's limits. */
  readonly limits?: readonly Limit[]
  /** Who it is at this moment, where that is still being asked; the actor is who it was a moment ago. */
  readonly pending?: Promise<Identified>
  /** What the actor goes by without having been read for this request. */
  readonly assumption?: Assumption | undefined
}

export interface Moment {
  /** Milliseconds since the epoch. */
  readonly now: number
  readonly requestId: string
  /** Whether this request was identified before, and the caller's rights have changed since. */
  readonly again: boolean
}

export interface IdentifyDeps {
  readonly burstGuard: BurstGuard
  readonly identities: IdentitiesRepository
  readonly keyGates: KeyGates
  readonly settings: Settings
  /** For whoever checks what they assume; everybody else has members read. */
  readonly remembered?: RememberedMembers
  /** For a request that only reads, and waits for what is pending before it answers. */
  readonly rememberedKeys?: RememberedKeys
}
