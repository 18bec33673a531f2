/** `npm run seed` makes a site that behaves like one that people have filled, whether it runs or not. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { SERVICES } from '../../local/seed-data.ts'
import { runScript, startServer } from './support/site.ts'

/** `FULL=1`: as many as a site has that has grown. */
const MANY = process.env['FULL'] ? 20_000 : 40

test('a site that runs is filled, twice, and only by who may read its state', async () => {
  const server = await startServer()
  const env = { STATE_DIR: server.stateDir }
  const seed = () => runScript('seed', ['--members', String(MANY), '--weeks', '3'], env)
  const { stdout: token } = await runScript('token', ['root'], env)
  const headers = { Authorization: `Bearer ${token.trim()}` }
  // As a seeding leaves it that was killed before it had made the slots.
  const [{ hour: _, ...half }] = SERVICES
  const made = await fetch(`${server.url}/v1/services`, {
    method: 'POST',
    headers: { ...headers, 'Content-Type': 'application/json' },
    body: JSON.stringify(half),
  })
  expect(made.status).toBe(201)
  const first = await seed()
  expect(first).toMatchObject({ code: 0, stdout: expect.stringContaining(`${MANY} members with `) })
  expect(first.stdout).toMatch(/with [1-9]\d* visits .* [1-9]\d* slots and [1-9]\d* bookings/)
  // Three weeks and the two to come, of each service.
  expect(first.stdout).toContain(` ${SERVICES.length * 35} slots`)
  const ask = async (path: string) => {
    const answer = await fetch(`${server.url}${path}`, { headers })
    expect(answer.status, path).toBe(200)
    return JSON.parse(await answer.text())
  }
  const { visitsByDay, badgesHeld, members } = await ask('/v1/stats')
  const visits = visitsByDay.reduce((sum: number, each: { visits: number }) => sum + each.visits, 0)
  expect(first.stdout).toContain(`${MANY} members with ${visits} visits`)
  expect(badgesHeld).toBeGreaterThan(0)

  expect(await seed()).toMatchObject({ code: 0, stdout: expect.stringContaining('0 bookings') })
  expect((await ask('/v1/stats')).members.active).toBe(members.active + MANY)

  expect(server.stdout()).not.toContain('mail to ')

  const { lockPort } = JSON.parse(readFileSync(join(server.stateDir, 'server.json'), 'utf8'))
  const guessed = { method: 'POST', body: '{}', headers: { Authorization: 'Bearer guessed' } }
  await expect(fetch(`http://127.0.0.1:${lockPort}`, guessed)).rejects.toThrow('fetch failed')
  await server.stop()
}, 300_000)
