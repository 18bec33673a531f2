/** Ticks by the schedules in wrangler.toml, which no local runtime does by itself. */
import { Cron } from 'croner'

export interface Schedule {
  /** When the next tick is due. */
  next(): Date | undefined
  stop(): void
}

/**
 * Reads expressions as the platform does: in UTC, with 1 for Sunday. A tick may start while the
 * last one is still running, as it may there.
 */
export function startCron(
  expressions: readonly string[],
  tick: (cron: string, time: Date) => Promise<unknown>,
): Schedule {
  const jobs = expressions.map((expression) => {
    const options = { timezone: 'UTC', alternativeWeekdays: true, mode: '5-part' } as const
    return new Cron(expression, options, async () => {
      const minute = new Date(Math.floor(Date.now() / 60_000) * 60_000)
      await tick(expression, minute).catch((error: unknown) =>
        console.error(`cron ${expression}:`, error),
      )
    })
  })
  return {
    next: () =>
      jobs
        .map((job) => job.nextRun())
        .filter((date) => date !== null)
        .toSorted((a, b) => Number(a) - Number(b))[0],
    stop: () => jobs.forEach((job) => job.stop()),
  }
}
