/** What reconciling has done, as it is stored for whoever asked for it. */
import * as z from 'zod'

/** How many ids a report names; it counts all. */
const NAMED = 100

const Named = z.object({ count: z.number(), ids: z.array(z.string()) })
const none = () => ({ count: 0, ids: [] })

export const ReconcileReport = z.object({
  sessionsEnded: z.number().default(0),
  rulesRaised: z.array(z.object({ id: z.string(), from: z.number(), to: z.number() })).default([]),
  membersDeleted: Named.default(none),
  visitsErased: Named.default(none),
  keysRevoked: Named.default(none),
  keysDisabled: Named.default(none),
  webhooksDisabled: Named.default(none),
  /** What could not be done, such as deleting the last admin. */
  failures: z.array(z.string()).default([]),
})
export type ReconcileReport = z.infer<typeof ReconcileReport>

export function name(named: z.infer<typeof Named>, ids: readonly string[]): void {
  named.count += ids.length
  named.ids.push(...ids.slice(0, Math.max(0, NAMED - named.ids.length)))
}
