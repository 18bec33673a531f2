/**
 * A member was reinstated. Badges they earned while suspended were held back, so their visits are
 * measured again; their API keys have their rights back, too.
 */
import { siteDay } from '../calendar/site-day.ts'
import type { Handlers } from './handlers.ts'
import { tellGates } from './tell-gates.ts'

export const memberReinstated: Handlers['member-reinstated'] = {
  closed: 'at once',
  async handle({ subject: userId, keyIds, visitShard }, deps) {
    await tellGates(keyIds, deps)
    const shard = visitShard ?? (await deps.users.find('everyone', userId))?.visitShard
    // A member who was deleted since has no visits.
    if (shard === undefined) return undefined
    const today = siteDay(deps.now, deps.settings.siteTimeZone)
    await deps.visits.of({ userId, shard }).recheck(today)
    return undefined
  },
}
