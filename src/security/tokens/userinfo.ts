/**
 * What a provider says of the bearer of one of its access tokens at its userinfo endpoint (OpenID Connect
 * Core, section 5.3), which the provider's own metadata names.
 */
import { isPrivateWay } from '../../settings/trusted-issuers.ts'
import type { IdentityName } from '../../repositories/linked-identities.ts'
import { boundedBytes } from './bounded-body.ts'
import { type Person, personOf } from './person.ts'
import { isJsonObject, parseStrictJson } from './strict-json.ts'

/** For the metadata and the answer together. */
const TIMEOUT_MS = 3_000
const MAX_BYTES = 64 * 1024

/** Its message is safe to log: it quotes nothing of the answer. */
export class UserinfoError extends Error {
  override readonly name = 'UserinfoError'
}

/**
 * @param token which was verified to be that of the identity
 * @returns undefined if the provider has answered that it does not say
 * @throws UserinfoError if it has not answered
 */
export async function askUserinfo(
  { issuer, subject }: IdentityName,
  token: string,
): Promise<Person | undefined> {
  try {
    return await asked(issuer, subject, token)
  } catch (error) {
    if (error instanceof UserinfoError) throw error
    throw new UserinfoError(error instanceof Error ? error.name : 'unknown', { cause: error })
  }
}

async function asked(issuer: string, subject: string, token: string) {
  const signal = AbortSignal.timeout(TIMEOUT_MS)
  const metadata = await answerOf(metadataUrl(issuer), { signal })
  const endpoint = metadata?.userinfo_endpoint
  if (metadata?.issuer !== issuer || typeof endpoint !== 'string') return undefined
  const headers = { Authorization: `Bearer ${token}` }
  const claims = await answerOf(endpoint, { signal, headers })
  // The answer is about whom the token is about, or it is not used (section 5.3.2).
  return claims?.sub === subject ? personOf(claims) : undefined
}

/** OpenID Connect Discovery, section 4. */
function metadataUrl(issuer: string): string {
  return `${issuer.replace(/\/$/, '')}/.well-known/openid-configuration`
}

/** Undefined for a refusal, and for what is no object of claims, as a signed answer is. */
async function answerOf(url: string, init: RequestInit & { readonly signal: AbortSignal }) {
  if (!isPrivateWay(url)) return undefined
  const response = await fetch(url, { ...init, redirect: 'manual', cache: 'no-store' })
  if (response.status >= 500 || response.status === 429) {
    await response.body?.cancel()
    throw new UserinfoError(`It was answered with status ${response.status}.`)
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
