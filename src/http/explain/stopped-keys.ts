/** The API keys that a call would stop, or leave with less: those of whoever loses rights by it. */
import { openSession } from '../../db/client.ts'
import type { KeyId } from '../../db/ids.ts'
import { apiKeysRepository, type CurrentApiKey, type KeysOf } from '../../repositories/api-keys.ts'
import { effectiveScopes, isUsable } from '../../security/key-rights.ts'
import type { Permission } from '../../security/permissions.ts'
import type { Restricted } from '../access.ts'

export interface StoppedKey {
  readonly keyId: KeyId
  readonly name: string
  /** What it may do now, and could not do then. */
  readonly scopes: Permission[]
}

type Storage = Parameters<typeof openSession>[0]

/**
 * @param before the storage as it is
 * @param after the storage as the call would leave it
 * @param now milliseconds since the epoch
 */
export async function stoppedKeys(
  whose: KeysOf,
  before: Storage,
  after: Storage,
  now: number,
): Promise<StoppedKey[]> {
  const keys = await keysIn(before, whose)
  if (keys.length === 0) return []
  const left = await keysIn(after, { ids: keys.map(({ id }) => id) })
  const scopesLeft = new Map(left.map((key) => [key.id, new Set(usableScopes(key, now))]))
  return keys.flatMap((key) => {
    const scopes = usableScopes(key, now).filter((scope) => !scopesLeft.get(key.id)?.has(scope))
    return scopes.length > 0 ? [{ keyId: key.id, name: key.name, scopes }] : []
  })
}

/** Of whom a route takes; undefined if that are no members. @param param of the path */
export function losersOf(
  { takesFrom }: Restricted,
  param: Readonly<Record<string, string>>,
): KeysOf | undefined {
  if (takesFrom === 'the member') return { createdBy: param['userId'] ?? '' }
  if (takesFrom === 'everybody who has the role') return { holdersOf: param['role'] ?? '' }
  return undefined
}

async function keysIn(storage: Storage, whose: KeysOf): Promise<CurrentApiKey[]> {
  return apiKeysRepository(openSession(storage, 'primary').db).ofCreators(whose)
}

function usableScopes(key: CurrentApiKey, now: number): Permission[] {
  const { creator } = key
  return creator && isUsable({ key, creator }, now) ? effectiveScopes({ key, creator }) : []
}
