/**
 * Audit rows, without which nothing is written. Who, for whom and why come from the exercised grant;
 * only the act itself is described.
 */
import type { Action } from '../db/actions.ts'
import { newId, type UserId } from '../db/ids.ts'
import {
  type AuditColumns,
  type AuditRow,
  makeAuditColumns,
  makeAuditRow,
} from '../repositories/audited.ts'
import { actorRef } from './actor.ts'
import { assertExercised, type Exercised } from './grant.ts'
import { OWN_ACTS, type OwnAct } from './own-acts.ts'

export interface Act {
  /** `resource.verb`, as in `badge.assign`. */
  readonly action: Action
  /** The id of what is acted on. */
  readonly target: string
  /** New values; of personal data only the names of the fields, for the log is never erased. */
  readonly changes?: Readonly<Record<string, unknown>>
}

/** @param now milliseconds since the epoch */
export function auditRow(exercised: Exercised, now: number, act: Act): AuditRow {
  return makeAuditRow('grant', {
    ...columnsOf(exercised, now, act),
    id: newId('aud', now),
    target: act.target,
  })
}

/** The columns that all rows of an act on many targets have in common. */
export function auditColumns(
  exercised: Exercised,
  now: number,
  act: Omit<Act, 'target'>,
): AuditColumns {
  return makeAuditColumns(columnsOf(exercised, now, act))
}

/**
 * The row of an act that a person does to themselves without a decision. It names the person as the
 * actor, or nobody where a stranger did it. @param now milliseconds since the epoch
 * @param named the fields that it changes, where that differs from time to time
 */
export function auditOwnAct(
  act: OwnAct,
  userId: UserId,
  { now, requestId }: { readonly now: number; readonly requestId: string },
  named?: { readonly fields: readonly string[] },
): AuditRow<'own act'> {
  const definition = OWN_ACTS[act]
  const { action, changes } = definition
  return makeAuditRow('own act', {
    id: newId('aud', now),
    at: new Date(now).toISOString(),
    actor: 'by' in definition ? definition.by : userId,
    accessRevision: null,
    onBehalfOf: null,
    action,
    target: userId,
    reason: act,
    requestId,
    changes: { ...changes, ...named },
  })
}

function columnsOf(
  exercised: Exercised,
  now: number,
  { action, changes = {} }: Omit<Act, 'target'>,
) {
  assertExercised(exercised)
  const { actor, requestId, elevation } = exercised
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
