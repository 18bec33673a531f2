/** What a provider answers when it is asked, and its metadata (OpenID Connect Discovery), which name where. */
import { isPrivateWay } from '../../settings/trusted-issuers.ts'
import { boundedBytes } from './bounded-body.ts'
import { isJsonObject, parseStrictJson } from './strict-json.ts'

const MAX_BYTES = 64 * 1024

/** Its message is safe to log: it quotes nothing of the answer. */
export class ProviderError extends Error {
  override readonly name = 'ProviderError'
}

type Asking = RequestInit & { readonly signal: AbortSignal }

/** Section 4; undefined if it has none, or one about another issuer. @throws what `answerOf` throws */
export async function metadataOf(issuer: string, signal: AbortSignal) {
  const url = `${issuer.replace(/\/$/, '')}/.well-known/openid-configuration`
  const metadata = await answerOf(url, { signal })
  return metadata?.issuer === issuer ? metadata : undefined
}

/**
 * Undefined for a refusal, and for what is no object, as a signed answer is.
 * @throws ProviderError for what may pass; what `fetch` throws
 */
export async function answerOf(url: string, init: Asking) {
  if (!isPrivateWay(url)) return undefined
  const response = await fetch(url, { ...init, redirect: 'manual', cache: 'no-store' })
  if (response.status >= 500 || response.status === 429) {
    await response.body?.cancel()
    throw new ProviderError(`It was answered with status ${response.status}.`)
  }
  const isJson = /^application\/json\b/i.test(response.headers.get('Content-Type') ?? '')
  if (response.status !== 200 || !isJson) {
    await response.body?.cancel()
    return undefined
  }
  const bytes = await boundedBytes(response, MAX_BYTES, init.signal)
  const value = bytes && parseStrictJson(bytes)
  return isJsonObject(value) ? value : undefined
}
