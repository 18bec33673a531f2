/** Believable people, badges and habits for the seed. Everything is drawn from one seeded generator. */

/** The next number in [0, 1). */
export type Random = () => number

/** Mulberry32: small, fast, and good enough to look like people. */
export function random(seed: number): Random {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

const FIRST = [
  'Amara',
  'Björn',
  'Chloé',
  'Dmitri',
  'Elif',
  'Farid',
  'Grace',
  'Hana',
  'Ines',
  'Jun',
  'Kofi',
  'Léa',
  'Mateo',
  'Noor',
  'Oskar',
  'Priya',
  'Quinn',
  'Rosa',
  'Sven',
  'Tariq',
  'Uma',
  'Vera',
  'Wanjiru',
  'Xiomara',
  'Yusuf',
  'Zoë',
]
const LAST = [
  'Abebe',
  'Bianchi',
  'Costa',
  'Dubois',
  'Eriksen',
  'Fischer',
  'García',
  'Haddad',
  'Ivanova',
  'Jansen',
  'Kowalski',
  'Lindqvist',
  'Moreau',
  'Nakamura',
  'Okafor',
  'Petrov',
  'Quiroga',
  'Rossi',
  'Silva',
  'Tanaka',
  'Ueda',
  'Vargas',
  'Weber',
  'Yılmaz',
  'Zhang',
]
const BIOS = [
  'Here for the Thursday talks.',
  'Rides a cargo bike.',
  'Learning to weave.',
  'Bakes on Sundays, shares on Mondays.',
  'Board games and bad puns.',
  'New in town.',
]
const CITIES = [
  ['Lisboa', 'PT'],
  ['Gent', 'BE'],
  ['Tromsø', 'NO'],
  ['Kyoto', 'JP'],
  ['Accra', 'GH'],
  ['Valparaíso', 'CL'],
] as const

export interface Person {
  readonly name: string
  readonly bio: string | null
  readonly address: { readonly city: string; readonly country: string } | null
  /** Oldest first, milliseconds since the epoch; so is the next. */
  readonly visits: readonly number[]
  /** Just before the first visit. */
  readonly joinedAt: number
}

export interface People {
  readonly count: number
  readonly weeks: number
  readonly seed: number
  /** Milliseconds since the epoch. */
  readonly now: number
}

/**
 * In the order they join, so that their rows are put behind those that are there: anywhere else, each of
 * them would have a page of every index read and written anew. People are drawn twice, and nobody is kept.
 */
export function* peopleOf({ count, weeks, seed, now }: People): Generator<Person> {
  const personAt = (nth: number) => personOf(random(seed + nth * 0x9e3779b9), weeks, now)
  const joined = Float64Array.from({ length: count }, (_, nth) => personAt(nth).joinedAt)
  const order = Uint32Array.from({ length: count }, (_, nth) => nth)
  order.sort((one, other) => (joined[one] ?? 0) - (joined[other] ?? 0))
  for (const nth of order) yield personAt(nth)
}

function personOf(draw: Random, weeks: number, now: number): Person {
  const name = `${pick(draw, FIRST)} ${pick(draw, LAST)}`
  const [city, country] = pick(draw, CITIES)
  const bio = draw() < 0.6 ? pick(draw, BIOS) : null
  const address = draw() < 0.4 ? { city, country } : null
  const visits = visitsOf(draw, weeks, now)
  return { name, bio, address, visits, joinedAt: (visits[0] ?? now) - 60_000 }
}

export const BADGES = [
  {
    title: 'First Steps',
    description: 'Came by for the first time.',
    backgroundColor: '#0f766e',
    rule: { metric: 'visits', threshold: 1 },
  },
  {
    title: 'Regular',
    description: 'Ten visits within thirty days.',
    backgroundColor: '#1d4ed8',
    rule: { metric: 'visits', threshold: 10, windowDays: 30 },
  },
  {
    title: 'Week in a Row',
    description: 'Seven days without missing one.',
    backgroundColor: '#b45309',
    rule: { metric: 'streakDays', threshold: 7 },
  },
  {
    title: 'Pillar',
    description: 'Thirty different days.',
    backgroundColor: '#7c2d12',
    rule: { metric: 'visitDays', threshold: 30 },
  },
  {
    title: 'Volunteer',
    description: 'Helped at an event. Given by hand.',
    backgroundColor: '#4c1d95',
    rule: undefined,
  },
] as const

/** Who may open which pages, in order: one rule of each kind, and the rest is open. */
export const PAGE_RULES: readonly {
  readonly path: string
  readonly access: string | { readonly may: string } | { readonly badgeOf: string }
  readonly onUnauthenticated?: string
}[] = [
  { path: '/welcome', access: 'visitors-only' },
  { path: '/members/*', access: 'members' },
  { path: '/regulars/*', access: { badgeOf: 'Regular' } },
  { path: '/team/*', access: { may: 'profile:list' }, onUnauthenticated: '404' },
  { path: '/*', access: 'anyone' },
]

/** What can be booked, and at what hour (UTC). */
export const SERVICES = [
  { name: 'Morning yoga', timeZone: 'Europe/Berlin', hour: 6 },
  { name: 'Guided tour', timeZone: 'Europe/Berlin', autoConfirm: true, hour: 12 },
  { name: 'Bicycle repair', timeZone: 'Europe/Berlin', holdMinutes: 1440, hour: 16 },
] as const

const DAY_MS = 24 * 60 * 60 * 1000

/** The times of one member's visits, oldest first, milliseconds. Most come now and then, some nearly daily. */
function visitsOf(draw: Random, weeks: number, now: number): number[] {
  const eagerness = draw() ** 2
  const hour = 7 + draw() * 14
  const midnight = now - (now % DAY_MS)
  const times: number[] = []
  for (let day = weeks * 7; day >= 1; day--) {
    if (draw() > eagerness) continue
    const at = midnight - day * DAY_MS + (hour + draw()) * 3_600_000
    times.push(Math.round(at))
    if (draw() < eagerness / 3) times.push(Math.round(at + 2 * 3_600_000))
  }
  return times
}

function pick<T>(draw: Random, from: readonly [T, ...T[]] | readonly T[]): T {
  const [first, ...rest] = from
  const chosen = [first, ...rest][Math.floor(draw() * from.length)]
  if (chosen === undefined) throw new RangeError('nothing to pick from')
  return chosen
}
