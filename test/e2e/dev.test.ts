/** `npm run dev` is `npm start` with wrangler's own server: the same settings, state and tokens. */
import { statSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test, vi } from 'vitest'
import { freePort } from '../../local/ports.ts'
import { SECRETS } from '../../local/state.ts'
import { run, tempDir, token } from './support/site.ts'

test('has the login, and takes a token and a role of npm run token', async () => {
  const stateDir = tempDir()
  const port = await freePort(0)
  const env = { PORT: String(port), STATE_DIR: stateDir, WRANGLER_SEND_METRICS: 'false' }
  const server = run('dev', [], env, stateDir)
  const url = `http://localhost:${port}`
  // Wrangler bundles the Worker anew at each start, beside whatever else the machine has to do.
  const started = async () => expect((await fetch(`${url}/healthz`)).status).toBe(200)
  await vi.waitFor(started, { timeout: 100_000, interval: 200 })

  const page = await (await fetch(`${url}/auth/sign-in`)).text()
  expect(page).toContain('<form')
  const bearer = await token(stateDir, 'ada', '--role', 'moderator')
  const headers = { Authorization: `Bearer ${bearer}` }
  const who = await (await fetch(`${url}/v1/whoami`, { headers })).json()
  expect(who).toMatchObject({ kind: 'member', roles: ['member', 'moderator'] })
  const document = await (await fetch(`${url}/openapi.json`)).json()
  expect(document).toMatchObject({ servers: [{ url, description: 'local' }] })
  expect(statSync(join(stateDir, SECRETS.devSettings)).mode & 0o777).toBe(0o600)
  await server.end('SIGTERM')
}, 180_000)
