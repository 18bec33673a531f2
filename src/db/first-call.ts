/**
 * A D1 session whose first call carries more statements, at the head of its transaction: conditions
 * that are thus checked with whatever is done or read first, without a trip of their own.
 */
import { countCall } from '../log.ts'
import { asStatement } from './stand-ins.ts'

type Session = Pick<D1DatabaseSession, 'prepare' | 'batch'>
type Statements = D1PreparedStatement[]

export interface FirstCall {
  readonly session: Session
  /** Makes the check by itself if no call has carried it yet. @throws what a condition raises */
  readonly confirm: () => Promise<void>
}

/** @param conditions raise an error if they do not hold; of `session` */
export function carrying(session: Session, conditions: readonly D1PreparedStatement[]): FirstCall {
  const natives = new WeakMap<D1PreparedStatement, D1PreparedStatement>()
  let holds = false

  /** Calls that begin before one of them has succeeded all carry the conditions. */
  async function batch<T>(statements: Statements): Promise<D1Result<T>[]> {
    if (holds) return session.batch<T>(statements)
    const results = await session.batch<T>([...conditions, ...statements])
    holds = true
    return results.slice(conditions.length)
  }

  const wrap = (sql: string, values: readonly unknown[]): D1PreparedStatement => {
    const native = (text = sql) => session.prepare(text).bind(...values)
    const alone = async (text = sql) => {
      const [result] = await batch<Record<string, unknown>>([native(text)])
      return result
    }
    const all = async () => (holds ? native().all() : alone())
    const statement = asStatement({
      bind: (...bound: unknown[]) => wrap(sql, bound),
      all,
      run: all,
      first: async () => (await all())?.results[0] ?? null,
      raw: async () => (holds ? native().raw() : valuesOf(await alone(withNamesOfTheirOwn(sql)))),
    })
    natives.set(statement, native())
    return statement
  }

  return {
    session: {
      prepare: (sql) => wrap(sql, []),
      batch: async (statements) => batch(statements.map((each) => natives.get(each) ?? each)),
    },
    confirm: async () => {
      if (holds) return
      countCall('d1')
      await batch([])
    },
  }
}

/**
 * A batch answers with rows by column, in which of two columns with one name the first is lost. As
 * columns of a table they have names of their own.
 */
function withNamesOfTheirOwn(sql: string): string {
  return /^\s*(select|with)\b/i.test(sql) ? `select * from (${sql})` : sql
}

function valuesOf(result: D1Result<Record<string, unknown>> | undefined): unknown[][] {
  return (result?.results ?? []).map((row) => Object.values(row))
}
