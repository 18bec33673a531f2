import type { Deps } from '../deps.ts'
import type { UserId } from '../db/ids.ts'
import { notFound, Problem } from '../problem.ts'
import type { StoredAnswer } from '../repositories/audited.ts'
import type { ForeseenMember } from '../repositories/members.ts'
import type { UserRow } from '../repositories/users.ts'
import { auditRow } from '../security/audit.ts'
import type { Grant } from '../security/grant.ts'

type Remember = (row: UserRow) => Promise<StoredAnswer | undefined>

interface Change {
  readonly userId: UserId
  readonly remember: Remember | undefined
}

/**
 * Suspends a member; from then on their credentials open nothing but open routes.
 * @throws Problem `not_found`, `last_admin`
 */
export async function suspend(grant: Grant<'user:suspend'>, change: Change, deps: Deps) {
  return setStatus(grant, change, 'suspended', deps)
}

/** Reinstates a member. @throws Problem `not_found` */
export async function reinstate(grant: Grant<'user:suspend'>, change: Change, deps: Deps) {
  return setStatus(grant, change, 'active', deps)
}

async function setStatus(
  grant: Grant<'user:suspend'>,
  change: Change,
  status: 'active' | 'suspended',
  deps: Deps,
): Promise<UserRow> {
  const { userId, remember } = change
  const { members, now } = deps
  const audit = auditRow(grant.exercise('user:suspend'), now, {
    action: status === 'suspended' ? 'user.suspend' : 'user.reinstate',
    target: userId,
  })
  const foreseen = remember && (await foresee(userId, status, remember, deps))
  const row = (await members.setStatus(userId, status, audit, foreseen)) ?? notFound('member')
  // The member was changed since they were read, so another answer has to be foreseen.
  if (foreseen && row.revision !== foreseen.from && !isAs(foreseen.to, row))
    return setStatus(grant, change, status, deps)
  if (row.status !== status) throw lastAdmin()
  return foreseen?.to ?? row
}

async function foresee(
  userId: UserId,
  status: UserRow['status'],
  remember: Remember,
  { users, now }: Deps,
): Promise<ForeseenMember> {
  const row = (await users.find('everyone', userId)) ?? notFound('member')
  const { revision } = row
  const updatedAt = new Date(now).toISOString()
  const to = row.status === status ? row : { ...row, status, revision: revision + 1, updatedAt }
  return { from: revision, to, answer: await remember(to) }
}

function isAs({ revision, updatedAt }: UserRow, row: UserRow): boolean {
  return row.revision === revision && row.updatedAt === updatedAt
}

export function lastAdmin(): Problem {
  return new Problem('last_admin', 'This is the only active admin of the site.')
}
