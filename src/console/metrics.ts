/** What the rules for badges measure, in words. */

export const METRICS = [
  ['visits', 'visits', 'visit'],
  ['visitDays', 'days with a visit', 'day with a visit'],
  ['streakDays', 'days in a row', 'day in a row'],
] as const

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
