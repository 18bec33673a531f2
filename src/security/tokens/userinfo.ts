/**
 * What a provider says of the bearer of one of its access tokens at its userinfo endpoint (OpenID Connect
 * Core, section 5.3), which the provider's own metadata names.
 */
import type { IdentityName } from '../../repositories/linked-identities.ts'
import { type Person, personOf } from './person.ts'
import { answerOf, metadataOf, ProviderError } from './provider-answers.ts'

/** For the metadata and the answer together. */
const TIMEOUT_MS = 3_000

/**
 * @param token which was verified to be that of the identity
 * @returns undefined if the provider has answered that it does not say
 * @throws ProviderError if it has not answered
 */
export async function askUserinfo(
  { issuer, subject }: IdentityName,
  token: string,
): Promise<Person | undefined> {
  try {
    return await asked(issuer, subject, token)
  } catch (error) {
    if (error instanceof ProviderError) throw error
    throw new ProviderError(error instanceof Error ? error.name : 'unknown', { cause: error })
  }
}

async function asked(issuer: string, subject: string, token: string) {
  const signal = AbortSignal.timeout(TIMEOUT_MS)
  const { userinfo_endpoint: endpoint } = (await metadataOf(issuer, signal)) ?? {}
  if (typeof endpoint !== 'string') return undefined
  const headers = { Authorization: `Bearer ${token}` }
  const claims = await answerOf(endpoint, { signal, headers })
  // The answer is about whom the token is about, or it is not used (section 5.3.2).
  return claims?.sub === subject ? personOf(claims) : undefined
}
