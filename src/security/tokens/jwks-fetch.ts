/**
 * One attempt to fetch the key set of an issuer: bounded in time and size, from the configured address
 * and no other. Keys that must not be trusted are left out.
 */
import type { JSONWebKeySet } from 'jose'
import { judgeKeySet } from '../../crypto/jwks-rules.ts'
import { boundedBytes } from './bounded-body.ts'
import { isJsonObject, parseStrictJson } from './strict-json.ts'

/** How long the whole fetch may take, body included. */
export const FETCH_TIMEOUT_MS = 5_000
const MAX_SET_BYTES = 256 * 1024

/** Its message is safe to log: it quotes nothing of the answer. */
export class KeySetError extends Error {
  override readonly name = 'KeySetError'
}

/** The keys that may be trusted, and what is wrong with the others. */
export interface FetchedKeySet extends JSONWebKeySet {
  readonly ignored: readonly string[]
  /** By the clock of whoever answered, milliseconds since the epoch; undefined if they did not say. */
  readonly answeredAt: number | undefined
}

/** @throws KeySetError, or what `fetch` and the parser throw */
export async function fetchKeySet(url: string): Promise<FetchedKeySet> {
  const { bytes, answeredAt } = await fetchBytes(url)
  const value = parseStrictJson(bytes)
  if (!isJsonObject(value) || !Array.isArray(value.keys) || !value.keys.every(isJsonObject)) {
    throw new KeySetError('The answer is not a JSON Web Key Set.')
  }
  const { keys, ignored, fault } = judgeKeySet(value.keys)
  if (fault) throw new KeySetError(fault)
  return { ...checkedSet(keys), ignored, answeredAt }
}

/** Sound after `judgeKeySet`, which leaves only keys with a known `kty`. */
function checkedSet(keys: readonly unknown[]): JSONWebKeySet {
  return { keys } as JSONWebKeySet
}

async function fetchBytes(url: string) {
  const signal = AbortSignal.timeout(FETCH_TIMEOUT_MS)
  // A redirect is answered like any other status but 200; a cache would outlive a withdrawal.
  const response = await fetch(url, { redirect: 'manual', cache: 'no-store', signal })
  if (response.status !== 200) {
    await response.body?.cancel()
    throw new KeySetError(`The key set was answered with status ${response.status}.`)
  }
  if (!response.body) throw new KeySetError('The key set was answered with nothing.')
  const bytes = await boundedBytes(response, MAX_SET_BYTES, signal)
  if (!bytes) throw new KeySetError(`The key set has more than ${MAX_SET_BYTES} bytes.`)
  return { bytes, answeredAt: clockOf(response.headers) }
}

/** A cache in between says how long it has had the answer (RFC 9111, section 5.1). */
function clockOf(headers: Headers): number | undefined {
  const at = Date.parse(headers.get('Date') ?? '') + Number(headers.get('Age') ?? 0) * 1000
  return Number.isFinite(at) ? at : undefined
}
