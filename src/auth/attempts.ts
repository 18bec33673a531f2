/**
 * How often somebody may try, by account and by address, counted exactly in D1 before any other work
 * is done. Who is known and who is not counts alike.
 */
import { and, sql } from 'drizzle-orm'
import { batch, type Database, rows, statement } from '../db/client.ts'
import { authAttempts } from '../db/schema.ts'
import { sha256 } from '../crypto/digest.ts'

const MINUTE_MS = 60_000

/** Attempts in a window that begins with the first of them. */
const LIMITS = {
  'password:account': { most: 10, windowMs: 15 * MINUTE_MS },
  'password:address': { most: 50, windowMs: 15 * MINUTE_MS },
  'mail:account': { most: 5, windowMs: 60 * MINUTE_MS },
  // Mails about a forgotten password have a limit of their own, so that no other mail keeps the
  // owner from a new password.
  'reset:account': { most: 5, windowMs: 60 * MINUTE_MS },
  'mail:address': { most: 20, windowMs: 60 * MINUTE_MS },
  // Each sign-in counts twice: once for the challenge, once for the answer.
  'passkey:address': { most: 120, windowMs: 15 * MINUTE_MS },
  'social:address': { most: 60, windowMs: 15 * MINUTE_MS },
} as const
type LimitName = keyof typeof LIMITS

/** What is limited: an email address under `…:account`, an IP address under `…:address`. */
export type Attempt<Name extends LimitName = LimitName> = readonly [limit: Name, who: string]
export type AddressLimit = Extract<LimitName, `${string}:address`>
export type AccountLimit = Exclude<LimitName, AddressLimit>

/**
 * Counts the attempts in one round trip, each only while those before it are within their limits:
 * whoever is refused already has no say about what is left for others.
 * @returns seconds to wait if one of them is over its limit, 0 if none is
 */
export async function countAttempts(
  db: Database,
  attempts: readonly Attempt[],
  now: number,
): Promise<number> {
  const counted = await Promise.all(
    attempts.map(async ([name, who]) => {
      const { most, windowMs } = LIMITS[name]
      return { subject: await subjectOf(name, who), most, endsAt: now + windowMs }
    }),
  )
  const counting = counted.map(({ subject, endsAt }, index) => {
    const areWithin = counted
      .slice(0, index)
      .map(
        (before) =>
          sql`(select attempts from ${authAttempts} where subject = ${before.subject}) <= ${before.most}`,
      )
    const attempt = rows<{ attempts: number; ends_at: number }>(
      db,
      sql`insert into ${authAttempts} (subject, attempts, ends_at)
      select ${subject}, 1, ${endsAt} where ${and(sql`true`, ...areWithin)}
      on conflict (subject) do update set
        attempts = case when ends_at <= ${now} then 1 else attempts + 1 end,
        ends_at = case when ends_at <= ${now} then excluded.ends_at else ends_at end
      returning attempts, ends_at`,
    )
    return [subject, attempt] as const
  })
  const results = await batch(db, Object.fromEntries(counting))
  const waits = counted.map(({ subject, most }) => {
    const [row] = results[subject] ?? []
    return row && row.attempts > most ? Math.ceil((row.ends_at - now) / 1000) : 0
  })
  return Math.max(0, ...waits)
}

/** A right password ends the count of wrong ones for its account. */
export function forgetAttempts(db: Database, subject: string) {
  return statement(db, sql`delete from ${authAttempts} where subject = ${subject}`)
}

/** Hashed: what somebody typed into a form is not kept. */
export function subjectOf(name: LimitName, who: string): Promise<string> {
  return sha256(`${name}\n${who}`)
}
