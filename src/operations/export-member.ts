import type { Deps } from '../deps.ts'
import type { UserId } from '../db/ids.ts'
import { siteDay } from '../calendar/site-day.ts'
import { notFound } from '../problem.ts'
import { auditRow } from '../security/audit.ts'
import type { Authenticated } from '../security/callers/authenticate.ts'
import type { Grant } from '../security/grant.ts'
import { assertMayTake } from './may-take.ts'
import { assertSignedInJustNow } from './signed-in-just-now.ts'

/**
 * Everything that is held about a member, as the text of one JSON object; what is beyond the first page of
 * each part is read while it is sent. That it was exported is on record first.
 * @param by what whoever asks came with
 * @throws Problem `session_too_old`, `not_found`, `forbidden` for somebody with more rights. The text
 * breaks off, and is no JSON, where storage fails later
 */
export async function exportMember(
  grant: Grant<'profile:export'>,
  { userId, by }: { readonly userId: UserId; readonly by: Authenticated },
  deps: Deps,
): Promise<AsyncIterable<string>> {
  const exercised = grant.exercise('profile:export')
  const { memberExport, now, users, visits, settings } = deps
  const reach = exercised.scope.rows === 'everyone' ? 'any' : 'own'
  await assertSignedInJustNow(by, { required: 'profile:export', reach }, deps)
  const audit = auditRow(exercised, now, { action: 'profile.export', target: userId })
  const { isBegun, isThere, inTheWay } = await memberExport.begin(exercised.scope, userId, audit)
  if (!isThere) notFound('member')
  if (!isBegun) assertMayTake(inTheWay)
  // A dry run is asked for the status alone.
  if (by.type === 'dry run') return nothing()
  const profile = (await users.find('everyone', userId)) ?? notFound('member')
  const { visitShard, ...shown } = profile
  const today = siteDay(now, settings.siteTimeZone)
  const visited = await visits.of({ userId, shard: visitShard }).read(today)
  const parts = await memberExport.first(userId)
  return text()

  async function* text(): AsyncGenerator<string> {
    yield `{"exportedAt":${JSON.stringify(audit.at)},"profile":${JSON.stringify(shown)}`
    yield `,"visits":${JSON.stringify(visited)}`
    for (const [part, first] of parts) {
      yield `,${JSON.stringify(part)}:[${textOf(first.rows)}`
      let { next } = first
      while (next !== null) {
        const page = await memberExport.page(part, userId, next)
        if (page.rows.length > 0) yield `,${textOf(page.rows)}`
        next = page.next
      }
      yield ']'
    }
    yield '}'
  }
}

function textOf(rows: readonly object[]): string {
  return rows.map((row) => JSON.stringify(row)).join(',')
}

async function* nothing(): AsyncGenerator<string> {}
