/**
 * better-auth's way to the tables. D1 has no transaction that waits for its client, so what better-auth
 * creates in one of its transactions is held back until that ends, and is then one batch: an account
 * comes into being with its way in, or not at all.
 */
import { and, eq, exists, notExists, type SQL } from 'drizzle-orm'
import type { SQLiteInsertValue } from 'drizzle-orm/sqlite-core'
import { drizzleAdapter } from 'better-auth/adapters/drizzle'
import * as z from 'zod'
import { batch, type Database, type Statement } from '../db/client.ts'
import {
  authAccounts,
  authPasskeys,
  authSessions,
  authUsers,
  authVerifications,
} from '../db/schema.ts'

const SCHEMA = {
  user: authUsers,
  session: authSessions,
  account: authAccounts,
  verification: authVerifications,
  passkey: authPasskeys,
}
type Table = (typeof SCHEMA)[keyof typeof SCHEMA]
type Adapter = ReturnType<ReturnType<typeof drizzleAdapter>>
type Creating = Pick<Adapter, 'create'>

/** Somebody who adds a passkey. It stays only if their session lasts until it is stored. */
export interface Adding {
  readonly sessionId: string
  /** The audit row, which goes into the transaction. */
  readonly audit: (isKept: SQL) => Statement | undefined
}

/** @param adding without it, no passkey is kept */
export function storageOf(db: Database, adding?: Adding) {
  return (options: Parameters<ReturnType<typeof drizzleAdapter>>[0]): Adapter => {
    const adapterOn = (way: Parameters<typeof drizzleAdapter>[0]) =>
      drizzleAdapter(way, { provider: 'sqlite', schema: SCHEMA })(options)
    const adapter = adapterOn(db)

    /** What `work` creates, and then `more`, as one transaction; nothing of it if `work` fails. */
    async function inOneBatch<R>(
      work: (held: Creating) => Promise<R>,
      ...more: Statement[]
    ): Promise<R> {
      const held: Statement[] = []
      const result = await work(adapterOn(holding(db, held)))
      const all = [...held, ...more].map((each, index) => [`statement${index}`, each] as const)
      await batch(db, Object.fromEntries(all))
      return result
    }

    const isOver = notExists(
      db
        .select({ id: authSessions.id })
        .from(authSessions)
        .where(eq(authSessions.id, adding?.sessionId ?? '')),
    )
    const create: Adapter['create'] = async (row) => {
      if (row.model !== 'passkey') return adapter.create(row)
      const { credentialID } = z.looseObject({ credentialID: z.string() }).parse(row.data)
      const isIt = eq(authPasskeys.credentialID, credentialID)
      const withdrawn = db.delete(authPasskeys).where(and(isIt, isOver))
      const isKept = exists(db.select({ id: authPasskeys.id }).from(authPasskeys).where(isIt))
      const audit = adding?.audit(isKept)
      return inOneBatch((held) => held.create(row), withdrawn, ...(audit ? [audit] : []))
    }

    return {
      ...adapter,
      create,
      transaction: (work) => inOneBatch(({ create }) => work({ ...adapter, create })),
    }
  }
}

/** What better-auth's adapter uses of drizzle to create a row: the row is answered, and not yet written. */
function holding(db: Database, held: Statement[]) {
  return {
    insert: (table: Table) => ({
      values: (row: SQLiteInsertValue<Table>) => {
        held.push(db.insert(table).values(row))
        return { returning: async () => [row] }
      },
    }),
  }
}
