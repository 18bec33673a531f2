/** The rights of API keys have changed, so what their gates remember has. */
import type { KeyId } from '../db/ids.ts'
import type { SystemDeps } from '../deps.ts'
import { Problem } from '../problem.ts'
import type { Handlers } from './handlers.ts'

/**
 * Has the gates read their keys again, which a change waits for before it is acknowledged.
 * @throws Problem `unavailable` if one of them cannot be told; the others are
 */
export async function tellGates(
  keyIds: readonly KeyId[],
  { keyGates }: Pick<SystemDeps, 'keyGates'>,
): Promise<void> {
  try {
    await keyGates.refresh(keyIds)
  } catch (cause) {
    throw new Problem(
      'unavailable',
      'The change is stored, but not in force for every API key yet. Send the request again.',
      { retryAfter: 1, cause },
    )
  }
}

/** The tick tells the gates once more: to close the event is not worth a trip while somebody waits. */
export const keysChanged: Handlers['keys-changed'] = {
  closed: 'by the tick',
  async handle({ keyIds }, deps) {
    await tellGates(keyIds, deps)
    return undefined
  },
}

/** Closed at once: as long as it is open, the deletion of a role that is gone can be repeated. */
export const roleDeleted: Handlers['role-deleted'] = {
  closed: 'at once',
  async handle({ keyIds }, deps) {
    await tellGates(keyIds, deps)
    return undefined
  },
}
