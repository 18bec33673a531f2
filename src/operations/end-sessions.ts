import type { Deps } from '../deps.ts'
import type { UserId } from '../db/ids.ts'
import { notFound } from '../problem.ts'
import { auditRow } from '../security/audit.ts'
import type { Grant } from '../security/grant.ts'
import { assertMayTake } from './may-take.ts'

interface Ended {
  readonly userId: UserId
  /** Undefined for all of them. */
  readonly sessionId?: string
}

/**
 * Ends a session of a member, or all of them: cookies and tokens of it are refused from then on.
 * @throws Problem `not_found`, `forbidden` for somebody with more rights
 */
export async function endSessions(
  grant: Grant<'session:end'>,
  { userId, sessionId }: Ended,
  { sessions, now }: Deps,
): Promise<void> {
  const exercised = grant.exercise('session:end')
  const audit = auditRow(exercised, now, {
    action: 'session.end',
    target: userId,
    changes: sessionId === undefined ? { all: true } : { sessionId },
  })
  const { scope } = exercised
  const { ended, isKnown, inTheWay } = await sessions.end(scope, userId, sessionId, audit)
  if (!isKnown) notFound('member')
  assertMayTake(inTheWay)
  if (!ended && sessionId !== undefined) notFound('session')
}
