/**
 * Asks the site for what only its operator may, by a row in its database, and waits for the tick that
 * carries it out.
 */
import * as z from 'zod'
import { type Asking, text } from './database.ts'
import { Refusal } from './refusal.ts'

const Found = z.object({ status: z.string(), report: z.string() })

/** What was done, and whether all of it. */
export interface Asked {
  readonly succeeded: boolean
  readonly report: unknown
}

/** An hour of a deployed site. */
const LOOKS = 240

/** @throws Refusal if it is not done within an hour */
export async function ask(
  access: Asking,
  kind: 'reconcile' | 'put-back' | 'backup' | 'restore',
  isDryRun: boolean,
  given: Readonly<Record<string, string | number>> = {},
): Promise<Asked> {
  const at = new Date().toISOString()
  const id = `req_${at}_${crypto.randomUUID().slice(0, 8)}`
  await access.query(
    `insert into operator_requests (id, kind, is_dry_run, requested_at, status, progress, report)
      values (${text(id)}, ${text(kind)}, ${Number(isDryRun)}, ${text(at)}, 'requested', ${text(JSON.stringify(given))}, '{}')`,
  )
  return settle(access, id)
}

/** Waits for what is asked for already. @throws Refusal if it is not done within an hour */
export async function settle({ query, tick }: Asking, id: string): Promise<Asked> {
  console.error('Waiting for the tick that carries it out.')
  for (let looks = 0; looks < LOOKS; looks++) {
    await tick()
    const sql = `select status, report from operator_requests where id = ${text(id)}`
    const { status, report } = Found.parse((await query(sql))[0])
    if (status === 'running') console.error(`It goes on: ${report}`)
    else if (status !== 'requested') {
      const told: unknown = JSON.parse(report)
      return { succeeded: status === 'succeeded', report: told }
    }
  }
  throw new Refusal('it is not finished after an hour, and stays asked for; the log says why')
}
