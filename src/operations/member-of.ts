import type { UserId } from '../db/ids.ts'
import { Problem } from '../problem.ts'
import type { Exercised } from '../security/grant.ts'
import type { Permission } from '../security/permissions.ts'

/** The member who acts, with what only members may. @throws Problem `members_only` for anybody else */
export function memberOf({ actor }: Exercised, required: Permission): UserId {
  if (actor.kind === 'member') return actor.userId
  const refusal = { stage: 'session', required, reach: 'own' } as const
  throw new Problem('members_only', 'Only members do this.', refusal)
}
