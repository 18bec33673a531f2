/** The rest of the Worker's way to the gates of API keys. Each call is one RPC on a stub of its own. */
import type { KeyId } from '../db/ids.ts'
import type { KeyAnswer, KeyGate, KeyQuestion } from './key-gate.ts'

export interface KeyGates {
  /** Whether the key may be used, counting this use if it may. */
  verify(keyId: KeyId, question: KeyQuestion): Promise<KeyAnswer>
  /** What `verify` would answer to somebody with the secret; counts nothing. */
  foresee(keyId: KeyId, question: Pick<KeyQuestion, 'again'>): Promise<KeyAnswer>
  /** Has the gates read their keys again. @throws if one of them cannot be told; the others are */
  refresh(keyIds: readonly KeyId[]): Promise<void>
}

export function keyGatesClient(namespace: DurableObjectNamespace<KeyGate>): KeyGates {
  return {
    verify: async (keyId, question) => namespace.getByName(keyId).verify(keyId, question),
    foresee: async (keyId, question) => namespace.getByName(keyId).foresee(keyId, question),
    async refresh(keyIds) {
      const refreshed = keyIds.map(async (keyId) => namespace.getByName(keyId).refresh(keyId))
      // Whoever ends the request at the first failure may cut off those that are under way.
      await Promise.allSettled(refreshed)
      await Promise.all(refreshed)
    },
  }
}
