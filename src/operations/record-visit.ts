import type { Deps } from '../deps.ts'
import { siteDay } from '../calendar/site-day.ts'
import type { VisitingMember } from '../objects/visits.ts'
import { idempotencyMismatch, Problem } from '../problem.ts'
import type { Grant } from '../security/grant.ts'

export interface Visit {
  readonly member: VisitingMember
  /** The caller's Idempotency-Key and what it was sent with. */
  readonly once: { readonly key: string; readonly fingerprint: string } | undefined
}

/**
 * Records that the member is here now; counted once within 30 minutes.
 * @throws Problem `session_revoked` if the member was deleted meanwhile, `idempotency_mismatch`
 */
export async function recordVisit(
  grant: Grant<'visit:record'>,
  { member, once }: Visit,
  deps: Deps,
) {
  const exercised = grant.exercise('visit:record')
  const { now, settings, visits } = deps
  const today = siteDay(now, settings.siteTimeZone)
  const recorded = await visits.of(member).record(exercised, now, today, once)
  if ('erased' in recorded) {
    throw new Problem('session_revoked', 'This member has been deleted.', { stage: 'session' })
  }
  if ('mismatch' in recorded) {
    throw idempotencyMismatch()
  }
  return recorded
}
