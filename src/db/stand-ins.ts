/** Stand-ins for what D1 hands out, with what is used of it. */

/** The methods of a statement that are called anywhere; another would throw. */
export function asStatement(
  standIn: Record<'bind' | 'all' | 'run' | 'raw' | 'first', (...values: unknown[]) => unknown>,
): D1PreparedStatement {
  return standIn as unknown as D1PreparedStatement
}
