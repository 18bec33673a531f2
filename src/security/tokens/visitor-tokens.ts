/** Issues the tokens that visitors are known by. */
import { VISITORS } from '../../db/issuers.ts'
import type { Database } from '../../db/client.ts'
import { newId } from '../../db/ids.ts'
import type { Settings } from '../../settings/settings.ts'
import { signToken, VISITOR_KEYS } from './signing-keys.ts'

/** A new visitor, and the token that is all there is of them. @param now milliseconds since the epoch */
export async function issueVisitorToken(
  db: Database,
  { authSecret: secret }: Settings,
  now: number,
) {
  const visitorId = newId('vis', now)
  const options = { keySet: VISITOR_KEYS, issuer: VISITORS, secret, now }
  const { token, expiresAt } = await signToken(db.$client, { sub: visitorId }, options)
  return { visitorId, token, expiresAt: new Date(expiresAt).toISOString() }
}
