/** What the rules for badges measure, in words. */

export const METRICS = [
  ['visits', 'visits', 'visit'],
  ['visitDays', 'days with a visit', 'day with a visit'],
  ['streakDays', 'days in a row', 'day in a row'],
] as const

/** Why something was done, as the audit log has it: what a rule has measured is said as everywhere. */
export function reasonInWords(reason: string): string {
  return reason.replace(
    /(?<=: )(\d+) (visits|visitDays|streakDays)(?: within (\d+) days)?$/,
    (_, threshold: string, metric: string, days: string | undefined) =>
      measured({
        metric,
        threshold: Number(threshold),
        windowDays: days === undefined ? null : Number(days),
      }),
  )
}

/** As in `10 visits within 30 days`. */
export function measured(rule: {
  readonly metric: string
  readonly threshold: number
  readonly windowDays: number | null
}): string {
  const { metric, threshold, windowDays } = rule
  const [, many = metric, one = metric] = METRICS.find(([name]) => name === metric) ?? []
  const within = windowDays === null ? '' : ` within ${windowDays} days`
  return `${threshold} ${threshold === 1 ? one : many}${within}`
}
