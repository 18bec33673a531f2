/**
 * `npm run bench:peers`: the site beside others that do some of what it does, asked by turns. They are
 * whole servers with a process, a database file and a language of their own, so this compares what somebody
 * gets who runs one of them on this machine, and not how well each is written. `-- --write` writes it to
 * docs/performance.md. PocketBase comes from npm, into a temporary folder.
 */
import { execFileSync, fork, spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { createInterface } from 'node:readline'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import type { Call, Load, Outcome } from './load.ts'
import { report } from './report.ts'
import { startServers } from './servers.ts'

const { values: options } = parseArgs({
  options: {
    rounds: { type: 'string', default: '7' },
    calls: { type: 'string', default: '400' },
    write: { type: 'boolean', default: false },
  },
})
const [ROUNDS, CALLS] = [Number(options.rounds), Number(options.calls)]
/** The package of this machine, which holds the program itself. */
const POCKETBASE = `pocketbase-${process.platform}-${process.arch === 'x64' ? 'amd64' : process.arch}`
const POCKETBASE_VERSION = '0.22.20-4'
const PASSWORD = 'correct horse battery'

const folder = mkdtempSync(join(tmpdir(), 'guildhall-peers-'))
const started: ChildProcess[] = []

/** A server, and the calls of it that mean the same as those of the others. */
interface Peer {
  readonly name: string
  readonly origin: string
  readonly calls: Readonly<Partial<Record<Act, Call>>>
}

const ACTS = ['who am I', 'my own profile', 'change my profile', 'fifty members'] as const
type Act = (typeof ACTS)[number]

const JSON_TYPE = { 'Content-Type': 'application/json' }

async function ask(origin: string, { method, path, headers, body }: Call): Promise<Response> {
  const answer = await fetch(`${origin}${path}`, { method, headers, ...(body && { body }) })
  if (!answer.ok) throw new Error(`${origin}${path}: ${answer.status} ${await answer.text()}`)
  return answer
}

async function asked(origin: string, call: Call): Promise<Record<string, unknown>> {
  return (await (await ask(origin, call)).json()) as Record<string, unknown>
}

const get = (path: string, headers: Call['headers']): Call => ({ method: 'GET', path, headers })

function send(method: string, path: string, body: object, headers: Call['headers'] = {}): Call {
  return { method, path, headers: { ...headers, ...JSON_TYPE }, body: JSON.stringify(body) }
}

async function site(): Promise<Peer & { readonly stop: () => Promise<void> }> {
  const { origins, token, stop } = await startServers()
  const origin = origins['site'] ?? ''
  const bearer = async (who: string) => ({ Authorization: `Bearer ${await token(who)}` })
  const [root, ada] = [await bearer('root'), await bearer('ada')]
  const { userId } = await asked(origin, get('/v1/whoami', ada))
  return {
    name: 'Guildhall',
    origin,
    stop,
    calls: {
      'who am I': get('/v1/whoami', ada),
      'my own profile': get(`/v1/users/${String(userId)}`, ada),
      'change my profile': send('PATCH', '/v1/me', { displayName: 'Ada' }, ada),
      'fifty members': get('/v1/users?limit=50', root),
    },
  }
}

async function betterAuth(): Promise<Peer> {
  const server = fork(fileURLToPath(new URL('better-auth.ts', import.meta.url)), [
    join(folder, 'better-auth.sqlite'),
  ])
  started.push(server)
  const [origin] = (await once(server, 'message')) as [string]
  const signUp = { name: 'Ada', email: 'ada@example.com', password: PASSWORD }
  const answer = await ask(origin, send('POST', '/api/auth/sign-up/email', signUp))
  const cookies = answer.headers.getSetCookie().map((each) => each.split(';')[0])
  const cached = { Cookie: cookies.join('; ') }
  return {
    name: 'better-auth 1.7.7',
    origin,
    calls: {
      'who am I': get('/api/auth/get-session', cached),
      'my own profile': get('/api/auth/get-session?disableCookieCache=true', cached),
      'change my profile': send('POST', '/api/auth/update-user', { name: 'Ada' }, cached),
    },
  }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  server.close()
  await once(server, 'close')
  return typeof address === 'object' && address ? address.port : 0
}

async function pocketBase(): Promise<Peer> {
  execFileSync(
    'npm',
    ['install', '--prefix', folder, '--ignore-scripts', `${POCKETBASE}@${POCKETBASE_VERSION}`],
    {
      stdio: 'ignore',
    },
  )
  const program = join(folder, 'node_modules', POCKETBASE, 'pocketbase')
  const address = `127.0.0.1:${await freePort()}`
  const data = ['--dir', join(folder, 'pb_data')]
  execFileSync(program, ['migrate', 'up', ...data], { stdio: 'ignore' })
  const admin = { identity: 'root@example.com', password: PASSWORD }
  execFileSync(program, ['admin', 'create', admin.identity, admin.password, ...data], {
    stdio: 'ignore',
  })
  const server = spawn(program, ['serve', '--http', address, ...data])
  started.push(server)
  for await (const line of createInterface(server.stdout)) if (line.includes('started')) break
  server.stdout.resume()
  const origin = `http://${address}`
  const tokenOf = async (path: string, body: object) => {
    const { token } = await asked(origin, send('POST', `${path}/auth-with-password`, body))
    return { Authorization: String(token) }
  }
  const root = await tokenOf('/api/admins', admin)
  const users = '/api/collections/users'
  const add = (name: string) =>
    asked(
      origin,
      send(
        'POST',
        `${users}/records`,
        {
          username: name,
          email: `${name}@example.com`,
          password: PASSWORD,
          passwordConfirm: PASSWORD,
        },
        root,
      ),
    )
  const { id } = await add('ada')
  for (let number = 0; number < 60; number++) await add(`member${number}`)
  const ada = await tokenOf(users, { identity: 'ada', password: PASSWORD })
  const own = `${users}/records/${String(id)}`
  return {
    name: 'PocketBase 0.22.20',
    origin,
    calls: {
      'my own profile': get(own, ada),
      'change my profile': send('PATCH', own, { name: 'Ada' }, ada),
      'fifty members': get(`${users}/records?perPage=50&skipTotal=1`, root),
    },
  }
}

const loader = fork(fileURLToPath(new URL('load.ts', import.meta.url)))
started.push(loader)

/** Answers per second. @throws Error if not every answer was a success */
async function throughput({ origin }: Peer, call: Call): Promise<number> {
  loader.send({ origin, calls: Array<Call>(CALLS).fill(call) } satisfies Load)
  const [outcome] = (await once(loader, 'message')) as [Outcome]
  const failed = Object.keys(outcome.statuses).filter((status) => !/^20\d$/.test(status))
  if (failed.length > 0) throw new Error(`${call.path}: ${JSON.stringify(outcome.statuses)}`)
  return CALLS / outcome.seconds
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN
}

const guildhall = await site()
try {
  const peers: readonly Peer[] = [guildhall, await betterAuth(), await pocketBase()]
  const table = []
  for (const act of ACTS) {
    const measured = new Map(peers.map(({ name }) => [name, [] as number[]]))
    // The first round is to warm up.
    for (let round = 0; round <= ROUNDS; round++) {
      for (const peer of peers) {
        const call = peer.calls[act]
        const each = call && (await throughput(peer, call))
        if (each !== undefined && round > 0) measured.get(peer.name)?.push(each)
      }
    }
    const cells = [...measured].map(([name, each]) => [
      `${name}, req/s`,
      each.length > 0 ? Math.round(median(each)) : '–',
    ])
    table.push({ act, ...Object.fromEntries(cells) })
  }
  console.table(table)
  if (options.write) report('bench:peers', table)
} finally {
  for (const process of started) process.kill()
  await guildhall.stop()
  rmSync(folder, { recursive: true, force: true })
}
