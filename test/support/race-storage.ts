/**
 * The storage of races: D1, or a stand-in. D1 is SQLite in a Durable Object, and so is the
 * stand-in, but it is called inside the object: the same engine, triggers and transactions without
 * the way there.
 */
import { runInDurableObject } from 'cloudflare:test'
import { env } from 'cloudflare:workers'
import { intercepted, type StorageCall } from './intercept.ts'
import { RACES } from './races.ts'

/**
 * Runs `work` with the storage that `RACES` asks for. Each call is late by a random moment;
 * otherwise requests would keep in step, and the same one would always win.
 */
export async function withRaceStorage<T>(work: (db: D1Database) => Promise<T>): Promise<T> {
  if (RACES.storage === 'd1') return work(intercepted(late).DB)
  return runInDurableObject(env.VISITS.getByName('database'), async (_, { storage }) => {
    for (const { queries } of env.TEST_MIGRATIONS) {
      for (const query of queries) storage.sql.exec(query)
    }
    return work(databaseIn(storage))
  })
}

interface Prepared {
  readonly query: string
  readonly values: readonly SqlStorageValue[]
}

function databaseIn(storage: DurableObjectStorage): D1Database {
  const { sql } = storage
  const known = new WeakMap<object, Prepared>()

  function execute({ query, values }: Prepared) {
    const results = sql.exec(query, ...values).toArray()
    const { changes } = sql.exec<{ changes: number }>('select changes() as changes').one()
    return { success: true, results, meta: { changes } }
  }

  const call = <T>(text: string, work: () => T) => late({ store: 'd1', text }, async () => work())

  function prepare(query: string, values: readonly SqlStorageValue[] = []): D1PreparedStatement {
    const all = () => call(query, () => execute({ query, values }))
    const statement = {
      bind: (...bound: SqlStorageValue[]) => prepare(query, bound),
      all,
      run: all,
      raw: () => call(query, () => [...sql.exec(query, ...values).raw()]),
      first: async (column?: string) => {
        const [row] = (await all()).results
        return (column === undefined ? row : row?.[column]) ?? null
      },
    }
    known.set(statement, { query, values })
    return as<D1PreparedStatement>(statement)
  }

  const batch = (statements: D1PreparedStatement[]) => {
    const all = statements.map((each) => known.get(each) ?? { query: '', values: [] })
    const text = all.map(({ query }) => query).join(';')
    return call(text, () => storage.transactionSync(() => all.map(execute)))
  }
  const session = { prepare, batch, getBookmark: () => null }
  return as<D1Database>({ ...session, withSession: () => session })
}

/** Delays a call, and audited writes most: they are then still under way when a loss commits. */
async function late<T>({ text }: StorageCall, proceed: () => Promise<T>): Promise<T> {
  const upTo = RACES.delayMs * (text.includes('insert into acting') ? 8 : 1)
  await scheduler.wait(Math.random() * upTo)
  return proceed()
}

/** The stand-ins have what the Worker uses of the real thing, and nothing else. */
function as<T>(standIn: unknown): T {
  return standIn as T
}
