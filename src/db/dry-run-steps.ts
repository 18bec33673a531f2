/** One statement of a dry run, and what is sent in its place so that its results are kept. */

export interface Step {
  readonly sql: string
  readonly values: readonly unknown[]
  readonly kind: 'read' | 'write'
  /** The columns that a write returns. */
  readonly returning?: readonly string[]
}

export interface Outcome {
  readonly columns: readonly string[]
  readonly rows: readonly (readonly unknown[])[]
}

type Sent = Pick<Step, 'sql' | 'values'>

const KIND = /^\s*(?:(select|with(?!.*\b(?:insert|update|delete)\b))|insert|update|delete)\b/is
const RETURNING = /\breturning\s+([\w\s",]+)$/i
const WRITTEN = /^\s*(insert|update|delete)\s+(?:into\s+|from\s+)?"?(\w+)"?/i

/** @throws Error for a statement that nobody has thought of */
export function stepOf(sql: string): Step {
  const [kind, select] = KIND.exec(sql) ?? []
  if (kind === undefined) throw unthought(sql)
  if (select !== undefined) return { sql, values: [], kind: 'read' }
  if (!/\breturning\b/i.test(sql)) return { sql, values: [], kind: 'write' }
  const names = RETURNING.exec(sql)?.[1]
    ?.split(',')
    .map((name) => name.trim().replaceAll('"', ''))
  const isPlain = names?.every((name) => /^[a-z]\w*$/i.test(name))
  // What an upsert returns is partly inserted and partly updated, and no one trigger sees both.
  if (!names || !isPlain || /\bdo\s+update\b/i.test(sql)) throw unthought(sql)
  return { sql, values: [], kind: 'write', returning: names }
}

/**
 * @param columns names of the columns of a read
 * @param before the step before this one
 */
export function staged(
  step: Step,
  position: number,
  columns: readonly string[] | undefined,
  before: Step | undefined,
): readonly Sent[] {
  // To keep the rows of a read is a write by itself, and would be counted.
  if (/\bchanges\(\)/i.test(step.sql) && before?.kind !== 'write') throw unthought(step.sql)
  if (columns) return [keptRead(step, position, columns)]
  return step.returning ? keptReturning(step, position, step.returning) : [step]
}

/** Answers one row at least, so that its columns are named; the first of them is no column of the step. */
export function readStep({ sql, values }: Sent): Sent {
  return { sql: `select * from (select 1) left join (${sql}) on true limit 1`, values }
}

function keptRead({ sql, values }: Step, position: number, columns: readonly string[]): Sent {
  const list = columns.map((_, index) => `c${index}`).join(', ')
  return {
    sql: `insert into dry_run (step, result) with rows_read(${list}) as (${sql})
      select ${position}, json_array(${list}) from rows_read`,
    values,
  }
}

/** `changes()` counts neither what a trigger does nor that one is made, so the next step sees its own. */
function keptReturning(step: Step, position: number, columns: readonly string[]): readonly Sent[] {
  const [, verb = '', table] = WRITTEN.exec(step.sql) ?? []
  if (table === undefined) throw unthought(step.sql)
  const row = verb.toLowerCase() === 'delete' ? 'old' : 'new'
  const list = columns.map((name) => `${row}."${name}"`).join(', ')
  const trigger = `dry_run_step_${position}`
  const kept = `insert into dry_run (step, result) values (${position}, json_array(${list}));`
  return [
    {
      sql: `create trigger ${trigger} after ${verb} on "${table}" begin ${kept} end`,
      values: [],
    },
    step,
    { sql: `drop trigger ${trigger}`, values: [] },
  ]
}

/** Says how it begins, without the values it was sent with. */
function unthought(sql: string): Error {
  return new Error(`nobody has thought of a dry run of: ${sql.trim().slice(0, 40)}`)
}
