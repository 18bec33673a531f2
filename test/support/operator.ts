/** What the operator asks for, by a row that only somebody with write access to the database can make. */
import { env } from 'cloudflare:workers'
import { rowsOf } from './population.ts'

/** The next tick carries it out. @returns what has become of it so far */
export async function ask(kind = 'reconcile', isDryRun = false, given: object = {}) {
  const id = `req_${crypto.randomUUID()}`
  await env.DB.prepare(
    `insert into operator_requests (id, kind, is_dry_run, requested_at, status, progress, report)
      values (?, ?, ?, '2026-11-30T12:00:00.000Z', 'requested', ?, '{}')`,
  )
    .bind(id, kind, Number(isDryRun), JSON.stringify(given))
    .run()
  return async () => {
    const [row] = await rowsOf<{ status: string; report: string }>(
      'select status, report from operator_requests where id = ?',
      id,
    )
    return { status: row?.status, ...JSON.parse(row?.report ?? '{}') }
  }
}
