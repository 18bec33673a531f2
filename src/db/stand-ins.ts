/** Stand-ins for what D1 hands out, with what is used of it. */

/** drizzle's D1 driver calls these methods of a statement and no other; another would throw. */
export function asStatement(
  standIn: Record<'bind' | 'all' | 'run' | 'raw', (...values: unknown[]) => unknown>,
): D1PreparedStatement {
  return standIn as unknown as D1PreparedStatement
}
