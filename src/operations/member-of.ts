import type { UserId } from '../db/ids.ts'
import { Problem } from '../problem.ts'
import type { Exercised } from '../security/grant.ts'

/** The member who acts. @throws Problem `members_only` for anybody else */
export function memberOf({ actor }: Exercised): UserId {
  if (actor.kind === 'member') return actor.userId
  throw new Problem('members_only', 'Only members do this.', { stage: 'session' })
}
