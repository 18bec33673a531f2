/**
 * D1 as it would be: every write runs for real, in a transaction that is rolled back. What its
 * statements answer leaves in the message of the failure that ends it; see `0011_dry_run.sql`.
 */
import { type Outcome, readStep, type Step, staged, stepOf } from './dry-run-steps.ts'

type Session = Pick<D1DatabaseSession, 'prepare' | 'batch'>

const BEGIN = "insert into dry_run (step, result) values (-1, '')"
const END = `insert into dry_run (step, result) select null,
  'dry run: ' || json_group_array(json_array(step, json(result))) || ' :dry run'
  from (select step, result from dry_run where step >= 0 order by seq)`
const RESULTS = /dry run: (\[.*\]) :dry run/s

/**
 * A database for one request. Until it writes, it reads the real one; from then on each statement is
 * preceded by what was written before, so that the request reads its own writes.
 */
export function dryRunDatabase(d1: Pick<D1Database, 'withSession'>): D1Database {
  const journal: Step[] = []
  return asDatabase({
    withSession(start?: string) {
      const session = d1.withSession(start)
      return { ...dryRunning(session, journal), getBookmark: () => session.getBookmark() }
    },
  })
}

/** @param journal what the request has written so far; grows */
function dryRunning(session: Session, journal: Step[]) {
  const steps = new WeakMap<D1PreparedStatement, Step>()
  const isReal = (all: readonly Step[]) =>
    journal.length === 0 && all.every(({ kind }) => kind === 'read')

  const standIn = (step: Step): D1PreparedStatement => {
    const native = () => prepared(session, step)
    const alone = async () => {
      const [outcome] = await dryRun(session, journal, [step])
      return outcome ?? { columns: [], rows: [] }
    }
    const all = async () => (isReal([step]) ? native().all() : resultOf(await alone()))
    const statement = asStatement({
      bind: (...values: unknown[]) => standIn({ ...step, values }),
      all,
      run: all,
      first: async () => (await all()).results[0] ?? null,
      raw: async () => (isReal([step]) ? native().raw() : (await alone()).rows),
    })
    steps.set(statement, step)
    return statement
  }

  return {
    prepare: (sql: string) => standIn(stepOf(sql)),
    async batch(statements: readonly D1PreparedStatement[]) {
      const all = statements.map((each) => steps.get(each) ?? stranger())
      if (isReal(all)) return session.batch(all.map((step) => prepared(session, step)))
      return (await dryRun(session, journal, all)).map(resultOf)
    },
  }
}

/** @throws what D1 throws if a statement fails in earnest */
async function dryRun(session: Session, journal: Step[], steps: readonly Step[]) {
  const columns = await columnsOf(session, steps)
  const batch = [
    { sql: BEGIN, values: [] },
    ...journal,
    ...steps.flatMap((step, position) =>
      staged(step, position, columns.get(step), steps[position - 1]),
    ),
    { sql: END, values: [] },
  ]
  const results = await abortedResults(session, batch)
  journal.push(...steps.filter(({ kind }) => kind === 'write'))
  return steps.map((step, position): Outcome => {
    const rows = results.filter(([at]) => at === position).map(([, row]) => row)
    return { columns: columns.get(step) ?? step.returning ?? [], rows }
  })
}

/** The names that only SQLite knows: those of the columns of each read. One round trip for all. */
async function columnsOf(
  session: Session,
  steps: readonly Step[],
): Promise<ReadonlyMap<Step, readonly string[]>> {
  const reads = steps.filter(({ kind }) => kind === 'read')
  if (reads.length === 0) return new Map()
  const found = await session.batch<Record<string, unknown>>(
    reads.map((step) => prepared(session, readStep(step))),
  )
  return new Map(
    reads.map((step, index) => [step, Object.keys(found[index]?.results[0] ?? {}).slice(1)]),
  )
}

type Results = readonly (readonly [position: number, row: unknown[]])[]

async function abortedResults(
  session: Session,
  batch: readonly Pick<Step, 'sql' | 'values'>[],
): Promise<Results> {
  try {
    await session.batch(batch.map((step) => prepared(session, step)))
  } catch (error) {
    const message = error instanceof Error ? error.message : ''
    const [, results] = RESULTS.exec(message) ?? []
    if (results !== undefined) return parsed(results)
    // The rest of the results would end up in the log.
    throw message.includes('dry run: ') ? new Error('the results of a dry run were cut') : error
  }
  throw new Error('a dry run was not rolled back')
}

function prepared(session: Session, { sql, values }: Pick<Step, 'sql' | 'values'>) {
  return session.prepare(sql).bind(...values)
}

/** Without `meta`: nobody has asked for it so far, and whoever does must not read a figure made up. */
function resultOf({ columns, rows }: Outcome) {
  const named = (row: readonly unknown[]) =>
    Object.fromEntries(columns.map((name, index) => [name, row[index]]))
  return { success: true, results: rows.map(named) }
}

function stranger(): never {
  throw new Error('this statement was not prepared here')
}

/** Guaranteed by `END` and by `staged`, which write arrays of arrays. */
function parsed(results: string): Results {
  return JSON.parse(results) as Results
}

/** What the repositories use of a database; the rest is absent, and throws when it is called. */
function asDatabase(standIn: { withSession: (start?: string) => unknown }): D1Database {
  return standIn as D1Database
}

/** Every method of a statement is there. The cast is for the types of their rows, which callers name. */
function asStatement(
  standIn: Record<'bind' | 'all' | 'run' | 'first' | 'raw', (...values: unknown[]) => unknown>,
): D1PreparedStatement {
  return standIn as unknown as D1PreparedStatement
}
