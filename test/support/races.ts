/** A loss of rights, and the requests that race it. */
import { env } from 'cloudflare:workers'

interface Races {
  readonly rounds: number
  readonly requests: number
  /** `d1` is D1 as it is, `object` its engine without the way there, for millions of calls. */
  readonly storage: 'd1' | 'object'
  /**
   * Milliseconds by which a call is late at most, or eight times that if it is an audited write.
   */
  readonly delayMs: number
}

export const RACES: Races =
  env.FULL === '1'
    ? { rounds: 1000, requests: 200, storage: 'object', delayMs: 2 }
    : { rounds: 4, requests: 30, storage: 'd1', delayMs: 12 }

/** Requests that are under way at once. */
const AT_ONCE = 8

export interface Contest {
  /** The requests, taken in turn. @returns the status */
  readonly acts: readonly (() => Promise<number>)[]
  /** Resolves when the loss is acknowledged. @returns whether it was */
  readonly lose: () => Promise<boolean>
  /** The status of each request that comes too late. */
  readonly refusal: number
}

export interface Tally {
  /** Requests that were sent before the acknowledgement and done. */
  done: number
  /** Requests that were sent before the acknowledgement and refused. */
  overtaken: number
  /** Requests that were sent after the acknowledgement and refused. */
  late: number
  /** Everything that must not happen. */
  readonly wrong: object[]
}

/**
 * Runs one round. The loss begins at a point that moves with `round`, in the first half of
 * requests.
 */
export async function race(contest: Contest, round: number, tally: Tally): Promise<void> {
  const { acts, lose, refusal } = contest
  const begin = Math.floor(((round * 0.618) % 1) * (RACES.requests / 2))
  let [sent, acknowledged] = [0, false]
  let losing: Promise<void> | undefined
  const start = async (): Promise<void> => {
    const isLost = await lose()
    acknowledged = true
    if (!isLost) tally.wrong.push({ round, loss: 'refused' })
  }
  const lane = async () => {
    while (sent < RACES.requests) {
      const number = sent++
      if (number === begin) losing = start()
      await send(number, acknowledged)
    }
  }
  const send = async (number: number, isLate: boolean) => {
    const status = await acts[number % acts.length]?.()
    if (status === refusal) tally[isLate ? 'late' : 'overtaken'] += 1
    else if (status === 200 && !isLate) tally.done += 1
    else tally.wrong.push({ round, number, isLate, status })
  }
  await Promise.all(Array.from({ length: AT_ONCE }, lane))
  await losing
  // A slow loss may end after all requests, so each act is sent once more after it.
  await Promise.all(acts.map((_, number) => send(number, true)))
}

/** Events in the database by which any right is taken away. */
const LOSSES = [
  'delete on user_roles',
  'delete on roles',
  'update of permissions on roles',
  'update of status on users',
  'delete on users',
  'delete on identities',
  'delete on auth_sessions',
  'insert on session_ends',
]

/** Has the database note in which order losses of rights and audited profile changes commit. */
export async function noteCommits(db: D1Database): Promise<void> {
  const statements = [
    'create table commits (position integer primary key, what text, who text) strict',
    ...LOSSES.map(
      (event, index) => `create trigger loss_${index} after ${event}
      begin insert into commits (what) values ('loss'); end`,
    ),
    `create trigger write_committed after insert on audit_log when new.action = 'profile.update'
      begin insert into commits (what, who) values ('write', new.actor); end`,
  ]
  await db.batch(statements.map((statement) => db.prepare(statement)))
}

interface Writes {
  readonly all: number
  readonly void: number
}

/** Profile changes by this member that were committed, and how many of them after the last loss. */
export async function writesBy(db: D1Database, userId: string): Promise<Writes> {
  const query = `select count(*) as "all", count(*) filter (where position >
       (select max(position) from commits where what = 'loss')) as "void"
     from commits where what = 'write' and who = ?`
  return (await db.prepare(query).bind(userId).first<Writes>()) ?? { all: 0, void: 0 }
}
