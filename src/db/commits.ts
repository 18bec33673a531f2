/** Counts what this isolate has committed, for whoever has kept what was read before. */

let count = 0

/** How many calls have changed something so far. */
export function commits(): number {
  return count
}

/** A session whose batches are counted when they have changed something, before anybody hears of it. */
export function countingCommits(
  session: Pick<D1DatabaseSession, 'prepare' | 'batch'>,
): Pick<D1DatabaseSession, 'prepare' | 'batch'> {
  return {
    prepare: (sql) => session.prepare(sql),
    async batch<T>(statements: D1PreparedStatement[]) {
      const results = await session.batch<T>(statements)
      if (results.some(({ meta }) => meta?.changes > 0)) count += 1
      return results
    },
  }
}
