/**
 * Asks the site for what only its operator may, by a row in its database, and waits for the tick that
 * carries it out.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import * as z from 'zod'
import { type Asking, text } from './database.ts'
import { Refusal } from './refusal.ts'

const Found = z.object({
  status: z.string(),
  report: z.string(),
  claimed_until: z.string().nullable(),
})

/** What was done, and whether all of it. */
export interface Asked {
  readonly succeeded: boolean
  readonly report: unknown
}

/** How long a command waits. What it has asked for stays asked for. */
const MOST_MINUTES = 60
/** Between looks at what has not changed. */
const PAUSE_MS = 1_000

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

interface Waiting {
  /** Milliseconds since the epoch. */
  readonly now: () => number
  readonly pause: () => Promise<unknown>
  readonly say: (what: string) => void
}

const BY_THE_CLOCK: Waiting = {
  now: Date.now,
  pause: async () => sleep(PAUSE_MS),
  say: (what) => console.error(what),
}

/** Waits for what is asked for already. @throws Refusal if it is not done within an hour */
export async function settle(
  { query, tick }: Asking,
  id: string,
  { now, pause, say }: Waiting = BY_THE_CLOCK,
): Promise<Asked> {
  say('Waiting for the tick that carries it out.')
  const until = now() + MOST_MINUTES * 60_000
  let last = ''
  for (;;) {
    await tick()
    const sql = `select status, report, claimed_until from operator_requests where id = ${text(id)}`
    const found = Found.parse((await query(sql))[0])
    const { status, report } = found
    if (status !== 'requested' && status !== 'running') {
      const told: unknown = JSON.parse(report)
      return { succeeded: status === 'succeeded', report: told }
    }
    const stands = standing(found)
    if (stands !== last) say(stands)
    else await pause()
    last = stands
    if (now() >= until)
      throw new Refusal(
        `it is not finished after ${MOST_MINUTES} minutes. ${stands} It stays asked for, and the ticks of the site go on with it`,
      )
  }
}

/** What is so of it, in a sentence. */
function standing({ status, report, claimed_until: until }: z.infer<typeof Found>): string {
  if (status === 'requested')
    return 'No tick has begun with it: what was asked for before it comes first.'
  const so = report === '{}' ? '' : ` So far: ${report}`
  if (until === null) return `It goes on with the next tick.${so}`
  return `A tick is at it. Should that one be gone, the next one takes over at ${until}.${so}`
}
