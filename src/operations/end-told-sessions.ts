import type { EventId } from '../db/ids.ts'
import { newId } from '../db/ids.ts'
import type { SystemDeps } from '../deps.ts'
import type { SessionEnd } from '../repositories/session-ends.ts'
import { auditColumns } from '../security/audit.ts'
import { identityHashOf } from '../security/callers/identity-hash.ts'
import type { Grant } from '../security/grant.ts'

interface Told {
  readonly signalId: string
  readonly eventId: EventId
  /** What the issuer has told, as in `logout`. */
  readonly kind: string
}

/**
 * Ends what was issued to an identity until then, because its issuer says so, and closes the event in the
 * same transaction. Once it is closed nothing is done.
 */
export async function endToldSessions(
  grant: Grant<'session:end'>,
  end: Omit<SessionEnd, 'identityHash'>,
  { signalId, eventId, kind }: Told,
  { sessionEnds, now }: Pick<SystemDeps, 'sessionEnds' | 'now'>,
): Promise<void> {
  const { issuer, subject, issuedUntil } = end
  const exercised = grant.exercise('session:end', { issuer, subject })
  const audit = auditColumns(exercised, now, {
    action: 'session.end',
    changes: { signal: kind, issuedUntil: new Date(issuedUntil).toISOString() },
  })
  const { identityHash } = await identityHashOf(issuer, subject)
  await sessionEnds.end({ ...end, identityHash }, { signalId, eventId }, audit, newId('aud', now))
}
