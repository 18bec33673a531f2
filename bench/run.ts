/**
 * What the site costs over two floors, and over an older build of itself, as ratios of throughput: all of
 * them answer the same requests, by turns, so that what else the machine is doing meets each.
 * `npm run bench -- [--rounds 7] [--calls 400] [--baseline REF] [--only TEXT] [--json] [--write]`; no test
 * depends on it, for how fast it is depends on the machine.
 */
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import type { Call, Load, Outcome } from './load.ts'
import { report } from './report.ts'
import { FLOORS, PAGES_HOST, type Servers, startServers } from './servers.ts'

const { values: options } = parseArgs({
  options: {
    rounds: { type: 'string', default: '7' },
    /** Of each, in each round. */
    calls: { type: 'string', default: '400' },
    baseline: { type: 'string' },
    /** Part of the names of the routes that are measured; all, if it is left out. */
    only: { type: 'string', default: '' },
    json: { type: 'boolean', default: false },
    write: { type: 'boolean', default: false },
  },
})
const [ROUNDS, CALLS] = [Number(options.rounds), Number(options.calls)]

const loader = fork(fileURLToPath(new URL('load.ts', import.meta.url)))

/** Requests per second. @throws Error if not every answer was a success */
async function throughput(origin: string, calls: readonly Call[]): Promise<number> {
  loader.send({ origin, calls } satisfies Load)
  const [outcome] = (await once(loader, 'message')) as [Outcome]
  const failed = Object.keys(outcome.statuses).filter((status) => !/^20\d$/.test(status))
  if (failed.length > 0) throw new Error(`${calls[0]?.path}: ${JSON.stringify(outcome.statuses)}`)
  return calls.length / outcome.seconds
}

interface Route {
  readonly name: string
  /** The calls of a round to one of the servers. */
  readonly calls: (server: string, round: number) => Promise<readonly Call[]> | readonly Call[]
  /** Those that have it; left out for all. */
  readonly on?: (server: string) => boolean
}

type Headers = Readonly<Record<string, string>>

const JSON_TYPE = { 'Content-Type': 'application/json' }
const bearer = (token: string): Headers => ({ Authorization: `Bearer ${token}` })

/** What is asked of a site: whoever is asked for is another one on each. */
interface Things {
  readonly user: string
  readonly secret: string
  /** A slot that nobody has booked yet. */
  readonly slot: () => Promise<string>
}

async function thingsOf(
  origin: string,
  root: Headers,
  ada: Headers,
  hasPages: boolean,
): Promise<Things> {
  const asked = async (path: string, headers: Headers, json?: object) => {
    const init = json && { method: 'POST', body: JSON.stringify(json) }
    const answer = await fetch(`${origin}${path}`, {
      ...init,
      headers: { ...headers, ...(json && JSON_TYPE) },
    })
    if (!answer.ok) throw new Error(`${path}: ${answer.status} ${await answer.text()}`)
    return (await answer.json()) as { [name: string]: string }
  }
  const { userId } = await asked('/v1/whoami', ada)
  const key = { name: 'Bench', scopes: ['profile:read'] }
  const { secret = '' } = await asked('/v1/api-keys', root, key)
  const service = await asked('/v1/services', root, { name: 'Bench' })
  if (hasPages) await asked('/v1/page-rules', root, { path: '/members/*', access: 'members' })
  let days = 0
  const slot = async () => {
    const startsAt = new Date(Date.UTC(2040, 0, ++days, 9)).toISOString()
    const endsAt = new Date(Date.UTC(2040, 0, days, 10)).toISOString()
    const slots = { startsAt, endsAt, capacity: 1000 }
    const { id = '' } = await asked(`/v1/services/${service['id']}/slots`, root, slots)
    return id
  }
  return { user: `/v1/users/${userId}`, secret, slot }
}

async function routesOn({ origins, token }: Servers): Promise<readonly Route[]> {
  const [ada, root] = [bearer(await token('ada')), bearer(await token('root'))]
  const things: Record<string, Things> = {}
  for (const [name, origin] of Object.entries(origins)) {
    if (!isFloor(name)) things[name] = await thingsOf(origin, root, ada, name === 'site')
  }
  // The floors are on the database of the site.
  const thingsFor = (server: string): Things =>
    things[isFloor(server) ? 'site' : server] ?? unknownServer(server)
  const repeated = (callTo: (server: string) => Call) => (server: string) =>
    Array<Call>(CALLS).fill(callTo(server))
  const get = (path: string, headers: Headers): Call => ({ method: 'GET', path, headers })
  const crowds = new Map<number, readonly Headers[]>()
  // A first request makes the member, which is not what is measured.
  const crowd = async (server: string, round: number) => {
    const known = crowds.get(round)
    const names = Array.from({ length: CALLS }, (_, index) => `member ${round} ${index}`)
    const headers =
      known ?? (await Promise.all(names.map(async (name) => bearer(await token(name)))))
    crowds.set(round, headers)
    const origin = origins[isFloor(server) ? 'site' : server] ?? unknownServer(server)
    await throughput(
      origin,
      headers.map((each) => get('/v1/whoami', each)),
    )
    return headers
  }
  return [
    { name: 'GET /v1/whoami, JWT', calls: repeated(() => get('/v1/whoami', ada)) },
    { name: 'GET /v1/users/{id}, JWT', calls: repeated((to) => get(thingsFor(to).user, ada)) },
    {
      name: 'GET /v1/users/{id}, API key',
      calls: repeated((to) => get(thingsFor(to).user, bearer(thingsFor(to).secret))),
    },
    {
      // A bookmark has it read anew.
      name: 'GET /v1/users/{id}, open',
      calls: repeated((to) => get(thingsFor(to).user, { 'X-D1-Bookmark': 'none' })),
    },
    { name: 'GET /v1/users/{id}, open, hot', calls: repeated((to) => get(thingsFor(to).user, {})) },
    {
      name: 'PATCH /v1/me',
      calls: repeated(() => ({
        method: 'PATCH',
        path: '/v1/me',
        headers: { ...ada, ...JSON_TYPE },
        body: '{"bio":"Hello"}',
      })),
    },
    {
      name: 'POST /v1/me/visits',
      calls: async (to, round) =>
        (await crowd(to, round)).map((headers) => ({
          method: 'POST',
          path: '/v1/me/visits',
          headers,
        })),
    },
    {
      name: 'GET /v1/users?limit=50',
      calls: repeated(() => get('/v1/users?limit=50', root)),
    },
    {
      name: 'POST /v1/bookings',
      calls: async (to, round) => {
        const body = JSON.stringify({ slotId: await thingsFor(to).slot() })
        return (await crowd(to, round)).map((headers) => ({
          method: 'POST',
          path: '/v1/bookings',
          headers: { ...headers, ...JSON_TYPE },
          body,
        }))
      },
    },
    {
      name: 'GET a page for members, JWT',
      calls: repeated(() => get('/members/x', { ...ada, Host: PAGES_HOST })),
      on: (server) => server !== 'baseline',
    },
  ]
}

function isFloor(server: string): boolean {
  return FLOORS.some((floor) => floor === server)
}

function unknownServer(server: string): never {
  throw new Error(`no server ${server}`)
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN
}

const servers = await startServers(options.baseline)
try {
  const names = Object.keys(servers.origins)
  const others = names.filter((name) => name !== 'site')
  const table = []
  const routes = (await routesOn(servers)).filter(({ name }) => name.includes(options.only))
  for (const { name, calls, on = () => true } of routes) {
    const rounds: Record<string, number>[] = []
    // The first is to warm up.
    for (let round = 0; round <= ROUNDS; round++) {
      const measured: Record<string, number> = {}
      for (const server of names.filter(on)) {
        const sent = await calls(server, round)
        measured[server] = await throughput(servers.origins[server] ?? '', sent)
      }
      rounds.push(measured)
    }
    const counted = rounds.slice(1)
    const ratios = others.filter(on).map((other) => {
      const each = counted.map((measured) => (measured['site'] ?? 0) / (measured[other] ?? 1))
      const [lowest, highest] = [Math.min(...each), Math.max(...each)]
      return [other, { median: median(each), lowest, highest }] as const
    })
    const perSecond = Math.round(median(counted.map((measured) => measured['site'] ?? 0)))
    table.push({ route: name, perSecond, ratios: Object.fromEntries(ratios) })
  }
  const shown = table.map(({ route, perSecond, ratios }) => ({
    route,
    'site, req/s': perSecond,
    ...Object.fromEntries(
      Object.entries(ratios).map(([other, { median: middle, lowest, highest }]) => [
        `over ${other}`,
        `${middle.toFixed(2)} (${lowest.toFixed(2)} to ${highest.toFixed(2)})`,
      ]),
    ),
  }))
  if (options.json) console.log(JSON.stringify({ rounds: ROUNDS, calls: CALLS, table }))
  else console.table(shown)
  if (options.write) report('bench', shown)
} finally {
  loader.kill()
  await servers.stop()
}
