import { afterEach, describe, expect, test, vi } from 'vitest'
import { dump } from '../support/dump.ts'
import { partner } from '../support/keys.ts'
import { rowsOf } from '../support/population.ts'
import { type Member, type Reply, testSite } from '../support/site.ts'

const SECRET = /guild_[0-9a-z]{26}_([0-9A-Za-z]{43})/g
const secretsIn = (text: string) => [...text.matchAll(SECRET)].map(([, secret = '']) => secret)

afterEach(() => vi.restoreAllMocks())

/** Everything that was written to the console, as text. */
function listen(): () => string {
  const methods = ['log', 'info', 'warn', 'error', 'debug'] as const
  const spies = methods.map((method) => vi.spyOn(console, method).mockReturnValue())
  return () => JSON.stringify(spies.flatMap((spy) => spy.mock.calls))
}

describe('a secret is shown once', () => {
  test('in the answer that made it; no other answer, log line, audit row or table has it', async () => {
    const logged = listen()
    const site = testSite()
    const [root, ada] = [await site.root(), await site.member('ada')]
    const once = { headers: { 'Idempotency-Key': 'first' } }
    const created = await root.post('/v1/api-keys', { name: 'P', scopes: ['audit:read'] }, once)
    const path = `/v1/api-keys/${created.body.id}`
    const again = { headers: { 'Idempotency-Key': 'second' } }
    const rotated = await root.post(`${path}/rotate`, { graceSeconds: 60 }, again)
    const secrets = secretsIn(JSON.stringify([created.body, rotated.body]))
    expect(new Set(secrets).size).toBe(2)

    const [old, key] = [created, rotated].map(({ body }) => site.bearer(body.secret))
    const replies: (Reply | undefined)[] = [
      await old?.get('/v1/whoami'),
      await key?.get('/v1/whoami'),
      await key?.get('/v1/audit'),
      await key?.get('/v1/me'),
      await key?.get('/v1/nowhere'),
      await key?.post('/v1/api-keys', { name: rotated.body.secret }),
      await root.get(path),
      await root.get('/v1/api-keys'),
      await root.get(`${path}/usage`),
      await root.get('/v1/audit'),
      await root.patch(path, { name: 'Renamed' }),
      await root.delete(path),
      await key?.get(`/v1/users/${ada.userId}`),
    ]
    const told = JSON.stringify(replies.map((reply) => [reply?.body, ...(reply?.headers ?? [])]))
    const stored = JSON.stringify(await dump())
    expect(stored).toContain(created.body.id)
    for (const secret of secrets) {
      expect(`${told}${stored}${logged()}`).not.toContain(secret)
    }
  })

  test('apart from the replay of that answer, which takes the Idempotency-Key it was stored under', async () => {
    const site = testSite()
    const root = await site.root()
    const create = (key: string) =>
      root.post('/v1/api-keys', { name: 'P', scopes: [] }, { headers: { 'Idempotency-Key': key } })
    const first = await create('canary-7c1f')
    const replay = await create('canary-7c1f')
    expect(replay.headers.get('Idempotency-Replayed')).toBe('true')
    expect(replay).toMatchObject({ status: 201, body: first.body })
    expect((await create('another')).body.id).not.toBe(first.body.id)
    // The Idempotency-Key opens the stored answer, so it must not be stored beside it.
    expect(JSON.stringify(await dump())).not.toContain('canary-7c1f')
  })

  test('and who can write to the table cannot have it replayed under another key or to another caller', async () => {
    listen()
    const site = testSite()
    const [root, boss] = [await site.root(), await site.memberWith('admin', 'boss')]
    const create = (by: Member, key: string) =>
      by.post('/v1/api-keys', { name: 'P', scopes: [] }, { headers: { 'Idempotency-Key': key } })
    const secret = (await create(root, 'canary')).body.secret
    await rowsOf(
      `update idempotency_keys set created_at = strftime('%FT%H:%M:%fZ', created_at, '-1 minute')`,
    )
    await create(root, 'other')
    await create(boss, 'canary')
    await rowsOf(`update idempotency_keys set body =
      (select body from idempotency_keys where caller = '${root.userId}' order by created_at limit 1)`)
    const replays = [await create(root, 'other'), await create(boss, 'canary')]
    for (const reply of replays) expect(reply).toMatchObject({ status: 500 })
    expect((await create(root, 'canary')).body.secret).toBe(secret)
  })

  test('also when storage fails while it is made', async () => {
    const logged = listen()
    const site = testSite()
    const key = await partner(site)
    const root = await site.root()
    const broken = testSite({
      KEYS: { getByName: () => ({ refresh: () => Promise.reject(new Error('gone')) }) } as never,
    })
    const path = `/v1/api-keys/${key.id}/rotate`
    const reply = await broken.bearer(root.token).post(path, {})
    expect(reply.status).toBe(503)
    expect(secretsIn(`${JSON.stringify([reply.body, ...reply.headers])}${logged()}`)).toEqual([])
    expect(logged()).toContain('gone')
  })
})
