/** The rest of the Worker's way to the gates of API keys. Each call is one RPC on a stub of its own. */
import type { KeyId } from '../db/ids.ts'
import { countCall } from '../log.ts'
import type { KeyGates } from '../security/callers/key-gates.ts'
import type { KeyGate } from './key-gate.ts'

interface KeyGatesClient extends KeyGates {
  /** Has the gates read their keys again. @throws if one of them cannot be told; the others are */
  refresh(keyIds: readonly KeyId[]): Promise<void>
}

export function keyGatesClient(namespace: DurableObjectNamespace<KeyGate>): KeyGatesClient {
  const gateOf = (keyId: KeyId) => {
    countCall('objects')
    return namespace.getByName(keyId)
  }
  return {
    verify: async (keyId, question) => gateOf(keyId).verify(keyId, question),
    foresee: async (keyId) => gateOf(keyId).foresee(keyId),
    async refresh(keyIds) {
      const refreshed = keyIds.map(async (keyId) => gateOf(keyId).refresh(keyId))
      // Whoever ends the request at the first failure may cut off those that are under way.
      await Promise.allSettled(refreshed)
      await Promise.all(refreshed)
    },
  }
}
