/** What a request carries to say who it is from: at most one credential, read from two headers only. */
import { Problem } from '../../problem.ts'

export type Credential =
  | { readonly type: 'none' }
  | { readonly type: 'jwt'; readonly token: string }
  | { readonly type: 'api-key'; readonly key: string }

const API_KEY_PREFIX = 'guild_'

/** The longest JWT that is looked into, in characters. */
export const MAX_TOKEN_LENGTH = 8 * 1024

/**
 * Reads `Authorization: Bearer …` (RFC 6750, section 2.1) or `X-API-Key`.
 * @throws Problem `ambiguous_credentials` for more than one; `invalid_token` for another scheme
 */
export function readCredential(headers: Headers): Credential {
  const authorization = headers.get('Authorization')
  const apiKey = headers.get('X-API-Key')
  // Repeated headers arrive joined by commas, which no credential contains.
  if (
    (authorization !== null && apiKey !== null) ||
    authorization?.includes(',') ||
    apiKey?.includes(',')
  ) {
    throw new Problem('ambiguous_credentials', 'The request carries more than one credential.')
  }
  if (apiKey !== null) return { type: 'api-key', key: apiKey }
  if (authorization === null) return { type: 'none' }
  const [, bearer] = /^bearer +(\S+)$/i.exec(authorization) ?? []
  if (bearer === undefined) {
    throw new Problem('invalid_token', 'The Authorization header is not "Bearer" and one token.', {
      stage: 'credential',
    })
  }
  return bearer.startsWith(API_KEY_PREFIX)
    ? { type: 'api-key', key: bearer }
    : { type: 'jwt', token: bearer }
}
