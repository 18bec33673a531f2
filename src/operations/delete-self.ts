import type { Deps } from '../deps.ts'
import { Problem } from '../problem.ts'
import type { Revisions } from '../repositories/scope.ts'
import type { Authenticated } from '../security/callers/authenticate.ts'
import type { Grant } from '../security/grant.ts'
import { deleteUser } from './delete-user.ts'
import { memberOf } from './member-of.ts'

/** How long ago somebody may have signed in. */
const FRESH_MS = 10 * 60_000
/** Clocks of providers differ. */
const TOLERANCE_MS = 30_000

interface Leaving {
  /** What they came with, which says when they have signed in. */
  readonly by: Authenticated
  readonly revisions: Revisions
}

/**
 * Deletes the member who asks, as an admin would. An open browser or a stolen token is not enough: they
 * have to have signed in only just now.
 * @throws Problem `invalid_state` where the site does not allow it, `session_too_old`, `last_admin`,
 * `precondition_failed`
 */
export async function deleteSelf(
  grant: Grant<'profile:delete'>,
  { by, revisions }: Leaving,
  deps: Deps,
): Promise<void> {
  const userId = memberOf(grant.exercise('profile:delete'), 'profile:delete')
  if (!deps.settings.allowsSelfDeletion) {
    throw new Problem(
      'invalid_state',
      'On this site members do not delete themselves: ask an admin.',
    )
  }
  const signedInAt = await timeOfSignIn(by, deps)
  const age = deps.now - (signedInAt ?? 0)
  if (age >= FRESH_MS || age < -TOLERANCE_MS) {
    const detail = 'You have to have signed in within the last ten minutes.'
    const missing = { required: 'profile:delete', reach: 'own' } as const
    throw new Problem('session_too_old', detail, { stage: 'session', ...missing })
  }
  await deleteUser(grant, { userId, revisions }, deps)
}

/** Of a provider's token, what it says of that itself: it may be renewed long after. */
async function timeOfSignIn(by: Authenticated, { sessionAge }: Deps): Promise<number | undefined> {
  if (by.type === 'session') return sessionAge.begunAt({ token: by.token })
  if (by.type !== 'jwt') return undefined
  const { sessionId, signedInAt } = by.token
  return sessionId === undefined ? signedInAt : sessionAge.begunAt({ id: sessionId })
}
