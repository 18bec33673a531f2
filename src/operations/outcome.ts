/** What a guarded write that changed nothing means to the caller. */
import { notFound, Problem } from '../problem.ts'

interface Outcome<Row> {
  readonly changed: boolean
  /** The row as it is now, if it exists. */
  readonly row: Row | undefined
}

/** The changed row. @throws Problem `not_found` if there is none, `precondition_failed` if its revision is another */
export function changedRow<Row>({ changed, row }: Outcome<Row>, what: string): Row {
  if (!row) return notFound(what)
  if (!changed) throw stale(what)
  return row
}

/**
 * The counterpart of `changedRow` for deletions, after which there is no row.
 * @throws as `changedRow` does
 */
export function assertDeleted({ changed, row }: Outcome<unknown>, what: string): void {
  if (changed) return
  if (!row) notFound(what)
  throw stale(what)
}

export function stale(what: string): Problem {
  return new Problem(
    'precondition_failed',
    `The ${what} is not at a revision that If-Match or If-None-Match lets through.`,
  )
}
