/** Mail about bookings that was not sent after the answer of the request that changed them. */
import { tellPeople, TOLD_WITHIN_MS } from '../events/tell-people.ts'
import { failureOf, type JobContext, type JobResult } from './job.ts'

const PAGE = 50
/** To take a notice, at most, with what is counted and linked, and to note what came of it. */
const CALLS_PER_NOTICE = 8
const GIVEN_UP = 500

/** What is left over is due at the next tick, too, so there is no place to go on from. */
export async function tellWaiting({ deps, affords }: JobContext): Promise<JobResult> {
  const failures: string[] = []
  let sent = 0
  const result = (): JobResult => ({ counts: { sent }, cursor: null, failures })
  if (!affords(1)) return result()
  await deps.notices.giveUp(new Date(deps.now - TOLD_WITHIN_MS).toISOString(), GIVEN_UP)
  if (!deps.mailer?.tellsBookers) return result()
  let isMore = true
  while (isMore && affords(1)) {
    const page = await deps.notices.due(PAGE)
    for (const notice of page) {
      if (!affords(CALLS_PER_NOTICE)) return result()
      try {
        sent += await tellPeople([notice], deps)
      } catch (error) {
        failures.push(`${notice.id}: ${failureOf(error)}`)
      }
    }
    // One that has failed is due still, and would be found again at once.
    isMore = page.length === PAGE && failures.length === 0
  }
  return result()
}
