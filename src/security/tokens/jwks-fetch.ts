/**
 * One attempt to fetch the key set of an issuer: bounded in time and size, from the configured address
 * and no other. Keys that must not be trusted are left out.
 */
import type { JSONWebKeySet } from 'jose'
import { judgeKeySet } from '../../crypto/jwks-rules.ts'
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
}

/** @throws KeySetError, or what `fetch` and the parser throw */
export async function fetchKeySet(url: string): Promise<FetchedKeySet> {
  const value = parseStrictJson(await fetchBytes(url))
  if (!isJsonObject(value) || !Array.isArray(value.keys) || !value.keys.every(isJsonObject)) {
    throw new KeySetError('The answer is not a JSON Web Key Set.')
  }
  const { keys, ignored, fault } = judgeKeySet(value.keys)
  if (fault) throw new KeySetError(fault)
  return { ...checkedSet(keys), ignored }
}

/** Sound after `judgeKeySet`, which leaves only keys with a known `kty`. */
function checkedSet(keys: readonly unknown[]): JSONWebKeySet {
  return { keys } as JSONWebKeySet
}

async function fetchBytes(url: string): Promise<Uint8Array> {
  const signal = AbortSignal.timeout(FETCH_TIMEOUT_MS)
  // A redirect is answered like any other status but 200; a cache would outlive a withdrawal.
  const response = await fetch(url, { redirect: 'manual', cache: 'no-store', signal })
  if (response.status !== 200) {
    await response.body?.cancel()
    throw new KeySetError(`The key set was answered with status ${response.status}.`)
  }
  if (!response.body) throw new KeySetError('The key set was answered with nothing.')
  return readBytes(response.body.getReader(), signal)
}

async function readBytes(
  reader: ReadableStreamDefaultReader<Uint8Array>,
  signal: AbortSignal,
): Promise<Uint8Array> {
  const chunks: Uint8Array[] = []
  let size = 0
  const stop = () => {
    reader.cancel(signal.reason).catch(() => undefined)
  }
  // A pending read ends when its stream is cancelled; what has been read by then is not an answer.
  signal.addEventListener('abort', stop)
  for (let read = await reader.read(); !read.done; read = await reader.read()) {
    size += read.value.byteLength
    if (size > MAX_SET_BYTES) {
      stop()
      throw new KeySetError(`The key set has more than ${MAX_SET_BYTES} bytes.`)
    }
    chunks.push(read.value)
  }
  signal.throwIfAborted()
  return concatenated(chunks, size)
}

function concatenated(chunks: readonly Uint8Array[], size: number): Uint8Array {
  const whole = new Uint8Array(size)
  let offset = 0
  for (const chunk of chunks) {
    whole.set(chunk, offset)
    offset += chunk.byteLength
  }
  return whole
}
