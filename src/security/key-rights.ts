/** What an API key may at this moment, from what is stored about it and about who made it. */
import type { UserId } from '../db/ids.ts'
import type { LoadedApiKey } from '../repositories/api-keys.ts'
import { entriesOf, rightsOf } from './decide.ts'
import { heldRoles } from './held-roles.ts'
import { isPermission, type Permission } from './permissions.ts'

/** Whether it is good at all. @param now milliseconds since the epoch */
export function isUsable({ key, creator }: LoadedApiKey, now: number): boolean {
  const expired = key.expiresAt !== null && now >= Date.parse(key.expiresAt)
  return key.enabled && key.revokedAt === null && !expired && creator.status === 'active'
}

/** Its scopes, as far as its creator may do them to anybody's. */
export function effectiveScopes({ key, creator }: LoadedApiKey): Permission[] {
  const mayDo = doneToAnybody(key.createdBy, creator)
  return key.scopes.filter(isPermission).filter((scope) => mayDo.has(scope))
}

/** Whether a member may do this to anybody's, by what they are at this moment. */
export function isHeldBy(userId: UserId, standing: Standing, permission: Permission): boolean {
  return doneToAnybody(userId, standing).has(permission)
}

type Standing = LoadedApiKey['creator']

function doneToAnybody(userId: UserId, { status, roles }: Standing): ReadonlySet<Permission> {
  const rights = rightsOf({
    kind: 'member',
    userId,
    status,
    ...heldRoles(roles),
    accessRevision: 0,
  })
  return new Set(
    entriesOf(rights).flatMap(([permission, reach]) => (reach === 'any' ? [permission] : [])),
  )
}
