/**
 * Elevation: a backend trigger does exactly one restricted act that no caller may do, on record.
 * Only `cron/` and `events/` may import this; lint and a walk over the imports keep it so.
 */
import type { ElevatedIdentity, ELEVATED_IDENTITIES } from './elevated-identities.ts'
import { type Elevation, type Grant, withSystemGrant } from './grant.ts'
import type { Permission } from './permissions.ts'

type MayOf<I extends ElevatedIdentity> = (typeof ELEVATED_IDENTITIES)[I]['may'][number] & Permission

/**
 * Runs `work` with a grant for one act, bound to the given arguments; it dies with the call.
 * @throws Problem `forbidden` for a permission that the identity does not have on the inventory
 */
export async function elevate<I extends ElevatedIdentity, P extends MayOf<I>, R>(
  identity: I,
  permission: P,
  elevation: Elevation,
  work: (grant: Grant<P>) => Promise<R>,
): Promise<R> {
  return withSystemGrant({ kind: 'system', identity }, permission, elevation, work)
}
