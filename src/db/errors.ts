/**
 * What went wrong in D1 or in a Durable Object, told apart by what they offer: texts and two flags.
 * The texts never leave.
 */

/** What the triggers `acting_with_current_rights` and `assumed_is_still_so` raise. */
const ACCESS_CHANGED = 'access changed'
/** What the trigger `unanswered_so_far` raises. */
const ANSWERED = 'answered before'

/** What is said when the same call may succeed a moment later; docs/operations.md has the list. */
const PASSING = [
  'Network connection lost',
  'object to be reset',
  'code was updated',
  'transient issue',
  'client disconnected',
  'no longer active',
  'is overloaded',
  'Please back off',
  'database is locked',
  'database table is locked',
  'database or disk is full',
  'Exceeded maximum DB size',
  // Until the stores are reconciled; objects/belonging.ts raises it.
  'another generation of the stores',
]

/** Whether a write was refused because a unique column, as in `badges.slug`, already has the value. */
export function isUniqueViolation(error: unknown, column: string): boolean {
  return textOf(error).includes(`UNIQUE constraint failed: ${column}`)
}

/** Whether a write was refused by a named CHECK constraint. */
export function isCheckViolation(error: unknown, constraint: string): boolean {
  return textOf(error).includes(`CHECK constraint failed: ${constraint}`)
}

/** Whether an audited write was void because the actor's rights had changed since it was allowed. */
export function isAccessChange(error: unknown): boolean {
  return textOf(error).includes(ACCESS_CHANGED)
}

/** What `isAccessChange` recognises, for who turns out to be somebody else in another way. */
export function accessChanged(): Error {
  return new Error(ACCESS_CHANGED)
}

/** Whether a request was void because its Idempotency-Key was answered before. */
export function isAnswered(error: unknown): boolean {
  return textOf(error).includes(ANSWERED)
}

/** Whether the same call may succeed a moment later. Nothing was written by halves. */
export function isRetryable(error: unknown): boolean {
  const text = textOf(error)
  return (
    isFlagged(error) ||
    isFlagged(causeOf(error)) ||
    PASSING.some((passing) => text.includes(passing))
  )
}

/** Durable Objects and D1 flag some errors as such, whatever their text. */
function isFlagged(error: unknown): boolean {
  if (!(error instanceof Error)) return false
  const isSet = (flag: string) => flag in error && Reflect.get(error, flag) === true
  return isSet('retryable') || isSet('overloaded')
}

/** drizzle keeps D1's own text in `cause`, and repeats parameter values in `message`. */
function textOf(error: unknown): string {
  if (!(error instanceof Error)) return ''
  return causeOf(error)?.message ?? error.message
}

function causeOf(error: unknown): Error | undefined {
  return error instanceof Error && error.cause instanceof Error ? error.cause : undefined
}
