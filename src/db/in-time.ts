/** Calls that have a time limit: storage that does not answer must not keep others waiting. */
import { asStatement } from './stand-ins.ts'

/** What was asked for goes on, and may be done all the same; nobody waits for it any more. */
export class OutOfTime extends Error {
  override readonly name = 'OutOfTime'
  /** As errors of Durable Objects say it. */
  readonly retryable = true

  /** @param ms how long it was waited for */
  constructor(ms: number) {
    super(`no answer within ${ms} ms`)
  }
}

/** @throws OutOfTime if `work` takes longer */
export async function inTime<T>(ms: number, work: Promise<T>): Promise<T> {
  const { promise: over, reject } = Promise.withResolvers<never>()
  const timer = setTimeout(() => reject(new OutOfTime(ms)), ms)
  try {
    return await Promise.race([work, over])
  } finally {
    clearTimeout(timer)
  }
}

type Preparing = Pick<D1DatabaseSession, 'prepare' | 'batch'>

/** A database each of whose calls has so much time. It has what sessions and repositories use of one. */
export function databaseInTime(
  d1: Pick<D1Database, 'withSession' | 'prepare' | 'batch'>,
  ms: number,
): D1Database {
  return asDatabase({
    ...preparing(d1, ms),
    withSession(start?: string) {
      const session = d1.withSession(start)
      return { ...preparing(session, ms), getBookmark: () => session.getBookmark() }
    },
  })
}

function preparing(native: Preparing, ms: number): Preparing {
  const natives = new WeakMap<D1PreparedStatement, D1PreparedStatement>()
  const wrap = (statement: D1PreparedStatement): D1PreparedStatement => {
    const wrapped = asStatement({
      bind: (...values: unknown[]) => wrap(statement.bind(...values)),
      all: async () => inTime(ms, statement.all()),
      run: async () => inTime(ms, statement.run()),
      first: async () => inTime(ms, statement.first()),
      raw: async () => inTime(ms, statement.raw()),
    })
    natives.set(wrapped, statement)
    return wrapped
  }
  return {
    prepare: (sql) => wrap(native.prepare(sql)),
    batch: async (statements) =>
      inTime(ms, native.batch(statements.map((each) => natives.get(each) ?? each))),
  }
}

/** drizzle and sessions use these methods of a database and no other; another would throw. */
function asDatabase(standIn: Preparing & Pick<D1Database, 'withSession'>): D1Database {
  return standIn as D1Database
}
