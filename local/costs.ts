/** `npm run costs`: what a month costs at three sizes, and where the design ends; `-- --write` into docs/costs.md. */
import { parseArgs } from 'node:util'
import { report } from '../bench/report.ts'
import { called } from './called.ts'
import { membersWhere, type Meter, monthOf, TAKEN } from './cost-model.ts'

const USAGE = `usage: npm run costs -- [--write]

  --write  writes the tables into docs/costs.md, too`

const { write } = called(
  USAGE,
  () => parseArgs({ options: { write: { type: 'boolean', default: false } } }).values,
)

const SIZES = [10_000, 1_000_000, 100_000_000]
const GB = 1e9
/** Of a database and of an object: https://developers.cloudflare.com/d1/platform/limits/. */
const MOST_BYTES = 10 * GB
/** A database does one thing at a time; a batch of some statements takes it two milliseconds. */
const CALLS_A_SECOND = 500

const METERS: Readonly<Record<Meter, readonly [what: string, unit: number]>> = {
  requests: ['requests, millions', 1e6],
  cpuMs: ['CPU, million ms', 1e6],
  rowsRead: ['D1 rows read, millions', 1e6],
  rowsWritten: ['D1 rows written, millions', 1e6],
  d1Bytes: ['D1 storage, GB', GB],
  objectCalls: ['object calls, millions', 1e6],
  objectGbSeconds: ['object duration, thousand GB-s', 1e3],
  objectRowsWritten: ['object rows written, millions', 1e6],
  objectBytes: ['object storage, GB', GB],
}

const shown = (value: number) => Number(value.toPrecision(3)).toLocaleString('en-US')
const nameOf = (members: number) => `${members.toLocaleString('en-US')} members`

const acts = Object.entries(TAKEN).map(([act, of]) => ({
  act,
  'calls of D1': of.d1Calls,
  'rows read': of.rowsRead,
  'rows written': of.rowsWritten,
  'calls of objects': of.objectCalls,
  'rows written there': of.objectRowsWritten,
}))

const months = SIZES.map((members) => [nameOf(members), monthOf(members)] as const)
const month = (Object.keys(METERS) as Meter[]).map((meter) => {
  const [what, unit] = METERS[meter]
  const cells = months.map(([name, { meters }]) => [name, shown(meters[meter] / unit)])
  return { 'a month': what, ...Object.fromEntries(cells) }
})
const price = {
  'a month': '**US dollars**',
  ...Object.fromEntries(months.map(([name, each]) => [name, `**${shown(each.price)}**`])),
}
const peak = {
  'a month': 'D1 calls a second, busiest hour',
  ...Object.fromEntries(months.map(([name, each]) => [name, shown(each.d1CallsAtPeak)])),
}

const ends = [
  {
    'what ends': 'one D1 database of 10 GB, a year after the beginning',
    'at members': membersWhere(({ meters }) => meters.d1Bytes > MOST_BYTES),
  },
  {
    'what ends': 'its one thread, at 500 calls a second in the busiest hour',
    'at members': membersWhere(({ d1CallsAtPeak }) => d1CallsAtPeak > CALLS_A_SECOND),
  },
  {
    'what ends': 'a shard of 10 GB, with 8 of them',
    'at members': membersWhere(({ bytesOfShard }) => bytesOfShard > MOST_BYTES),
  },
].map((row) => ({ ...row, 'at members': row['at members'].toLocaleString('en-US') }))

for (const [name, rows] of [
  ['costs:acts', acts],
  ['costs:month', [...month, peak, price]],
  ['costs:ends', ends],
] as const) {
  console.table(rows)
  if (write) report(name, rows, 'docs/costs.md')
}
