/** Issues the tokens that visitors are known by. */
import { VISITORS } from '../../db/issuers.ts'
import type { Database } from '../../db/client.ts'
import { newId, type VisitorId } from '../../db/ids.ts'
import type { Settings } from '../../settings/settings.ts'
import { signToken, VISITOR_KEYS } from './signing-keys.ts'

/** A visitor who asks for a new token, and until when (milliseconds) it has to be good at least. */
export interface Returning {
  readonly visitorId: VisitorId
  readonly until: number
}

/**
 * A visitor, a new one unless somebody returns, and the token that is all there is of them.
 * @param now milliseconds since the epoch
 */
export async function issueVisitorToken(
  db: Database,
  { authSecret: secret }: Settings,
  now: number,
  returning?: Returning,
) {
  const visitorId = returning?.visitorId ?? newId('vis', now)
  const until = returning?.until
  const options = { keySet: VISITOR_KEYS, issuer: VISITORS, secret, now, until }
  const { token, expiresAt } = await signToken(db.$client, { sub: visitorId }, options)
  return { visitorId, token, expiresAt: new Date(expiresAt).toISOString() }
}
