/**
 * How many visits each day had, of all members of a shard together. It is added up when somebody asks, and
 * from then on counted in memory, so that a visit writes no row for it.
 */
import type { VisitLog } from './visit-log.ts'

export interface DayTotal {
  readonly day: number
  readonly visits: number
}

export class VisitTotals {
  readonly #log: Pick<VisitLog, 'totals'>
  #counted: { readonly since: number; readonly visits: Map<number, number> } | undefined

  constructor(log: Pick<VisitLog, 'totals'>) {
    this.#log = log
  }

  /** Only once it is certain that the visit is stored. */
  add(day: number): void {
    const { visits } = this.#counted ?? {}
    visits?.set(day, (visits.get(day) ?? 0) + 1)
  }

  /** For when something was taken back or erased: the next to ask has it added up again. */
  forget(): void {
    this.#counted = undefined
  }

  /** Days without any are left out. */
  since(since: number): DayTotal[] {
    if (!this.#counted || since < this.#counted.since) {
      const found = this.#log.totals(since)
      this.#counted = { since, visits: new Map(found.map(({ day, visits }) => [day, visits])) }
    }
    return [...this.#counted.visits]
      .filter(([day]) => day >= since)
      .map(([day, visits]) => ({ day, visits }))
      .toSorted((a, b) => a.day - b.day)
  }
}
