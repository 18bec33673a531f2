import type { Deps } from '../deps.ts'
import { Problem } from '../problem.ts'
import type { Authenticated } from '../security/callers/authenticate.ts'
import type { Permission, Reach } from '../security/permissions.ts'

/** How long ago somebody may have signed in. */
const FRESH_MS = 10 * 60_000
/** Clocks of providers differ. */
const TOLERANCE_MS = 30_000

/**
 * An open browser or a stolen token is not enough for what cannot be undone, or shows everything.
 * @param by what they came with, which says when they have signed in
 * @throws Problem `session_too_old`
 */
export async function assertSignedInJustNow(
  by: Authenticated,
  missing: { readonly required: Permission; readonly reach: Reach },
  { now, signedInAt }: Pick<Deps, 'now' | 'signedInAt'>,
): Promise<void> {
  const age = now - ((await signedInAt(by)) ?? 0)
  if (age < FRESH_MS && age >= -TOLERANCE_MS) return
  const detail = 'This takes a sign-in within the last ten minutes.'
  throw new Problem('session_too_old', detail, { stage: 'session', ...missing })
}
