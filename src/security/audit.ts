/** Audit rows. Who, for whom and why come from the exercised grant; only the act itself is described. */
import { newId } from '../db/ids.ts'
import type { AuditRow } from '../repositories/audited.ts'
import { actorRef } from './actor.ts'
import type { Exercised } from './grant.ts'

export interface Act {
  /** `resource.verb`, as in `badge.assign`. */
  readonly action: string
  /** The id of what is acted on. */
  readonly target: string
  /** New values; of personal data only the names of the fields, for the log is never erased. */
  readonly changes?: Readonly<Record<string, unknown>>
}

/** @param now milliseconds since the epoch */
export function auditRow(exercised: Exercised, now: number, act: Act): AuditRow {
  return { ...auditColumns(exercised, now, act), id: newId('aud', now), target: act.target }
}

/** For acts on many targets at once: all columns but those that differ. */
export function auditColumns(
  { actor, requestId, elevation }: Exercised,
  now: number,
  { action, changes = {} }: Omit<Act, 'target'>,
): Omit<AuditRow, 'id' | 'target'> {
  return {
    at: new Date(now).toISOString(),
    actor: actorRef(actor),
    accessRevision: 'accessRevision' in actor ? actor.accessRevision : null,
    onBehalfOf: elevation?.onBehalfOf ?? null,
    action,
    reason: elevation?.reason ?? null,
    requestId: requestId ?? null,
    changes,
  }
}
