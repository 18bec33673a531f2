import type { Deps } from '../deps.ts'
import { notFound, Problem } from '../problem.ts'
import type { IdentityName } from '../repositories/linked-identities.ts'
import { auditRow } from '../security/audit.ts'
import { changedFields } from '../security/callers/profile-sync.ts'
import type { Grant } from '../security/grant.ts'
import { memberOf } from './member-of.ts'

/**
 * Writes what an ID token of the caller's own identity says of them, by the rules for what their access
 * tokens say. It links nothing and lets nobody in.
 * @param identity the one the caller came with
 * @returns the member as they are now
 * @throws Problem `validation_failed` for a token that is not good or somebody else's, `invalid_state` for
 * an identity that did not make the member, `unavailable`
 */
export async function fillProfile(
  grant: Grant<'profile:update'>,
  { idToken, identity }: { readonly idToken: string; readonly identity: IdentityName },
  { proveIdToken, profileSync, now }: Deps,
) {
  const exercised = grant.exercise('profile:update')
  const userId = memberOf(exercised, 'profile:update')
  const said = await proveIdToken('idToken', idToken, identity)
  const { heard, member } = await profileSync.find(identity, userId)
  if (!heard || heard.toldAt === null) {
    throw new Problem(
      'invalid_state',
      'Your profile is filled by the identity you began with only.',
    )
  }
  const changed = changedFields(said, said.issuedAt, heard)
  if (!changed) return member ?? notFound('member')
  const audit = auditRow(exercised, now, {
    action: 'profile.update',
    target: userId,
    changes: { fields: Object.keys(changed.fields) },
  })
  const told = { identity, userId, seen: heard, ...changed }
  return (await profileSync.write(told, audit)) ?? notFound('member')
}
