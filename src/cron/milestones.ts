/** Tells the feed what the visit objects have noted; each forgets it only after it is in the feed. */
import { failureOf, type JobContext, type JobResult } from './job.ts'

const PAGE = 500
/** A page is read from an object, stored, and settled. */
const CALLS_PER_PAGE = 3

export async function reportMilestones({ deps, cursor, affords }: JobContext): Promise<JobResult> {
  const counts = { reported: 0 }
  const failures: string[] = []
  if (!affords(1)) return { counts, cursor, failures }
  const shards = await deps.site.visitShards()
  for (let shard = Number(cursor ?? 0); shard < shards; shard++) {
    let more = true
    while (more) {
      if (!affords(CALLS_PER_PAGE)) return { counts, cursor: String(shard), failures }
      try {
        const { found, upTo } = await deps.visits.in(shard).milestones(PAGE)
        if (found.length > 0) {
          await deps.feed.report(found)
          await deps.visits.in(shard).reported(upTo)
        }
        counts.reported += found.length
        more = found.length === PAGE
      } catch (error) {
        failures.push(`shard ${shard}: ${failureOf(error)}`)
        more = false
      }
    }
  }
  return { counts, cursor: null, failures }
}
