/** A member was deleted. What that leaves in objects is erased: their visits, and what gates remember. */
import type { Handlers } from './handlers.ts'
import { tellGates } from './tell-gates.ts'

export const memberDeleted: Handlers['member-deleted'] = {
  closed: 'at once',
  async handle({ subject: userId, visitShard, keyIds }, deps) {
    await tellGates(keyIds, deps)
    await deps.visits.of({ userId, shard: visitShard }).erase()
    return undefined
  },
}
