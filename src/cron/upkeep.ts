/** Jobs that keep the promises about data: what was deleted is erased, what is old is folded or forgotten. */
import { firstIdAt, isId } from '../db/ids.ts'
import { KEPT_FOR_MS } from '../repositories/idempotency.ts'
import { finish } from '../events/index.ts'
import { ENDS_KEPT_MS } from '../repositories/session-ends.ts'
import { SIGNALS_KEPT_MS } from '../repositories/signals.ts'
import { dayNumber, dayText, siteDay } from '../calendar/site-day.ts'
import { VISITOR_KEYS } from '../security/tokens/signing-keys.ts'
import { failureOf, type JobContext, type JobResult } from './job.ts'

const PAGE = 500
const ERASURES = 25
/** Each has a few notices. */
const BOOKINGS = 250
const DAY_MS = 24 * 60 * 60 * 1000
/** Longer than the longest window of a rule. */
const VISIT_DAYS_KEPT = 400
const RUN_DAYS_KEPT = 90
const REFUSAL_DAYS_KEPT = 7
const COUNT_DAYS_KEPT = 90
const NOTICE_DAYS_KEPT = 30
/** Keys outlive the tokens they signed by a month, for whoever looks into an incident. */
const KEYS_KEPT_MS = VISITOR_KEYS.publishedForMs + 30 * DAY_MS

/** Erases the visits of deleted members where that did not succeed at once. */
export async function eraseMembers({ deps, cursor, affords }: JobContext): Promise<JobResult> {
  const failures: string[] = []
  let erased = 0
  let after = cursor !== null && isId('usr', cursor) ? cursor : undefined
  while (affords(ERASURES + 2)) {
    const pending = await deps.outbox.openDeletions({ after, limit: ERASURES })
    after = pending.at(-1)?.subject
    if (after === undefined) break
    const failed = await finish(pending, deps)
    for (const { event, error } of failed)
      failures.push(`shard ${event.visitShard}: ${failureOf(error)}`)
    erased += pending.length - failed.length
  }
  return { counts: { erased }, cursor: after ?? null, failures }
}

/** Folds the names of members who were there before names were folded; once that is done, nothing. */
export async function foldNames({ deps, cursor, affords }: JobContext): Promise<JobResult> {
  const { nameKeys } = deps
  let folded = 0
  let after = cursor !== null && isId('usr', cursor) ? cursor : undefined
  if (!affords(1)) return { counts: { folded }, cursor, failures: [] }
  if (await nameKeys.areFolded()) return { counts: { folded }, cursor: null, failures: [] }
  do {
    if (!affords(3)) return { counts: { folded }, cursor: after ?? null, failures: [] }
    const page = await nameKeys.fold(after, PAGE)
    folded += page.folded
    after = page.last
  } while (after !== undefined)
  await nameKeys.noteFolded()
  return { counts: { folded }, cursor: null, failures: [] }
}

/** Folds old days of visits into totals; what visits add up to does not change. */
export async function pruneVisits({ deps, cursor, affords }: JobContext): Promise<JobResult> {
  const today = siteDay(deps.now, deps.settings.siteTimeZone)
  const before = dayText(dayNumber(today) - VISIT_DAYS_KEPT)
  const failures: string[] = []
  let pruned = 0
  if (!affords(1)) return { counts: { pruned }, cursor, failures }
  const shards = await deps.site.visitShards()
  const [first = '0', member = ''] = cursor?.split(' ') ?? []
  let after = isId('usr', member) ? member : null
  for (let shard = Number(first); shard < shards; shard++, after = null) {
    let more = true
    while (more) {
      if (!affords(1)) {
        return { counts: { pruned }, cursor: [shard, after].join(' ').trim(), failures }
      }
      try {
        const page = await deps.visits.in(shard).prune(before, PAGE, after)
        pruned += page.pruned
        more = page.more
        after = page.next ?? null
      } catch (error) {
        failures.push(`shard ${shard}: ${failureOf(error)}`)
        more = false
      }
    }
  }
  return { counts: { pruned }, cursor: null, failures }
}

/** Forgets what bookings that are over say about people who have no account that it could go with. */
export async function forgetGuests({ deps, affords }: JobContext): Promise<JobResult> {
  const { settings, now } = deps
  const at = new Date(now).toISOString()
  const before = new Date(now - settings.guests.keptForDays * DAY_MS).toISOString()
  const counts = { networks: 0, contacts: 0 }
  let more = true
  while (more && affords(2)) {
    const { networks, contacts } = await deps.guestData.forget(at, before, PAGE)
    counts.networks += networks
    counts.contacts += contacts
    more = networks === PAGE || contacts === PAGE
  }
  // What is left over is found again, for it is what has not been forgotten.
  return { counts, cursor: null, failures: [] }
}

/** Deletes bookings that ended more than `BOOKINGS_KEEP_DAYS` ago; without that setting, none. */
export async function forgetBookings({ deps, cursor, affords }: JobContext): Promise<JobResult> {
  const { oldBookings, settings, now } = deps
  const { bookingsKeepDays: days } = settings
  let forgotten = 0
  let after = cursor !== null && isId('bkg', cursor) ? cursor : undefined
  if (days === undefined) return { counts: { forgotten }, cursor: null, failures: [] }
  do {
    if (!affords(4)) return { counts: { forgotten }, cursor: after ?? null, failures: [] }
    const page = await oldBookings.forget(after, now - days * DAY_MS, BOOKINGS)
    forgotten += page.forgotten
    after = page.next
  } while (after !== undefined)
  return { counts: { forgotten }, cursor: null, failures: [] }
}

/** Forgets idempotency keys, old runs, refusals, who was told what, events after EVENT_DAYS, what is over at the login, and what issuers told long ago. */
export async function pruneRecords({ deps, cursor, affords }: JobContext): Promise<JobResult> {
  const {
    idempotency,
    jobRuns,
    loginRecords,
    refusals,
    feed,
    notices,
    sessionEnds,
    signals,
    settings,
    now,
  } = deps
  const oldestKey = new Date(now - KEPT_FOR_MS).toISOString()
  const oldestSignal = new Date(now - SIGNALS_KEPT_MS).toISOString()
  // A day more than tokens are taken for, for clocks that differ.
  const oldestEnd = now - ENDS_KEPT_MS - DAY_MS
  const oldestRun = firstIdAt('run', now - RUN_DAYS_KEPT * DAY_MS)
  const oldestRefusal = new Date(now - REFUSAL_DAYS_KEPT * DAY_MS).toISOString()
  const oldestCount = new Date(now - COUNT_DAYS_KEPT * DAY_MS).toISOString().slice(0, 10)
  const oldestEvent = new Date(now - settings.eventDays * DAY_MS).toISOString()
  const oldestNotice = new Date(now - NOTICE_DAYS_KEPT * DAY_MS).toISOString()
  const chores = [
    { name: 'keys', calls: 1, prune: async () => [await idempotency.prune(oldestKey, PAGE)] },
    { name: 'runs', calls: 1, prune: async () => [await jobRuns.prune(oldestRun, PAGE)] },
    { name: 'events', calls: 2, prune: async () => [await feed.forget(oldestEvent, PAGE)] },
    { name: 'told', calls: 3, prune: () => notices.prune(oldestNotice, PAGE) },
    { name: 'login', calls: 5, prune: () => loginRecords.prune(now, KEYS_KEPT_MS, PAGE) },
    {
      name: 'refusals',
      calls: 2,
      prune: () => refusals.prune(oldestRefusal, oldestCount, PAGE),
    },
    { name: 'signals', calls: 1, prune: async () => [await signals.prune(oldestSignal, PAGE)] },
    { name: 'ends', calls: 1, prune: async () => [await sessionEnds.prune(oldestEnd, PAGE)] },
  ]
  const names = chores.map(({ name }) => [name, 0] as const)
  const counts: Record<string, number> = Object.fromEntries(names)
  const first = chores.findIndex(({ name }) => name === cursor)
  for (const { name, calls, prune } of chores.slice(Math.max(first, 0))) {
    let more = true
    while (more) {
      if (!affords(calls)) return { counts, cursor: name, failures: [] }
      const forgotten = await prune()
      counts[name] = forgotten.reduce((sum, count) => sum + count, counts[name] ?? 0)
      // Clocks differ, so a page of the feed that ends with a younger event is not its last.
      more = forgotten.some((count) => (name === 'events' ? count > 0 : count === PAGE))
    }
  }
  return { counts, cursor: null, failures: [] }
}
