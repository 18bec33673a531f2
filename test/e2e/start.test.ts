import { chmodSync, existsSync, readdirSync, statSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { networkInterfaces } from 'node:os'
import { join } from 'node:path'
import { afterEach, describe, expect, onTestFinished, test, vi } from 'vitest'
import { startCron } from '../../local/cron.ts'
import { DEV_ISSUER } from '../../local/dev-issuer.ts'
import { localSettings } from '../../local/settings.ts'
import { startSite } from '../../local/site.ts'
import { openStateDir, SECRETS } from '../../local/state.ts'
import { eventually } from '../support/eventually.ts'
import {
  descendants,
  run,
  running,
  runScript,
  serverForFile,
  startServer,
  tempDir,
  token,
} from './support/site.ts'

vi.mock(import('../../local/cron.ts'), { spy: true })
afterEach(() => void vi.useRealTimers())

const get = (url: string, bearer?: string, headers: Record<string, string> = {}) =>
  fetch(url, { headers: { ...headers, ...(bearer && { Authorization: `Bearer ${bearer}` }) } })

async function whoami(url: string, bearer: string): Promise<{ userId: string; roles: string[] }> {
  const response = await get(`${url}/v1/whoami`, bearer)
  expect(response.status).toBe(200)
  return response.json()
}

async function lastRuns(url: string, bearer: string): Promise<unknown[]> {
  const response = await get(`${url}/v1/jobs`, bearer)
  expect(response.status).toBe(200)
  const { items } = (await response.json()) as { items: { lastRun: unknown }[] }
  return items.map(({ lastRun }) => lastRun).filter((run) => run !== null)
}

const here = serverForFile()

describe('a start', () => {
  test('says once that it is ready, and answers from then on, by every name of this machine', async () => {
    const server = here()
    for (const path of ['/healthz', '/.well-known/security.txt', '/.well-known/jwks.json'])
      expect((await get(`${server.url}${path}`)).status).toBe(200)
    expect(server.url).toMatch(/^http:\/\/localhost:[1-9]\d*$/)
    expect(server.stdout().match(/^ready on .*$/gm)).toEqual([`ready on ${server.url}`])
    const hosts = ['127.0.0.1']
    const addresses = Object.values(networkInterfaces()).flatMap((found) => found ?? [])
    if (addresses.some(({ address }) => address === '::1')) hosts.push('[::1]')
    for (const host of hosts) {
      const url = server.url.replace('localhost', host)
      expect((await get(`${url}/healthz`)).status).toBe(200)
    }
    expect(server.stderr()).toBe('')
  })

  test('takes settings from the environment first, then from .dev.vars', async () => {
    const stateDir = tempDir()
    const vars = [
      'ALLOWED_ORIGINS=https://file.example',
      `BOOTSTRAP_ADMINS=["${DEV_ISSUER}|from-the-file"]`,
    ]
    writeFileSync(join(stateDir, '.dev.vars'), vars.join('\n'))
    const env = { ALLOWED_ORIGINS: 'https://environment.example' }
    const { url } = await startServer({ stateDir, env })

    const allowed = async (origin: string) =>
      (await get(`${url}/healthz`, undefined, { Origin: origin })).headers.get(
        'access-control-allow-origin',
      )
    expect(await allowed('https://environment.example')).toBe('https://environment.example')
    expect(await allowed('https://file.example')).toBeNull()
    expect((await whoami(url, await token(stateDir, 'from-the-file'))).roles).toContain('admin')
    expect((await whoami(url, await token(stateDir, 'ada'))).roles).not.toContain('admin')
  })

  test.each([
    ['SITE_TIME_ZONE', { SITE_TIME_ZONE: 'Mars/Olympus' }],
    ['TRUSTED_ISSUERS', { TRUSTED_ISSUERS: '[' }],
    ['BOOTSTRAP_ADMINS', { BOOTSTRAP_ADMINS: '{}' }],
    ['PORT', { PORT: 'eighty' }],
    ['PORT', { PORT: '65536' }],
  ])('refuses a bad %s by its name, and leaves nothing running', async (name, env) => {
    const stateDir = tempDir()
    const ended = await runScript('start', [], { PORT: '0', STATE_DIR: stateDir, ...env })
    expect(ended).toMatchObject({ code: 1, stdout: '' })
    expect(ended.stderr).toMatch(new RegExp(`^Guildhall did not start: ${name}\\b`))
    expect(ended.stderr).not.toMatch(/^\s+at /m)
    expect(existsSync(join(stateDir, 'v3'))).toBe(false)
  })

  test('refuses a state directory that cannot be written', async () => {
    const file = join(tempDir(), 'file')
    writeFileSync(file, '')
    const ended = await runScript('start', [], { PORT: '0', STATE_DIR: join(file, 'state') })
    expect(ended).toMatchObject({ code: 1, stdout: '' })
    expect(ended.stderr).toContain('STATE_DIR')
  })

  test('closes to others a state directory that was open to them, and every secret in it', async () => {
    const stateDir = tempDir()
    const secrets = Object.values(SECRETS).map((name) => join(stateDir, name))
    for (const file of secrets) writeFileSync(file, '')
    const other = join(stateDir, 'note')
    writeFileSync(other, '')
    for (const file of [...secrets, other]) chmodSync(file, 0o664)
    chmodSync(stateDir, 0o775)
    const modes = () => [stateDir, ...secrets, other].map((path) => statSync(path).mode & 0o777)
    expect(openStateDir(stateDir)).toBe(stateDir)
    expect(modes()).toEqual([0o700, ...secrets.map(() => 0o600), 0o664])
    // A mode that is narrower than needed stays as it is.
    for (const file of secrets) chmodSync(file, 0o400)
    openStateDir(stateDir)
    expect(modes()).toEqual([0o700, ...secrets.map(() => 0o400), 0o664])
  })

  test('refuses a state directory in which everybody may make files, and leaves it as it is', async () => {
    const stateDir = tempDir()
    chmodSync(stateDir, 0o1777)
    const ended = await runScript('start', [], { PORT: '0', STATE_DIR: stateDir })
    expect(ended).toMatchObject({ code: 1, stdout: '' })
    expect(ended.stderr).toContain('it is for everybody')
    expect([statSync(stateDir).mode & 0o7777, readdirSync(stateDir)]).toEqual([0o1777, []])
  })

  test('makes every secret for its owner alone', async () => {
    const { stateDir, url } = await startServer()
    await fetch(`${url}/auth/sign-up`, {
      method: 'POST',
      headers: { Origin: url },
      body: new URLSearchParams({ name: 'Ada', email: 'ada@example.com' }),
    })
    const mode = (name: string) => statSync(join(stateDir, name)).mode & 0o777
    const { devSettings, ...made } = SECRETS
    for (const name of Object.values(made)) await eventually(() => expect(mode(name)).toBe(0o600))
    expect(existsSync(join(stateDir, devSettings))).toBe(false)
    expect(mode('.')).toBe(0o700)
  })

  test('refuses a port in use, and says how to choose another', async () => {
    const other = createServer()
    onTestFinished(() => void other.close())
    const port = await new Promise<number>((resolve) => {
      other.listen(0, '127.0.0.1', () => resolve((other.address() as { port: number }).port))
    })
    const ended = await runScript('start', [], { PORT: `${port}`, STATE_DIR: tempDir() })
    expect(ended).toMatchObject({ code: 1, stdout: '' })
    expect(ended.stderr).toContain(`port ${port} is in use: choose another with PORT=`)
  })

  test('refuses a state directory that is being served, and does not disturb who serves it', async () => {
    const first = here()
    const second = await runScript('start', [], { PORT: '0', STATE_DIR: first.stateDir })
    expect(second).toMatchObject({ code: 1, stdout: '' })
    expect(second.stderr).toContain(`already being served on ${first.url} by process ${first.pid}`)
    expect((await get(`${first.url}/healthz`)).status).toBe(200)
    expect(existsSync(join(first.stateDir, 'server.json'))).toBe(true)
  })
})

describe('a stop', () => {
  test('leaves nothing behind, however it comes, and the next start finds everything', async () => {
    const stateDir = tempDir()
    // No server runs yet, so one is started for the moment that it takes to give the role.
    const ada = await token(stateDir, 'ada', '--role', 'moderator')
    let userId: string | undefined
    let port = '0'
    for (const signal of ['SIGINT', 'SIGKILL', 'SIGTERM'] as const) {
      const server = await startServer({ stateDir, env: { PORT: port } })
      const before = await whoami(server.url, ada)
      expect(before.roles).toContain('moderator')
      userId ??= before.userId
      expect([signal, before.userId]).toEqual([signal, userId])

      const children = descendants(server.pid)
      expect(children).not.toEqual([])
      // A terminal sends Ctrl-C to all of them.
      if (signal === 'SIGINT') for (const child of children) process.kill(child, signal)
      const { code, stderr } = await server.stop(signal)
      expect([signal, stderr]).toEqual([signal, ''])
      await eventually(() => expect(running(children)).toEqual([]))
      await expect(get(`${server.url}/healthz`)).rejects.toThrow('fetch failed')
      // A server that is killed leaves this file behind, which is in nobody's way.
      const isKilled = signal === 'SIGKILL'
      expect([signal, code]).toEqual([signal, isKilled ? null : 0])
      expect(existsSync(join(stateDir, 'server.json'))).toBe(isKilled)
      ;({ port } = new URL(server.url))
    }
  })

  test('during the start is a success too', async () => {
    const stateDir = tempDir()
    const script = run('start', [], { PORT: '0', STATE_DIR: stateDir }, stateDir)
    await eventually(() => expect(existsSync(join(stateDir, 'server.json'))).toBe(true))
    const children = await eventually(() => {
      const found = descendants(script.child.pid ?? 0)
      expect(found).not.toEqual([])
      return found
    })
    expect(await script.end('SIGTERM')).toEqual({ code: 0, stdout: '', stderr: '' })
    await eventually(() => expect(running(children)).toEqual([]))
    expect(existsSync(join(stateDir, 'server.json'))).toBe(false)
  })
})

describe('a tick', () => {
  test('by hand runs the jobs, of the configured trigger unless told another', async () => {
    const server = await startServer()
    const root = await token(server.stateDir, 'root')
    const tick = (query: string) => get(`${server.url}/cdn-cgi/local/scheduled${query}`)
    const before = await lastRuns(server.url, root)

    const unknown = await tick('?cron=0+0+1+1+*')
    expect([unknown.status, await unknown.text()]).toEqual([500, 'exception'])
    await eventually(() => expect(server.stderr()).toContain('no job is scheduled'))

    const plain = await tick('')
    expect([plain.status, await plain.text()]).toEqual([200, 'ok'])
    expect(await lastRuns(server.url, root)).not.toEqual(before)
    expect((await tick('?cron=*/5+*+*+*+*')).status).toBe(200)
  })

  test('comes by itself, as wrangler.toml has it', async () => {
    const stateDir = tempDir()
    const settings = await localSettings(stateDir, stateDir)
    const site = await startSite({ stateDir, settings })
    onTestFinished(() => site.stop())
    const [crons, tick] = vi.mocked(startCron).mock.lastCall ?? []
    expect(crons).toEqual(['*/5 * * * *'])
    const next = Number(site.schedule.next())
    expect(next % 300_000).toBe(0)
    expect(next - Date.now()).toBeLessThanOrEqual(300_000)
    const root = await token(stateDir, 'root')
    expect(await lastRuns(site.url, root)).toEqual([])
    await tick?.('*/5 * * * *', new Date(next))
    expect(await lastRuns(site.url, root)).not.toEqual([])
    await site.stop()
    expect(site.schedule.next()).toBeUndefined()
  })

  test('is due when the platform would have it due, and not after the end', async () => {
    vi.useFakeTimers({ now: Date.parse('2026-11-21T23:58:30.250Z') })
    const ticks: string[] = []
    const schedule = startCron(['*/5 * * * *', '0 0 * * 1'], async (cron, time) => {
      ticks.push(`${cron} ${time.toISOString()}`)
      throw new Error('one that fails does not stop the rest')
    })
    const silenced = vi.spyOn(console, 'error').mockReturnValue()
    onTestFinished(() => silenced.mockRestore())
    await vi.advanceTimersByTimeAsync(7 * 60_000)
    // 22 November 2026 is a Sunday, which the platform counts as day 1.
    expect(ticks.toSorted()).toEqual([
      '*/5 * * * * 2026-11-22T00:00:00.000Z',
      '*/5 * * * * 2026-11-22T00:05:00.000Z',
      '0 0 * * 1 2026-11-22T00:00:00.000Z',
    ])
    schedule.stop()
    await vi.advanceTimersByTimeAsync(60 * 60_000)
    expect(ticks).toHaveLength(3)
  })
})

describe('a token', () => {
  test('is all there is on stdout, and is made with a key that nobody else may read', async () => {
    const stateDir = tempDir()
    const ended = await runScript('token', ['ada.lovelace'], { STATE_DIR: stateDir })
    expect(ended).toMatchObject({ code: 0, stderr: '' })
    expect(ended.stdout).toMatch(/^[\w-]+\.[\w-]+\.[\w-]+\n$/)
    expect(statSync(join(stateDir, 'dev-issuer.json')).mode & 0o777).toBe(0o600)
    const [, claims = ''] = ended.stdout.split('.')
    expect(JSON.parse(Buffer.from(claims, 'base64url').toString())).toMatchObject({
      sub: 'ada.lovelace',
      name: 'Ada Lovelace',
      email: 'ada.lovelace@example.com',
      email_verified: true,
    })
  })

  test('comes with a role on a site that runs', async () => {
    const { url, stateDir } = here()
    const grace = await token(stateDir, 'grace', '--role', 'admin')
    expect((await whoami(url, grace)).roles).toContain('admin')
  })

  test.each([
    [[], 'name: '],
    [['ada', 'grace'], 'grace: expected one name'],
    [['ada', '--role', 'king'], 'role: '],
    [['ada', '--minutes', '0'], 'minutes: '],
    [['ada', '--minutes', '1.5'], 'minutes: '],
    [['a b'], 'name: expected letters, digits'],
    [['ada', '--unknown'], "Unknown option '--unknown'"],
  ])('is refused for %j, with what is wrong and how to call it', async (args, why) => {
    const ended = await runScript('token', args, { STATE_DIR: tempDir() })
    expect(ended).toMatchObject({ code: 2, stdout: '' })
    expect(ended.stderr.slice(0, why.length)).toBe(why)
    expect(ended.stderr).toMatch(/^usage: /m)
  })
})
