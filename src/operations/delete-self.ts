import type { Deps } from '../deps.ts'
import { Problem } from '../problem.ts'
import type { Revisions } from '../repositories/scope.ts'
import type { Authenticated } from '../security/callers/authenticate.ts'
import type { Grant } from '../security/grant.ts'
import { deleteAs } from './delete-user.ts'
import { memberOf } from './member-of.ts'
import { assertSignedInJustNow } from './signed-in-just-now.ts'

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
  grant: Grant<'account:delete'>,
  { by, revisions }: Leaving,
  deps: Deps,
): Promise<void> {
  const exercised = grant.exercise('account:delete')
  const userId = memberOf(exercised, 'account:delete')
  if (!deps.settings.allowsSelfDeletion) {
    throw new Problem(
      'invalid_state',
      'On this site members do not delete themselves: ask an admin.',
    )
  }
  await assertSignedInJustNow(by, { required: 'account:delete', reach: 'own' }, deps)
  await deleteAs(exercised, { userId, revisions }, deps)
}
