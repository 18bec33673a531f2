/** Keys of the site's own tokens, with the private half in the hands of the test. */
import { VISITOR_KEYS } from '../../src/security/tokens/signing-keys.ts'
import { VISITORS } from '../../src/db/issuers.ts'
import { newId } from '../../src/db/ids.ts'
import { rowsOf } from './population.ts'
import { makeIssuer, type TestIssuer } from './tokens.ts'

/** An issuer that signs as the site does for visitors, once its key is planted. */
export function visitorIssuer(): Promise<TestIssuer> {
  const now = Date.now()
  const [kid, subject] = [crypto.randomUUID(), newId('vis', now)]
  return makeIssuer({ issuer: VISITORS, audience: VISITOR_KEYS.audience, kid, subject })
}

/** Publishes the issuer's key among the site's own, for tokens of a kind. */
export async function plantKey({ jwks, kid }: TestIssuer, use: 'member' | 'visitor') {
  const { kty, crv, x, y } = jwks.keys[0] ?? {}
  await rowsOf(
    `insert into token_keys values (?, ?, 'nobody', ?, 'none', 0, ?, 0)`,
    kid,
    use,
    JSON.stringify({ kty, crv, x, y }),
    Date.now() + 86_400_000,
  )
}
