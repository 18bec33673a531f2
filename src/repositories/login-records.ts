/** What the built-in login leaves behind when its time is over. */
import { type SQL, sql } from 'drizzle-orm'
import { batch, type Database, rows } from '../db/client.ts'

export function loginRecordsRepository(db: Database) {
  /** A part of the table: whoever waits for the database meanwhile does not wait for all of it. */
  const expired = (table: string, key: string, isOver: SQL, limit: number) => {
    const [name, id] = [sql.identifier(table), sql.identifier(key)]
    const over = sql`select ${id} from ${name} where ${isOver} limit ${limit}`
    return rows(db, sql`delete from ${name} where ${id} in (${over}) returning 1`)
  }

  return {
    /**
     * Forgets sessions, mailed links, ceremonies, attempts, places and keys that are over, up to `limit` of each.
     * @param now milliseconds since the epoch
     * @param keysKeptMs how long keys are kept after they have signed the last time
     * @returns how many of each; call again while one of them is `limit`
     */
    async prune(now: number, keysKeptMs: number, limit: number): Promise<readonly number[]> {
      const at = new Date(now).toISOString()
      const forgotten = await batch(db, {
        sessions: expired('auth_sessions', 'id', sql`expires_at <= ${at}`, limit),
        tickets: expired('auth_tickets', 'secret_hash', sql`expires_at <= ${at}`, limit),
        verifications: expired('auth_verifications', 'id', sql`expires_at <= ${at}`, limit),
        attempts: expired('auth_attempts', 'subject', sql`ends_at <= ${now}`, limit),
        places: expired('auth_places', 'place', sql`ends_at <= ${now}`, limit),
        keys: expired(
          'token_keys',
          'kid',
          sql`use <> 'audit' and max(signs_until, tokens_until) <= ${now - keysKeptMs}`,
          limit,
        ),
      })
      return Object.values(forgotten).map((gone) => gone.length)
    },
  }
}
