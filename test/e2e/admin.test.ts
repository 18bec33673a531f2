/** The first admin is made by writing to the database, never over HTTP or by a default password. */
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { signUp } from './support/login.ts'
import { runScript, startServer, tempDir } from './support/site.ts'

const PASSWORD = 'violet kettle drums afternoon'
const RECORDER = new URL('support/recording-wrangler.js', import.meta.url).href
const ID = 'usr_01kb0000000000000000000000'

test('is whoever signs in with the given address, at once and for good', async () => {
  const server = await startServer()
  const ada = await signUp(server, 'ada@example.com', PASSWORD)
  const obrien = await signUp(server, "o'brien@example.com", PASSWORD)
  const admin = (...args: string[]) => runScript('admin', args, { STATE_DIR: server.stateDir })
  const whoami = async (Cookie: string) => {
    const headers = { Cookie, Origin: server.url }
    const answer = await fetch(`${server.url}/v1/whoami`, { headers })
    const { userId, roles }: { userId: string; roles: string[] } = JSON.parse(await answer.text())
    return { userId, roles }
  }
  const { userId } = await whoami(obrien)
  expect((await whoami(obrien)).roles).toEqual(['member'])

  const success = { code: 0, stdout: `o'brien@example.com (${userId}) is an admin\n` }
  expect(await admin("O'Brien@Example.com")).toMatchObject(success)
  expect((await whoami(obrien)).roles).toEqual(['member', 'admin'])
  expect((await whoami(ada)).roles).toEqual(['member'])
  expect(await admin("o'brien@example.com")).toMatchObject(success)

  const headers = { Cookie: obrien, Origin: server.url }
  const log = await fetch(`${server.url}/v1/audit?action=role.assign`, { headers })
  const { items }: { items: unknown[] } = JSON.parse(await log.text())
  expect(items).toEqual([
    expect.objectContaining({
      actor: 'system:operator',
      target: userId,
      reason: 'npm run admin',
      changes: { role: 'admin' },
    }),
  ])
  const nobody = await admin('nobody@example.com')
  expect(nobody).toMatchObject({ code: 1, stderr: expect.stringContaining('nobody has signed in') })
  await server.stop()
}, 300_000)

describe('on the deployed site', () => {
  async function remotely(args: readonly string[], env: Readonly<Record<string, string>> = {}) {
    const dir = tempDir()
    const calls = join(dir, 'calls')
    const ended = await runScript('admin', args, {
      NODE_OPTIONS: `--import=${RECORDER}`,
      WRANGLER_CALLS: calls,
      STATE_DIR: dir,
      ...env,
    })
    const lines = existsSync(calls) ? readFileSync(calls, 'utf8').trim().split('\n') : []
    return { ...ended, calls: lines.map((line): string[] => JSON.parse(line)) }
  }

  test('it is wrangler that looks the member up and writes, in two calls', async () => {
    const found = { WRANGLER_FOUND: JSON.stringify([{ id: ID }]) }
    const { code, stdout, calls } = await remotely(['ada@example.com', '--remote'], found)
    expect([code, stdout]).toEqual([0, `ada@example.com (${ID}) is an admin\n`])
    const config = ['--config', expect.stringMatching(/[\\/]wrangler\.(toml|deploy\.json)$/)]
    const execute = ['d1', 'execute', 'DB', '--remote', '--json', '--command']
    const sql = [
      /^select i\.user_id [^;]*where u\.email = 'ada@example\.com'$/,
      /^insert into audit/,
    ]
    expect(calls).toEqual(sql.map((text) => [...execute, expect.stringMatching(text), ...config]))
    const writes = calls[1]?.[6] ?? ''
    for (const table of ['audit_log', 'users set access_revision', 'user_roles']) {
      expect(writes).toContain(table)
    }
    expect(writes.match(new RegExp(`'${ID}'`, 'g'))?.length).toBeGreaterThan(3)
  })

  test('nothing is written for somebody who never signed in, or if wrangler fails', async () => {
    const unknown = await remotely(['nobody@example.com', '--remote'])
    expect([unknown.code, unknown.calls.length]).toEqual([1, 1])
    expect(unknown.stderr).toContain('nobody has signed in with nobody@example.com yet')
    const failure = { WRANGLER_FAILS: 'You need to be logged in' }
    const failed = await remotely(['ada@example.com', '--remote'], failure)
    expect([failed.code, failed.calls.length]).toEqual([1, 1])
    expect(failed.stderr).toContain('You need to be logged in')
  })

  test('an address stays one text in the SQL', async () => {
    const { calls } = await remotely(["o'brien@example.com", '--remote'])
    expect(calls[0]?.[6]).toMatch(/where u\.email = 'o''brien@example\.com'$/)
  })

  test.each([
    [[]],
    [['not an address']],
    [["x' or 1=1 --@example.com"]],
    [["'; drop table users; --@example.com"]],
    [['ada@example.com', 'eve@example.com']],
    [['ada@example.com', '--password', 'admin']],
    [['--remote']],
  ])('%j is answered with how to call it, and wrangler is not', async (args) => {
    const { code, stderr, calls } = await remotely(args)
    expect(code).toBe(2)
    expect(stderr).toContain('usage: npm run admin -- <email> [--remote]')
    expect(calls).toEqual([])
  })
})
