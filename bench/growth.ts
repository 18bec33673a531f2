/**
 * `npm run bench:growth`: what a page, a read and a write cost with a thousand, a hundred thousand and a
 * million rows in every table that grows, asked of the three sites by turns. `-- --write` writes it to
 * docs/performance.md; `-- --sizes 1000,100000` asks of others.
 */
import { parseArgs } from 'node:util'
import { report } from './report.ts'
import { startSite, type Served } from './servers.ts'

const { values: options } = parseArgs({
  options: {
    sizes: { type: 'string', default: '1000,100000,1000000' },
    rounds: { type: 'string', default: '15' },
    /** Of each call on each site, in each round. */
    calls: { type: 'string', default: '20' },
    write: { type: 'boolean', default: false },
  },
})
const SIZES = options.sizes.split(',').map(Number)
const [ROUNDS, CALLS] = [Number(options.rounds), Number(options.calls)]

interface Call {
  readonly method?: string
  readonly path: string
  readonly body?: () => object
}

interface Site {
  readonly size: number
  readonly calls: Readonly<Record<string, Call>>
  /** Milliseconds. @throws Error if the answer is no success */
  readonly time: (call: Call) => Promise<number>
  readonly stop: () => Promise<void>
}

/** Copies of a row, with ids of their own, and other columns as expressions of `n` say. */
async function multiply(
  { db }: Served,
  [table, id, size]: readonly [table: string, id: string, size: number],
  columns: Readonly<Record<string, string>>,
): Promise<void> {
  const { results } = await db
    .prepare(`select name from pragma_table_info('${table}')`)
    .all<{ name: string }>()
  const own: Record<string, string> = {
    id: `substr(id, 1, 4) || '0' || printf('%025d', n)`,
    ...columns,
  }
  const names = results.map(({ name }) => name)
  const at = 100_000
  for (let from = 0; from < size; from += at) {
    await db
      .prepare(
        `insert into ${table} (${names.join(', ')})
         with recursive numbers(n) as (select ?2 + 1 union all select n + 1 from numbers where n < ?3)
         select ${names.map((name) => own[name] ?? name).join(', ')} from numbers, ${table} where id = ?1`,
      )
      .bind(id, from, Math.min(from + at, size))
      .run()
  }
}

async function siteOf(size: number): Promise<Site> {
  const served = await startSite()
  const { origin, token, db } = served
  const [root, ada] = [await token('root'), await token('ada')]
  const ask = async (
    bearer: string,
    path: string,
    body?: object,
    method = body ? 'POST' : 'GET',
  ) => {
    const answer = await fetch(`${origin}${path}`, {
      method,
      headers: {
        Authorization: `Bearer ${bearer}`,
        ...(body && { 'Content-Type': 'application/json' }),
      },
      ...(body && { body: JSON.stringify(body) }),
    })
    const text = await answer.text()
    if (!answer.ok) throw new Error(`${path}: ${answer.status} ${text}`)
    return text
  }
  const made = async (bearer: string, path: string, body?: object) =>
    JSON.parse(await ask(bearer, path, body)) as { id: string; userId: string }
  const { userId } = await made(ada, '/v1/whoami')
  const service = await made(root, '/v1/services', { name: 'Bench' })
  const slots = `/v1/services/${service.id}/slots`
  const year = (n: number) => new Date(Date.UTC(n, 0, 1)).toISOString()
  const slot = await made(root, slots, {
    startsAt: year(2040),
    endsAt: year(2041),
    capacity: 10_000,
  })
  const booking = await made(root, '/v1/bookings', {
    slotId: slot.id,
    contact: { name: 'Guest', email: 'guest@example.com' },
  })
  const entry = await db.prepare('select id from audit_log').first<string>('id')

  await multiply(served, ['users', userId, size], {
    name_key: `'member ' || printf('%07d', n)`,
    display_name: `'Member ' || n`,
  })
  // Each tenth is what is asked for, by one of two filters and never by both.
  const tenth = (digit: number, asked: string, other: string) =>
    `iif(n % 10 = ${digit}, '${asked}', '${other}')`
  await multiply(served, ['bookings', booking.id, size], {
    service_id: tenth(0, service.id, 'svc_other'),
    status: tenth(1, 'declined', 'confirmed'),
    starts_at: tenth(2, year(2030), year(2020)),
    slot_id: `'slt_other'`,
    network: 'null',
    owner: tenth(3, userId, 'usr_other'),
  })
  await multiply(served, ['audit_log', entry ?? '', size], {
    actor: tenth(0, 'usr_asked', 'other'),
    action: tenth(1, 'asked', 'other'),
    target: tenth(2, 'usr_asked', 'other'),
  })
  await multiply(served, ['slots', slot.id, size], {
    starts_at: `strftime('%Y-%m-%dT%H:%M:%fZ', '2050-01-01', n || ' minutes')`,
    ends_at: `strftime('%Y-%m-%dT%H:%M:%fZ', '2050-01-01', n || ' minutes', '30 seconds')`,
  })

  const list = (path: string): Call => ({ path })
  let times = 0
  const calls: Record<string, Call> = {
    'GET /v1/users/{id}': list(`/v1/users/${userId}`),
    'GET /v1/users': list('/v1/users'),
    'GET /v1/users?q': list('/v1/users?q=member%200000'),
    'GET /v1/bookings': list('/v1/bookings'),
    '… ?status': list('/v1/bookings?status=declined'),
    '… ?serviceId&status, nothing found': list(
      `/v1/bookings?serviceId=${service.id}&status=declined`,
    ),
    '… ?from&to': list(`/v1/bookings?from=${year(2029)}&to=${year(2031)}`),
    '… ?serviceId&from&to, nothing found': list(
      `/v1/bookings?serviceId=${service.id}&from=${year(2029)}&to=${year(2031)}`,
    ),
    '… of one owner': list('/v1/me/bookings'),
    'GET /v1/services/{id}/slots?from': list(`${slots}?from=${year(2050)}`),
    'GET /v1/audit': list('/v1/audit'),
    '… ?actor': list('/v1/audit?actor=usr_asked'),
    '… ?actor&action, nothing found': list('/v1/audit?actor=usr_asked&action=asked'),
    '… ?target&since': list(`/v1/audit?target=usr_asked&since=${year(1970)}`),
    'PATCH /v1/me': { method: 'PATCH', path: '/v1/me', body: () => ({ bio: `Hello ${times++}` }) },
    'POST /v1/bookings': {
      path: '/v1/bookings',
      body: () => ({
        slotId: slot.id,
        contact: { name: null, email: `g${times++}@example.com`, phone: null },
      }),
    },
  }
  return {
    size,
    calls,
    time: async ({ method, path, body }) => {
      const who = path.startsWith('/v1/me') ? ada : root
      const start = performance.now()
      await ask(who, path, body?.(), method)
      return performance.now() - start
    },
    stop: served.stop,
  }
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN
}

const sites: Site[] = []
try {
  for (const size of SIZES) {
    console.log(`making a site with ${size.toLocaleString('en')} rows in each table`)
    sites.push(await siteOf(size))
  }
  const table = []
  for (const name of Object.keys(sites[0]?.calls ?? {})) {
    const medians = sites.map((): number[] => [])
    for (let round = 0; round <= ROUNDS; round++) {
      for (const [index, { calls, time }] of sites.entries()) {
        const times: number[] = []
        for (let call = 0; call < CALLS; call++) times.push(await time(calls[name] ?? { path: '' }))
        // The first round is to warm up.
        if (round > 0) medians[index]?.push(median(times))
      }
    }
    const first = medians[0] ?? []
    const last = medians.at(-1) ?? []
    const ratios = first.map((each, round) => (last[round] ?? Number.NaN) / each)
    table.push({
      call: name,
      ...Object.fromEntries(
        sites.map(({ size }, index) => [
          `ms at ${size.toLocaleString('en')}`,
          median(medians[index] ?? []).toFixed(2),
        ]),
      ),
      'last over first': `${median(ratios).toFixed(2)} (${Math.min(...ratios).toFixed(2)} to ${Math.max(...ratios).toFixed(2)})`,
    })
  }
  console.table(table)
  if (options.write) report('bench:growth', table)
} finally {
  for (const { stop } of sites) await stop()
}
