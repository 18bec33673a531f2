/**
 * `npm run bench:own`: the CPU of the site itself per request, with its database answered in the isolate,
 * beside that of an answer of two letters in the same run. `--write` writes it to docs/performance.md.
 */
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'
import { convertV4MiniflareOptions, Miniflare } from 'miniflare'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { sign, trustedIssuer } from '../local/dev-issuer.ts'
import { project } from '../local/project.ts'
import { DIRECT, migrated, QUIET, trusting } from './measured.ts'
import { report } from './report.ts'

const ROUNDS = 9
/** Requests in each round. */
const TIMES = 400

const stateDir = mkdtempSync(join(tmpdir(), 'guildhall-bench-'))
const [made, issuer] = [await project(), await trustedIssuer(stateDir)]
const { outputFiles } = await build({
  entryPoints: [fileURLToPath(new URL('replaying.ts', import.meta.url))],
  bundle: true,
  format: 'esm',
  external: ['./worker.js', 'cloudflare:workers'],
  write: false,
})
const miniflare = new Miniflare(
  convertV4MiniflareOptions({
    ...QUIET,
    workers: [
      {
        ...made.worker,
        ...DIRECT,
        name: 'site',
        bindings: {
          ...trusting(issuer),
          KEEP_PUBLIC_ANSWERS: 'off',
        },
        modules: [
          { type: 'ESModule', path: 'replaying.js', contents: outputFiles[0]?.text ?? '' },
          { type: 'ESModule', path: 'worker.js', contents: made.code },
        ],
      },
    ],
  }),
)
try {
  const db = await migrated(miniflare, 'site', made.migrations)
  const url = (await miniflare.unsafeGetDirectURL('site')).origin
  /** Microseconds for each of so many. @throws Error if the last one was no success */
  const cost = async (call: object, times: number): Promise<number> => {
    const start = performance.now()
    const answer = await fetch(url, { method: 'POST', body: JSON.stringify({ times, ...call }) })
    const status = await answer.text()
    if (!/^20\d$/.test(status)) throw new Error(`${JSON.stringify(call)}: ${status}`)
    return ((performance.now() - start) / times) * 1000
  }
  const ada = { Authorization: `Bearer ${await sign(stateDir, 'ada', {}, 36_000)}` }
  const whoami = { method: 'GET', path: '/v1/whoami', headers: ada, logged: '1' }
  await cost(whoami, 1)
  const id = await db.prepare('select id from users').first<string>('id')
  const user = { ...whoami, path: `/v1/users/${id}` }
  const calls: Record<string, object> = {
    'an answer of two letters': { ...user, headers: {}, isHi: true },
    'GET /v1/whoami, JWT': whoami,
    '… that leaves no line in the log': { ...whoami, logged: '0' },
    'GET /v1/users/{id}, JWT': user,
    'PATCH /v1/me': {
      ...whoami,
      method: 'PATCH',
      path: '/v1/me',
      headers: { ...ada, 'Content-Type': 'application/json' },
      body: '{"bio":"Hello"}',
    },
    'GET /v1/users/{id}, open': { ...user, headers: {} },
  }
  const costs: Record<string, number[]> = {}
  for (const [name, call] of Object.entries(calls)) {
    costs[name] = []
    await cost(call, TIMES)
  }
  for (let round = 0; round < ROUNDS; round++) {
    for (const [name, call] of Object.entries(calls)) costs[name]?.push(await cost(call, TIMES))
  }
  const table = Object.entries(costs).map(([route, each]) => {
    const sorted = each.toSorted((one, other) => one - other)
    const [least, middle] = [sorted[0] ?? 0, sorted[Math.floor(ROUNDS / 2)] ?? 0]
    return { route, 'µs, median': Math.round(middle), 'µs, least': Math.round(least) }
  })
  console.table(table)
  if (process.argv.includes('--write')) report('bench:own', table)
} finally {
  await miniflare.dispose()
  rmSync(stateDir, { recursive: true, force: true })
}
