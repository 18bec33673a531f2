/** What went wrong inside D1, told apart by the only thing it offers: texts. They never leave. */

/** Whether a write was refused because a unique column, as in `badges.slug`, already has the value. */
export function isUniqueViolation(error: unknown, column: string): boolean {
  return textOf(error).includes(`UNIQUE constraint failed: ${column}`)
}

/** Whether an audited write was void because the actor's rights had changed since it was allowed. */
export function isAccessChange(error: unknown): boolean {
  return textOf(error).includes('access changed')
}

/** Whether a write was refused by a named CHECK constraint. */
export function isCheckViolation(error: unknown, constraint: string): boolean {
  return textOf(error).includes(`CHECK constraint failed: ${constraint}`)
}

/** drizzle keeps D1's own text in `cause`, and repeats parameter values in `message`. */
function textOf(error: unknown): string {
  if (!(error instanceof Error)) return ''
  return error.cause instanceof Error ? error.cause.message : error.message
}
