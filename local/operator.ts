/**
 * Asks the site for what only its operator may, by a row in its database, and waits for the tick that
 * carries it out.
 */
import * as z from 'zod'
import { type Access, text } from './database.ts'
import { Refusal } from './refusal.ts'

const Asked = z.object({ status: z.string(), report: z.string() })

/** An hour of a deployed site. */
const LOOKS = 240

/** @returns what was done, and whether all of it. @throws Refusal if it is not done within an hour */
export async function ask(
  { query, tick }: Access,
  kind: 'reconcile' | 'put-back',
  isDryRun: boolean,
  given: Readonly<Record<string, number>> = {},
) {
  const at = new Date().toISOString()
  const id = `req_${at}_${crypto.randomUUID().slice(0, 8)}`
  await query(
    `insert into operator_requests (id, kind, is_dry_run, requested_at, status, progress, report)
      values (${text(id)}, ${text(kind)}, ${Number(isDryRun)}, ${text(at)}, 'requested', ${text(JSON.stringify(given))}, '{}')`,
  )
  console.error('Waiting for the tick that carries it out.')
  for (let looks = 0; looks < LOOKS; looks++) {
    await tick()
    const sql = `select status, report from operator_requests where id = ${text(id)}`
    const { status, report } = Asked.parse((await query(sql))[0])
    if (status === 'running') console.error(`It goes on: ${report}`)
    else if (status !== 'requested') {
      const told: unknown = JSON.parse(report)
      return { succeeded: status === 'succeeded', report: told }
    }
  }
  throw new Refusal('it is not finished after an hour, and stays asked for; the log says why')
}
