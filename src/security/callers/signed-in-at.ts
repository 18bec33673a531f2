/** When somebody has signed in, for what takes more than an open session. */
import type { SessionName } from '../../repositories/identities.ts'
import type { Authenticated } from './authenticate.ts'

/**
 * Of a provider's token, what it says of that itself: it may be renewed long after. A dry run is for somebody
 * who has signed in just now.
 * @returns milliseconds since the epoch; undefined if nobody knows
 */
export async function signedInAt(
  by: Authenticated,
  begunAt: (session: SessionName) => Promise<number | undefined>,
  now: number,
): Promise<number | undefined> {
  if (by.type === 'dry run') return now
  if (by.type === 'session') return begunAt({ token: by.token })
  if (by.type !== 'jwt') return undefined
  const { sessionId, signedInAt: said } = by.token
  return sessionId === undefined ? said : begunAt({ id: sessionId })
}
