/**
 * 100 000 visits (12 000 without `npm run test:full`), three in ten of them repeats, by members all
 * over the shards, through midnights and clock changes. They are compared with a model that shares
 * no code with the shard and has its own calendar.
 */
import { describe, expect, it } from 'vitest'
import type { UserId } from '../../src/db/ids.ts'
import { siteDay } from '../../src/calendar/site-day.ts'
import type { VisitSummary } from '../../src/objects/visit-shard.ts'
import { seeded } from '../support/seeded.ts'
import { sized } from '../support/size.ts'
import { DAY, HOUR, MINUTE, inShard, member } from './visit-fixtures.ts'

const SHARDS = 8
const VISITS = sized(100_000, 12_000)
const SEED = 20_261_121

/** Hours added to UTC from each instant on, by the laws of the places and not by a library. */
const ZONES = [
  {
    zone: 'Europe/Berlin',
    starts: '2026-03-15T00:00:00Z',
    offsets: [
      ['2025-10-26T01:00:00Z', 1],
      ['2026-03-29T01:00:00Z', 2],
      ['2026-10-25T01:00:00Z', 1],
    ],
  },
  {
    // Clocks change at midnight here: a day in spring has no 00:30, one in autumn has two of 23:30.
    zone: 'America/Sao_Paulo',
    starts: '2018-10-20T00:00:00Z',
    offsets: [
      ['2018-02-18T02:00:00Z', -3],
      ['2018-11-04T03:00:00Z', -2],
      ['2019-02-17T02:00:00Z', -3],
    ],
  },
  {
    // Samoa crossed the date line: 29 December 2011 was followed by the 31st.
    zone: 'Pacific/Apia',
    starts: '2011-09-10T00:00:00Z',
    offsets: [
      ['2011-04-02T14:00:00Z', -11],
      ['2011-09-24T14:00:00Z', -10],
      ['2011-12-30T10:00:00Z', 14],
      ['2012-03-31T14:00:00Z', 13],
      ['2012-09-29T14:00:00Z', 14],
    ],
  },
] as const

interface Visit {
  readonly who: UserId
  readonly at: number
  readonly day: number
  readonly repeat: boolean
}

/** Mulberry32: numbers in [0, 1) that a seed makes the same on every machine. */

function between(random: () => number, from: number, to: number): number {
  return from + Math.floor(random() * (to - from))
}

function dayByLaw(at: number, { offsets }: (typeof ZONES)[number]): number {
  const [, hours] = offsets.findLast(([from]) => Date.parse(from) <= at) ?? [null, Number.NaN]
  return Math.floor((at + hours * HOUR) / DAY)
}

function written(day: number): string {
  const date = new Date(day * DAY)
  const [year, month, ofMonth] = [date.getUTCFullYear(), date.getUTCMonth() + 1, date.getUTCDate()]
  return [year, month, ofMonth].map((part) => String(part).padStart(2, '0')).join('-')
}

/** Some members come for months, most of them a few times around a clock change. */
function visitsIn(place: (typeof ZONES)[number], count: number, firstMember: number): Visit[] {
  const random = seeded(SEED + firstMember)
  const visits: Visit[] = []
  for (let number = firstMember; visits.length < count; number++) {
    const who = member(number)
    const often = number % 60 === 0
    const changes = place.offsets.slice(1)
    const [change = ''] = changes[between(random, 0, changes.length)] ?? []
    let at = often ? Date.parse(place.starts) : Date.parse(change) - between(random, 0, 2 * DAY)
    const length = Math.min(often ? 800 : between(random, 1, 25), count - visits.length)
    for (let step = 0; step < length; step++) {
      if (step > 0 && random() < 0.3) {
        const off = random() < 0.5 ? between(random, 0, 30 * MINUTE) : -between(random, 0, 5 * HOUR)
        visits.push({ who, at: at + off, day: dayByLaw(at + off, place), repeat: true })
      } else {
        const pause = random() < 0.2 ? 0 : between(random, 0, often ? 18 * HOUR : 9 * HOUR)
        if (step > 0) at += 30 * MINUTE + pause
        visits.push({ who, at, day: dayByLaw(at, place), repeat: false })
      }
    }
  }
  return visits
}

function model(counted: readonly Visit[], today: number): VisitSummary {
  const days = counted.map(({ day }) => day)
  const distinct = [...new Set(days)].toSorted((a, b) => a - b)
  const streaks = distinct.map((day, place) => {
    let length = 1
    while (distinct[place - length] === day - length) length += 1
    return length
  })
  const isCurrent = distinct.at(-1) === today || distinct.at(-1) === today - 1
  return {
    total: counted.length,
    days: distinct.length,
    currentStreak: isCurrent ? (streaks.at(-1) ?? 0) : 0,
    longestStreak: Math.max(0, ...streaks),
    lastVisitAt: counted.at(-1)?.at ?? null,
    byDay: distinct
      .map((day) => ({ day: written(day), visits: days.filter((each) => each === day).length }))
      .toReversed(),
  }
}

describe(`${VISITS} visits`, () => {
  const perZone = Math.ceil(VISITS / ZONES.length)

  it.each(ZONES.map((place, index) => ({ zone: place.zone, place, index })))(
    'are counted exactly in $zone',
    async ({ zone, place, index }) => {
      const sent = visitsIn(place, perZone, index * 1_000_000)
      expect(sent.filter(({ repeat }) => repeat).length / sent.length).toBeCloseTo(0.3, 1)
      const shards = [...Map.groupBy(sent, ({ who }) => Number(who.slice(-7)) % SHARDS)]
      expect(shards).toHaveLength(SHARDS)
      for (const [number, visits] of shards) {
        const ofMembers = new Map(visits.map(({ who }): [UserId, Visit[]] => [who, []]))
        const differences = await inShard(number, (shard) => {
          const found: unknown[] = []
          const compare = (what: unknown, got: unknown, want: unknown) => {
            if (JSON.stringify(got) !== JSON.stringify(want)) found.push({ what, got, want })
          }
          for (const visit of visits) {
            const before = ofMembers.get(visit.who) ?? []
            const day = Math.max(visit.day, before.at(-1)?.day ?? visit.day)
            if (!visit.repeat) before.push({ ...visit, day })
            const got = shard.record(visit.who, visit.at, siteDay(visit.at, zone))
            const want = { counted: !visit.repeat, day: written(day), total: before.length }
            compare(visit, got, want)
          }
          for (const [who, counted] of ofMembers) {
            const today = (counted.at(-1)?.day ?? 0) + (Number(who.slice(-7)) % 3)
            compare(who, shard.read(who, written(today)), model(counted, today))
          }
          return found
        })
        expect(differences).toEqual([])
      }
    },
  )
})
