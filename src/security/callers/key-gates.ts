/** What the gate of an API key is asked, and what it answers. */
import type { KeyId } from '../../db/ids.ts'
import type { Limit } from '../limits/rate-limit.ts'
import type { Permission } from '../permissions.ts'

export interface KeyQuestion {
  readonly secretHash: string
  /** The caller's address, as the platform says it. */
  readonly address: string | undefined
  /** For a request that was counted already, but whose rights have changed since: the key is read anew. */
  readonly again: boolean
}

export type KeyAnswer =
  | {
      readonly good: true
      /** What the key may at this moment: its scopes, as far as its creator may do them to anybody's. */
      readonly scopes: readonly Permission[]
      readonly accessRevision: number
      /** That of the stores, by which its calls of objects go; undefined from a gate of a former version. */
      readonly generation?: string
      readonly limits: readonly Limit[]
    }
  /**
   * The key is unknown, revoked, expired or disabled, or its secret is wrong; strangers cannot tell
   * which.
   */
  | { readonly good: false; readonly because: 'invalid' }
  | { readonly good: false; readonly because: 'address' }
  | {
      readonly good: false
      readonly because: 'rate_limited' | 'quota_exceeded'
      readonly limits: readonly Limit[]
      /** Whole seconds. */
      readonly retryAfter: number
    }

/** The way to the gates, which are objects and know nothing of callers. */
export interface KeyGates {
  /** Whether the key may be used, counting this use if it may. */
  verify(keyId: KeyId, question: KeyQuestion): Promise<KeyAnswer>
  /** What `verify` answers to somebody with the secret who asks `again`; counts nothing. */
  foresee(keyId: KeyId): Promise<KeyAnswer>
}
