/**
 * How often somebody may try, by account and by address, counted exactly in D1 before any other work
 * is done. Who is known and who is not counts alike. Where the owner of an account has signed in
 * before, tries at its password are counted by themselves, so that nobody elsewhere uses them up.
 */
import { and, type SQL, sql } from 'drizzle-orm'
import { batch, type Database, rows, statement } from '../db/client.ts'
import { authAttempts, authPlaces } from '../db/schema.ts'
import { sha256 } from '../crypto/digest.ts'

const MINUTE_MS = 60_000
const DAY_MS = 24 * 60 * MINUTE_MS

/** Attempts in a window that begins with the first of them. */
const LIMITS = {
  'password:account': { most: 10, windowMs: 15 * MINUTE_MS },
  // Wrong ones from everywhere. Beyond it only mail or a passkey lets the owner in.
  'password:day': { most: 100, windowMs: DAY_MS },
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
export type AccountLimit = Exclude<LimitName, AddressLimit | 'password:day'>

/**
 * Counts the attempts in one round trip, each only while those before it are within their limits:
 * whoever is refused already has no say about what is left for others.
 * @param places hashes of where the request comes from; see `places.ts`
 * @returns seconds to wait if one of them is over its limit, 0 if none is
 */
export async function countAttempts(
  db: Database,
  attempts: readonly Attempt[],
  now: number,
  places: readonly string[] = [],
): Promise<number> {
  const listed = attempts.flatMap(([name, who]): readonly Attempt[] =>
    name === 'password:account'
      ? [
          [name, who],
          ['password:day', who],
        ]
      : [[name, who]],
  )
  const counted = await Promise.all(
    listed.map(async ([name, who]) => {
      const { most, windowMs } = LIMITS[name]
      const isTried = name === 'password:account'
      const subject = isTried ? await triedAt(who, places, now) : sql`${await subjectOf(name, who)}`
      const account = name.startsWith('password:') && !name.endsWith(':address')
      return {
        name,
        subject,
        most,
        endsAt: now + windowMs,
        account: account ? await accountOf(who) : null,
      }
    }),
  )
  const counting = counted.map(({ name, subject, endsAt, account }, index) => {
    const areWithin = counted
      .slice(0, index)
      .map(
        (before) =>
          sql`(select attempts from ${authAttempts} where subject = ${before.subject}) <= ${before.most}`,
      )
    const attempt = rows<{ attempts: number; ends_at: number }>(
      db,
      sql`insert into ${authAttempts} (subject, attempts, ends_at, account)
      select ${subject}, 1, ${endsAt}, ${account} where ${and(sql`true`, ...areWithin)}
      on conflict (subject) do update set
        attempts = case when ends_at <= ${now} then 1 else attempts + 1 end,
        ends_at = case when ends_at <= ${now} then excluded.ends_at else ends_at end
      returning attempts, ends_at`,
    )
    return [name, attempt] as const
  })
  const results = await batch(db, Object.fromEntries(counting))
  const waits = counted.map(({ name, most }) => {
    const [row] = results[name] ?? []
    return row && row.attempts > most ? Math.ceil((row.ends_at - now) / 1000) : 0
  })
  return Math.max(0, ...waits)
}

/** A right password ends the count of wrong ones where it was given, and was not a wrong one itself. */
export async function forgiveAttempts(
  db: Database,
  email: string,
  now: number,
  places: readonly string[],
): Promise<void> {
  const [tried, day] = [await triedAt(email, places, now), await subjectOf('password:day', email)]
  await batch(db, {
    tried: statement(db, sql`delete from ${authAttempts} where subject = ${tried}`),
    day: statement(
      db,
      sql`update ${authAttempts} set attempts = attempts - 1 where subject = ${day} and attempts > 0`,
    ),
  })
}

/** A new password ends every count of wrong ones for its account. @param account as of `accountOf` */
export function forgetAttempts(db: Database, account: string) {
  return statement(db, sql`delete from ${authAttempts} where account = ${account}`)
}

/** What tries at a password are counted under: the first of these places that is known, or all others. */
async function triedAt(email: string, places: readonly string[], now: number): Promise<SQL> {
  const known = places.map(
    (place) =>
      sql`(select 'place:' || place from ${authPlaces} where place = ${place} and ends_at > ${now})`,
  )
  const elsewhere = sql`${await subjectOf('password:account', email)}`
  return known.length === 0 ? elsewhere : sql`coalesce(${sql.join([...known, elsewhere], sql`, `)})`
}

/** Hashed: what somebody typed into a form is not kept. */
function subjectOf(name: LimitName, who: string): Promise<string> {
  return sha256(`${name}\n${who}`)
}

export function accountOf(email: string): Promise<string> {
  return sha256(`account\n${email}`)
}
