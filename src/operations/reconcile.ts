/** What reconciling the stores changes in the database; see `cron/reconcile.ts`. */
import type { KeyId, RuleId } from '../db/ids.ts'
import type { ReconcilingRepository } from '../repositories/reconciling.ts'
import { auditRow } from '../security/audit.ts'
import type { Grant } from '../security/grant.ts'

interface ReconcilingDeps {
  readonly reconciling: ReconcilingRepository
  /** Milliseconds since the epoch. */
  readonly now: number
}

/** From here on each object is of another generation until it is told, and everybody signs in again. */
export async function beginGeneration(
  grant: Grant<'job:run'>,
  { requestId, generation }: { readonly requestId: string; readonly generation: string },
  { reconciling, now }: ReconcilingDeps,
): Promise<void> {
  const exercised = grant.exercise('job:run', { requestId })
  const audit = auditRow(exercised, now, { action: 'stores.reconcile', target: requestId })
  await reconciling.begin(generation, audit)
}

/** Has every member measured again by the rule as it is here. */
export async function raiseRule(
  grant: Grant<'badge-rule:manage'>,
  { ruleId, revision }: { readonly ruleId: RuleId; readonly revision: number },
  { reconciling, now }: ReconcilingDeps,
): Promise<void> {
  const exercised = grant.exercise('badge-rule:manage', { ruleId })
  const act = { action: 'badge-rule.update', target: ruleId, changes: { revision } } as const
  await reconciling.raiseRule(ruleId, revision, auditRow(exercised, now, act))
}

/** Revokes a key that its gate knows to be revoked, and disables one that was changed since. */
export async function holdKey(
  grant: Grant<'api-key:manage'>,
  key: {
    readonly keyId: KeyId
    readonly told: { readonly accessRevision: number; readonly isOver: boolean }
  },
  { reconciling, now }: ReconcilingDeps,
): Promise<void> {
  const { keyId, told } = key
  const exercised = grant.exercise('api-key:manage', { keyId })
  const audit = auditRow(exercised, now, {
    action: told.isOver ? 'api-key.revoke' : 'api-key.update',
    target: keyId,
    changes: { enabled: false },
  })
  await reconciling.holdKey(keyId, told, audit)
}
