/** What goes to the log about an error: enough to find it, and no parameter values. */

/** drizzle's messages repeat SQL and values, which may be personal data; D1's own text, in `cause`, does not. */
export function describeError(error: unknown): Record<string, unknown> {
  if (!(error instanceof Error)) return { thrown: typeof error }
  const isQuery = error.message.startsWith('Failed query')
  return {
    name: error.name,
    message: isQuery ? 'Failed query' : error.message,
    ...(error.cause instanceof Error && { cause: error.cause.message }),
    ...(!isQuery && { stack: error.stack }),
  }
}
