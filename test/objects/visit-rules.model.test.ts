/**
 * The shard is compared with a book that remembers everything, while badge rules arrive, change and
 * leave between visits and nights, clocks disagree, ticks die half way, and awards fail.
 */
import * as fc from 'fast-check'
import { expect, it } from 'vitest'
import type { RuleId } from '../../src/db/ids.ts'
import { dayText } from '../../src/calendar/site-day.ts'
import type { VisitShard } from '../../src/objects/visit-shard.ts'
import type { VisitRule } from '../../src/objects/visit-stats.ts'
import { sized } from '../support/size.ts'
import { byTheBook } from './by-the-book.ts'
import { DAY, HOUR, MINUTE, inShard, member, rule } from './visit-fixtures.ts'

const MEMBERS = 6
const RULES = 3
const LONGEST_WINDOW = 5

const skew = fc.constantFrom(0, 0, 0, 0, -1, 1)
const definition = fc.record({
  metric: fc.constantFrom('visits', 'visitDays', 'streakDays'),
  threshold: fc.integer({ min: 1, max: 4 }),
  windowDays: fc.option(fc.integer({ min: 1, max: LONGEST_WINDOW })),
})
const action = fc.oneof(
  {
    weight: 30,
    arbitrary: fc.record({
      do: fc.constant('visit'),
      who: fc.nat(MEMBERS - 1),
      minutes: fc.constantFrom(-45, 0, 5, 31, 31, 31, 200, 700),
      skew,
    }),
  },
  {
    weight: 9,
    arbitrary: fc.record({ do: fc.constant('night'), days: fc.constantFrom(1, 1, 2, 4) }),
  },
  {
    weight: 9,
    arbitrary: fc.record({
      do: fc.constantFrom('define', 'define', 'remove'),
      which: fc.nat(RULES - 1),
      definition,
    }),
  },
  {
    weight: 15,
    arbitrary: fc.record({
      do: fc.constant('tick'),
      limit: fc.integer({ min: 1, max: 3 }),
      pages: fc.integer({ min: 1, max: 3 }),
      skew,
      stale: fc.constantFrom(false, false, false, true),
      failing: fc.option(fc.nat(RULES - 1)),
      dies: fc.constantFrom('never', 'never', 'before the commit', 'after the commit'),
      meanwhile: fc.option(fc.nat(MEMBERS - 1)),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({ do: fc.constant('recheck'), who: fc.nat(MEMBERS - 1), skew }),
  },
  {
    weight: 3,
    arbitrary: fc.record({ do: fc.constant('prune'), limit: fc.integer({ min: 1, max: 9 }) }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('erase'), who: fc.nat(MEMBERS - 1) }) },
)
type Action = typeof action extends fc.Arbitrary<infer A> ? A : never

/** A rule as the shard should know it. `key` tells one arrival of it from the next. */
interface Known {
  readonly rule: VisitRule
  readonly arrived: number
  readonly key: string
}

class Book {
  now = 20_000 * DAY + 12 * HOUR
  readonly days = Array.from({ length: MEMBERS }, (): number[] => [])
  readonly lastAt = Array.from({ length: MEMBERS }, () => -Infinity)
  readonly erased = new Set<number>()
  readonly known = new Map<RuleId, Known>()
  rules: VisitRule[] = []
  rulesBefore: VisitRule[] = []
  /** `<key> <member>` of all who reached a rule while it was known, or when it arrived. */
  readonly expected = new Set<string>()
  readonly awarded = new Set<string>()
  #arrivals = 0

  visit(who: number, at: number, day: number): boolean {
    if (this.erased.has(who) || at < this.#of(this.lastAt, who) + 30 * MINUTE) return false
    this.lastAt[who] = at
    const days = this.#of(this.days, who)
    days.push(Math.max(day, ...days))
    this.note(who, day)
    return true
  }

  /** Whoever reaches a known rule now has to be awarded. */
  note(who: number, today: number): void {
    for (const known of this.known.values()) this.#note(known, who, Math.max(today, known.arrived))
  }

  sync(rules: readonly VisitRule[], today: number): void {
    for (const id of this.known.keys()) {
      if (!rules.some((each) => each.id === id)) this.#forget(id)
    }
    for (const each of rules) {
      if ((this.known.get(each.id)?.rule.revision ?? 0) >= each.revision) continue
      this.#forget(each.id)
      const known = { rule: each, arrived: today, key: `${each.id}#${++this.#arrivals}` }
      this.known.set(each.id, known)
      for (let who = 0; who < MEMBERS; who++) this.#note(known, who, today)
    }
  }

  erase(who: number): void {
    this.erased.add(who)
    this.days[who] = []
    for (const each of this.expected) {
      if (each.endsWith(` ${member(who)}`)) this.expected.delete(each)
    }
  }

  #note({ rule: each, key }: Known, who: number, today: number): void {
    const reached = byTheBook(each, this.#of(this.days, who), today) >= each.threshold
    if (reached) this.expected.add(`${key} ${member(who)}`)
  }

  #forget(id: RuleId): void {
    const key = this.known.get(id)?.key
    this.known.delete(id)
    for (const each of this.expected) if (each.startsWith(`${key} `)) this.expected.delete(each)
  }

  #of<T>(list: readonly T[], who: number): T {
    const found = list[who]
    if (found === undefined) throw new Error(`no member ${who}`)
    return found
  }
}

function visit(shard: VisitShard, book: Book, who: number, minutes: number, daySkew: number) {
  book.now += Math.max(0, minutes) * MINUTE
  const at = book.now + Math.min(0, minutes) * MINUTE
  const day = Math.floor(at / DAY) + daySkew
  const answer = shard.record(member(who), at, dayText(day))
  const counted = book.visit(who, at, day)
  if (book.erased.has(who)) expect(answer).toEqual({ erased: true })
  else expect(answer).toMatchObject({ counted, total: book.days[who]?.length })
}

function tick(shard: VisitShard, book: Book, plan: Extract<Action, { do: 'tick' }>) {
  const rules = plan.stale ? book.rulesBefore : book.rules
  let after = 0
  for (let page = 0; page < plan.pages; page++) {
    const today = Math.floor(book.now / DAY) + plan.skew
    const due = shard.due(rules, dayText(today), plan.limit, after)
    book.sync(rules, today)
    const reported = due.crossings.flatMap(({ ruleId, revision, members }) => {
      const known = book.known.get(ruleId)
      expect(known?.rule.revision).toBe(revision)
      return members.map((each) => ({ ruleId, award: `${known?.key} ${each}` }))
    })
    for (const { award } of reported) expect(book.expected).toContain(award)
    const failing = plan.failing === null ? undefined : rule(plan.failing).id
    const committed = reported.filter(({ ruleId }) => ruleId !== failing)
    if (plan.dies === 'before the commit') return
    for (const { award } of committed) book.awarded.add(award)
    if (plan.meanwhile !== null) visit(shard, book, plan.meanwhile, 31, 0)
    if (plan.dies === 'after the commit') return
    shard.settle(due.upTo, [...new Set(committed.map(({ ruleId }) => ruleId))], after)
    after = due.upTo
  }
}

function run(shard: VisitShard, book: Book, revision: number, step: Action): void {
  const today = Math.floor(book.now / DAY)
  switch (step.do) {
    case 'visit':
      return visit(shard, book, step.who, step.minutes, step.skew)
    case 'night':
      book.now += step.days * DAY
      return
    case 'define':
    case 'remove': {
      const defined = rule(step.which, { ...step.definition, revision })
      book.rulesBefore = book.rules
      book.rules = book.rules.filter(({ id }) => id !== defined.id)
      if (step.do === 'define') book.rules.push(defined)
      return
    }
    case 'tick':
      return tick(shard, book, step)
    case 'recheck':
      shard.recheck(member(step.who), dayText(today + step.skew))
      return book.note(step.who, today + step.skew)
    case 'prune':
      shard.prune(dayText(today - LONGEST_WINDOW - 3), step.limit)
      return
    case 'erase':
      shard.erase(member(step.who))
      return book.erase(step.who)
  }
}

/** Runs ticks in which nothing goes wrong, until the shard says it is done. */
function finish(shard: VisitShard, book: Book): void {
  const today = Math.floor(book.now / DAY)
  for (let more = true; more;) {
    const due = shard.due(book.rules, dayText(today), 2)
    book.sync(book.rules, today)
    for (const { ruleId, members } of due.crossings) {
      for (const each of members) book.awarded.add(`${book.known.get(ruleId)?.key} ${each}`)
    }
    shard.settle(due.upTo)
    more = due.more
  }
}

it('everyone who reached a rule while it was known, or when it came, is reported, and no one else', async () => {
  const tables = ['days', 'older', 'erased', 'answers', 'rules', 'crossings']
  await fc.assert(
    fc.asyncProperty(fc.array(action, { maxLength: 80, size: 'max' }), (steps) =>
      inShard(0, (shard, { storage }) => {
        for (const table of tables) storage.sql.exec(`DELETE FROM ${table}`)
        const book = new Book()
        for (const [number, step] of steps.entries()) run(shard, book, number + 1, step)
        finish(shard, book)
        for (const award of book.expected) expect(book.awarded).toContain(award)
        const today = Math.floor(book.now / DAY)
        expect(shard.due(book.rules, dayText(today)).crossings).toEqual([])
      }),
    ),
    { numRuns: sized(500, 80) },
  )
})
