/**
 * What a site costs on the platform: what each act takes, which test/costs.test.ts counts, times how often
 * it happens, times the platform's prices. `npm run costs` prints it and writes it into docs/costs.md.
 */

/** What one act takes. Rows are those that the platform bills: a row of an index is one more. */
export interface Taken {
  readonly requests: number
  /** Calls of D1; a batch is one. */
  readonly d1Calls: number
  readonly rowsRead: number
  readonly rowsWritten: number
  readonly objectCalls: number
  /** Rows that objects write, which test/objects counts. */
  readonly objectRowsWritten: number
}

export const TAKEN = {
  'first request of a member': taken([1, 2, 19, 15]),
  'own profile, signed in': taken([1, 1, 6, 0]),
  'profile of somebody else': taken([1, 1, 6, 0]),
  'fifty members': taken([1, 1, 107, 0]),
  'own profile changed': taken([1, 1, 19, 9]),
  visit: taken([1, 1, 4, 0], [1, 1]),
  'booking that is confirmed at once': taken([1, 2, 52, 53]),
  'call with an API key': taken([1, 1, 2, 0], [1, 1]),
  'tick that gives a thousand badges': taken([1, 55, 28_718, 11_078], [40, 2000]),
  'tick that finds nothing': taken([1, 36, 163, 45], [24, 0]),
} as const satisfies Record<string, Taken>

export type Act = keyof typeof TAKEN

function taken(
  [requests, d1Calls, rowsRead, rowsWritten]: readonly [number, number, number, number],
  [objectCalls, objectRowsWritten]: readonly [number, number] = [0, 0],
): Taken {
  return { requests, d1Calls, rowsRead, rowsWritten, objectCalls, objectRowsWritten }
}

/** How often an active member does it in a month. Another site has other figures: change them and run it. */
const BY_ACTIVE_MEMBER: Partial<Record<Act, number>> = {
  'own profile, signed in': 20,
  'profile of somebody else': 40,
  'fifty members': 4,
  'own profile changed': 1,
  visit: 12,
  'booking that is confirmed at once': 0.5,
  'call with an API key': 10,
}
const ACTIVE = 0.3
/** New members a month, of all there are. */
const NEW = 0.02
/** Badges that an active member is given in a month. */
const BADGES = 0.2
const TICKS = (60 / 5) * 24 * 30
/** The busiest hour of the week over the average one. */
const PEAK = 10
/** CPU of a request, in milliseconds: ten times what docs/performance.md measures, for slower cores. */
const CPU_MS = 2
/** An object is busy for so long with a call, in seconds, with 128 MB. */
const BUSY_S = 0.005
const OBJECT_GB = 0.125

/** Bytes of a row with its indexes, as `npm run scale` measures them. */
const BYTES = {
  member: 395 + 289,
  auditRow: 750,
  event: 205,
  badge: 221,
  booking: 1441,
  dayOfVisits: 55,
}
/** Rows of the log that an act writes. */
const AUDITED = {
  'own profile changed': 1,
  'booking that is confirmed at once': 2,
} as const
const MONTHS = 12
/** Days of visits that are kept as such, in months. */
const MONTHS_OF_VISITS = 400 / 30.4
const SHARDS = 8
const GB = 1e9

/** https://developers.cloudflare.com/workers/platform/pricing/, read 2026-11-21: [included a month, then $ per unit]. */
const PRICES = {
  requests: [10e6, 0.3 / 1e6],
  cpuMs: [30e6, 0.02 / 1e6],
  rowsRead: [25e9, 0.001 / 1e6],
  rowsWritten: [50e6, 1 / 1e6],
  d1Bytes: [5 * GB, 0.75 / GB],
  objectCalls: [1e6, 0.15 / 1e6],
  objectGbSeconds: [400e3, 12.5 / 1e6],
  objectRowsWritten: [50e6, 1 / 1e6],
  objectBytes: [5 * GB, 0.2 / GB],
} as const satisfies Record<string, readonly [number, number]>

export type Meter = keyof typeof PRICES

const PLAN = 5

export interface Month {
  readonly meters: Readonly<Record<Meter, number>>
  /** US dollars, the plan among them. */
  readonly price: number
  /** Calls of the one database in a second of the busiest hour. */
  readonly d1CallsAtPeak: number
  readonly bytesOfShard: number
}

/** A month of a site with so many members, a year after it began. */
export function monthOf(members: number): Month {
  const active = members * ACTIVE
  const times = new Map<Act, number>([
    ...Object.entries(BY_ACTIVE_MEMBER).map(([act, each]) => [act as Act, each * active] as const),
    ['first request of a member', members * NEW],
    ['tick that gives a thousand badges', (active * BADGES) / 1000],
    ['tick that finds nothing', TICKS],
  ])
  const sum = (of: keyof Taken) =>
    [...times].reduce((all, [act, often]) => all + often * TAKEN[act][of], 0)
  const changes = Object.entries(AUDITED).reduce(
    (all, [act, rows]) => all + rows * (times.get(act as Act) ?? 0),
    members * NEW + active * BADGES,
  )
  const stored =
    members * BYTES.member +
    MONTHS * changes * BYTES.auditRow +
    changes * BYTES.event +
    MONTHS * active * BADGES * BYTES.badge +
    MONTHS * (times.get('booking that is confirmed at once') ?? 0) * BYTES.booking
  const objectBytes = (times.get('visit') ?? 0) * MONTHS_OF_VISITS * BYTES.dayOfVisits
  const meters = {
    requests: sum('requests'),
    cpuMs: sum('requests') * CPU_MS,
    rowsRead: sum('rowsRead'),
    rowsWritten: sum('rowsWritten'),
    d1Bytes: stored,
    objectCalls: sum('objectCalls'),
    objectGbSeconds: sum('objectCalls') * BUSY_S * OBJECT_GB,
    objectRowsWritten: sum('objectRowsWritten'),
    objectBytes,
  }
  return {
    meters,
    price: Object.entries(PRICES).reduce(
      (all, [meter, [included, each]]) =>
        all + Math.max(0, meters[meter as Meter] - included) * each,
      PLAN,
    ),
    d1CallsAtPeak: (sum('d1Calls') / (30 * 24 * 3600)) * PEAK,
    bytesOfShard: objectBytes / SHARDS,
  }
}

/** The least number of members, to two digits, at which it is so. */
export function membersWhere(isSo: (month: Month) => boolean): number {
  for (let members = 1000; ; members *= 1.02) {
    if (isSo(monthOf(members))) return Number(members.toPrecision(2))
  }
}
