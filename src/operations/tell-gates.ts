import type { Deps } from '../deps.ts'
import type { KeyId, UserId } from '../db/ids.ts'
import { Problem } from '../problem.ts'

/**
 * Tells the gates of API keys that what they remember has changed; to be done before the change is
 * acknowledged. @throws Problem `unavailable` if one cannot be told: the change is stored, and
 * repeating the request tells them again
 */
export async function tellGates(keyIds: readonly KeyId[], { keyGates }: Deps): Promise<void> {
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

/** Of all keys of a member, before a change is acknowledged once more: it may not have been in force before. */
export async function tellGatesOf(userId: UserId, deps: Deps): Promise<void> {
  await tellGates(await deps.members.keysOf(userId), deps)
}
