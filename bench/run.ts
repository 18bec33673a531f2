/**
 * What the site costs over the floor, as ratios of throughput: both answer the same requests, by turns,
 * so that what else the machine is doing meets both. `npm run bench [rounds] [calls]`; no test
 * depends on it, for how fast it is depends on the machine.
 */
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import type { Call, Load, Outcome } from './load.ts'
import { type Servers, startServers } from './servers.ts'

const ROUNDS = Number(process.argv[2] ?? 7)
/** Of each, in each round. */
const CALLS = Number(process.argv[3] ?? 600)

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
  /** The same for both in the same round. */
  readonly calls: (round: number) => Promise<readonly Call[]> | readonly Call[]
}

async function routesOn({ site, token }: Servers): Promise<readonly Route[]> {
  const bearer = (value: string) => ({ Authorization: `Bearer ${value}` })
  const ada = bearer(await token('ada'))
  const asked = async (path: string, init: RequestInit) =>
    (await (await fetch(`${site}${path}`, init)).json()) as { [name: string]: string }
  const { userId } = await asked('/v1/whoami', { headers: ada })
  const JSON_TYPE = { 'Content-Type': 'application/json' }
  const { secret = '' } = await asked('/v1/api-keys', {
    method: 'POST',
    headers: { ...bearer(await token('root')), ...JSON_TYPE },
    body: JSON.stringify({ name: 'Bench', scopes: ['profile:read'] }),
  })
  const repeated = (call: Call) => () => Array<Call>(CALLS).fill(call)
  const user = `/v1/users/${userId}`
  // A member's visit counts once in a while, so each takes a member of its own.
  const visitors = async (round: number) => {
    const names = Array.from({ length: CALLS }, (_, index) => `visitor ${round} ${index}`)
    const headers = await Promise.all(names.map(async (name) => bearer(await token(name))))
    // A first request makes the member, which is not what is measured.
    await throughput(
      site,
      headers.map((each) => ({ method: 'GET', path: '/v1/whoami', headers: each })),
    )
    return headers.map((each) => ({ method: 'POST', path: '/v1/me/visits', headers: each }))
  }
  return [
    {
      name: 'GET /v1/whoami, JWT',
      calls: repeated({ method: 'GET', path: '/v1/whoami', headers: ada }),
    },
    { name: 'GET a user, JWT', calls: repeated({ method: 'GET', path: user, headers: ada }) },
    {
      name: 'GET a user, API key',
      calls: repeated({ method: 'GET', path: user, headers: bearer(secret) }),
    },
    {
      name: 'PATCH /v1/me',
      calls: repeated({
        method: 'PATCH',
        path: '/v1/me',
        headers: { ...ada, ...JSON_TYPE },
        body: '{"bio":"Hello"}',
      }),
    },
    { name: 'POST /v1/me/visits', calls: visitors },
  ]
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN
}

const servers = await startServers()
try {
  const rows = []
  for (const { name, calls } of await routesOn(servers)) {
    const rounds = []
    // The first is to warm up.
    for (let round = 0; round <= ROUNDS; round++) {
      const sent = await calls(round)
      const floor = await throughput(servers.floor, sent)
      rounds.push({ floor, site: await throughput(servers.site, sent) })
    }
    const counted = rounds.slice(1)
    const ratios = counted.map(({ site, floor }) => site / floor)
    rows.push({
      route: name,
      'site, req/s': Math.round(median(counted.map(({ site }) => site))),
      'floor, req/s': Math.round(median(counted.map(({ floor }) => floor))),
      ratio: median(ratios).toFixed(2),
      'lowest to highest': `${Math.min(...ratios).toFixed(2)} to ${Math.max(...ratios).toFixed(2)}`,
    })
  }
  console.table(rows)
} finally {
  loader.kill()
  await servers.stop()
}
