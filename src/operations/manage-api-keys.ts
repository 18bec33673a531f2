import type { Deps } from '../deps.ts'
import { type KeyId, newId } from '../db/ids.ts'
import { invalidField, notFound, Problem } from '../problem.ts'
import type { ApiKeyPatch, ApiKeyRow, CurrentApiKey } from '../repositories/api-keys.ts'
import type { RightInTheWay } from '../repositories/ceiling.ts'
import { accepts, type Revisions } from '../repositories/scope.ts'
import { type Act, auditRow } from '../security/audit.ts'
import type { Grant } from '../security/grant.ts'
import type { Rights, Permission } from '../security/permissions.ts'
import type { Remember } from './foreseen.ts'
import { assertMayGive } from './may-give.ts'
import { assertMayTake } from './may-take.ts'
import { memberOf } from './member-of.ts'
import { changedRow } from './outcome.ts'

export interface NewApiKey extends Pick<
  ApiKeyRow,
  'name' | 'allowedIps' | 'rateLimit' | 'rateWindowSeconds' | 'monthlyQuota' | 'expiresAt'
> {
  readonly scopes: readonly Permission[]
}

export interface IssuedApiKey extends ApiKeyRow {
  /** The key as its holder sends it; shown this once. */
  readonly secret: string
}

interface RotatedApiKey extends CurrentApiKey, IssuedApiKey {}

/** @throws Problem `forbidden` for a scope that its creator does not have with reach any, `validation_failed` */
export async function createApiKey(
  grant: Grant<'api-key:manage'>,
  key: NewApiKey,
  remember: Remember<IssuedApiKey>,
  { apiKeys, mintApiKey, now }: Deps,
): Promise<IssuedApiKey> {
  const exercised = grant.exercise('api-key:manage')
  assertMayGive(exercised, rightsOfScopes(key.scopes))
  assertToCome(key, now)
  const id = newId('key', now)
  const { key: secret, secretHash } = await mintApiKey(id)
  const at = new Date(now).toISOString()
  const row: ApiKeyRow = {
    ...key,
    id,
    createdBy: memberOf(exercised, 'api-key:manage'),
    secretHash,
    previousSecrets: [],
    enabled: true,
    revokedAt: null,
    accessRevision: 1,
    revision: 1,
    createdAt: at,
    updatedAt: at,
    isKeyed: true,
  }
  const audit = auditRow(exercised, now, {
    action: 'api-key.create',
    target: id,
    changes: toldOf(key),
  })
  const issued = { ...row, secret }
  await apiKeys.create(row, audit, await remember?.(issued))
  return issued
}

/**
 * @throws Problem `forbidden` for a scope that is more than the caller has, and for a key that is, or whose
 * creator is; `validation_failed`, `not_found`, `invalid_state`, `precondition_failed`
 */
export async function updateApiKey(
  grant: Grant<'api-key:manage'>,
  change: { readonly keyId: KeyId; readonly patch: ApiKeyPatch; readonly revisions: Revisions },
  deps: Deps,
): Promise<CurrentApiKey> {
  const { keyId, patch, revisions } = change
  const exercised = grant.exercise('api-key:manage')
  assertMayGive(exercised, rightsOfScopes(patch.scopes ?? []))
  assertToCome(patch, deps.now)
  const audit = auditRow(exercised, deps.now, {
    action: 'api-key.update',
    target: keyId,
    changes: toldOf(patch),
  })
  const outcome = await deps.apiKeys.update(exercised.scope, keyId, patch, revisions, audit)
  return changedKey(outcome, revisions)
}

/**
 * A new secret; those so far work for at most `graceSeconds` more.
 * @throws Problem `not_found`, `forbidden` for a key that may more than the caller, or whose creator may,
 * `invalid_state`, `conflict`
 */
export async function rotateApiKey(
  grant: Grant<'api-key:manage'>,
  { keyId, graceSeconds }: { readonly keyId: KeyId; readonly graceSeconds: number },
  remember: Remember<RotatedApiKey>,
  deps: Deps,
): Promise<RotatedApiKey> {
  const exercised = grant.exercise('api-key:manage')
  const { apiKeys, mintApiKey, now } = deps
  const current = (await apiKeys.find(keyId)) ?? notFound('API key')
  const { key: secret, secretHash } = await mintApiKey(keyId)
  const audit = auditRow(exercised, now, {
    action: 'api-key.rotate',
    target: keyId,
    changes: { graceSeconds },
  })
  const issued = {
    ...current,
    secret,
    secretHash,
    previousSecrets: withGrace(current, now, graceSeconds),
    accessRevision: current.accessRevision + 1,
    revision: current.revision + 1,
    updatedAt: audit.at,
  }
  const answer = await remember?.(issued)
  const outcome = await apiKeys.rotate(exercised.scope, current, issued, audit, answer)
  const { changed, row, inTheWay } = outcome
  assertMayTake(inTheWay)
  if (row?.revokedAt) throw revoked()
  if (!changed) throw new Problem('conflict', 'This API key was changed by somebody else just now.')
  return issued
}

/**
 * Revokes a key for good: one's own, or that of somebody without more rights. Repeating it is harmless.
 * @throws Problem `not_found`, `forbidden` as `updateApiKey`, `precondition_failed`
 */
export async function revokeApiKey(
  grant: Grant<'api-key:manage'>,
  { keyId, revisions }: { readonly keyId: KeyId; readonly revisions: Revisions },
  deps: Deps,
): Promise<void> {
  const exercised = grant.exercise('api-key:manage')
  const audit = auditRow(exercised, deps.now, {
    action: 'api-key.revoke',
    target: keyId,
  })
  const outcome = await deps.apiKeys.revoke(exercised.scope, keyId, revisions, audit)
  if (outcome.row) assertMayTake(outcome.inTheWay)
  if (!outcome.row?.revokedAt) changedRow(outcome, 'API key')
}

/** A key that ends before it begins is a slip; to end one, it is disabled or revoked. */
function assertToCome({ expiresAt }: Pick<ApiKeyPatch, 'expiresAt'>, now: number): void {
  if (expiresAt && Date.parse(expiresAt) <= now)
    throw invalidField('expiresAt', 'expected a time that is still to come')
}

/** A revoked key is on record and nothing else. */
function changedKey(
  outcome: {
    changed: boolean
    row: CurrentApiKey | undefined
    inTheWay: RightInTheWay | undefined
  },
  revisions: Revisions,
): CurrentApiKey {
  const { changed, row } = outcome
  if (!row) return notFound('API key')
  assertMayTake(outcome.inTheWay)
  if (!changed && row.revokedAt !== null && accepts(revisions, row.revision)) throw revoked()
  return changedRow(outcome, 'API key')
}

function revoked(): Problem {
  return new Problem('invalid_state', 'This API key has been revoked.')
}

const MAX_PREVIOUS = 10

/** A new grace never lengthens an earlier one, and none at all ends them. */
function withGrace(key: ApiKeyRow, now: number, graceSeconds: number) {
  if (graceSeconds === 0) return []
  const until = new Date(now + graceSeconds * 1000).toISOString()
  const earlier = key.previousSecrets
    .filter((each) => Date.parse(each.until) > now)
    .map((each) => ({ ...each, until: each.until < until ? each.until : until }))
  return [{ hash: key.secretHash, until }, ...earlier].slice(0, MAX_PREVIOUS)
}

const UNTOLD = ['name', 'allowedIps'] as const

/**
 * What the audit log, which is never erased, is told of a key. Its name and the addresses it may be
 * used from can say who uses it, so of those only that they were given.
 */
function toldOf(key: ApiKeyPatch): NonNullable<Act['changes']> {
  const untold = UNTOLD.filter((field) => (key[field] ?? null) !== null)
  const told = Object.entries(key).filter(([field]) => !untold.some((each) => each === field))
  return { ...Object.fromEntries(told), ...(untold.length > 0 && { fields: untold }) }
}

function rightsOfScopes(scopes: readonly string[]): Rights {
  return Object.fromEntries(scopes.map((scope) => [scope, 'any']))
}
