/** What was refused to a member or a key can be looked up by the id of the request. */
import { createExecutionContext, waitOnExecutionContext } from 'cloudflare:test'
import { env } from 'cloudflare:workers'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { arrivalOf } from '../../src/http/arrival.ts'
import worker from '../../src/worker.ts'
import { canaryMember, leaksIn, PROFILE } from '../support/canaries.ts'
import { countingStorage } from '../support/counting.ts'
import { failingStorage } from '../support/failing.ts'
import { linesOf } from '../support/log-lines.ts'
import { holder, partner } from '../support/keys.ts'
import { rowsOf } from '../support/population.ts'
import { type Reply, testSite, type Way } from '../support/site.ts'

beforeEach(() => void vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] }))
afterEach(() => {
  vi.useRealTimers()
  vi.restoreAllMocks()
})

/** A site that writes refusals down, when `later` says that the time has come. */
function scene(overrides: Parameters<typeof testSite>[0] = {}) {
  const open: ExecutionContext[] = []
  const way: Way = async (request, env) => {
    const ctx = createExecutionContext()
    open.push(ctx)
    const answer = worker.fetch(request, env, ctx)
    arrivalOf(request).end()
    return answer
  }
  const later = async () => {
    vi.advanceTimersByTime(20_000)
    for (const ctx of open.splice(0)) await waitOnExecutionContext(ctx)
  }
  return { site: testSite({ KEEP_REFUSALS: 'on', ...overrides }, way), later }
}

const pathOf = ({ body }: Reply) => `/v1/refusals/${body.requestId}`
const count = (table: string) => rowsOf<{ n: number }>(`select count(*) as n from ${table}`)

describe('GET /v1/refusals/{requestId}', () => {
  test('says what was asked for by whom, where it ended and what was missing', async () => {
    const { site, later } = scene()
    const [root, ada] = [await site.root(), await site.member('ada')]
    const refused = await ada.patch(`/v1/users/${root.userId}`, { bio: 'x' })
    expect((await root.get(pathOf(refused))).status).toBe(404)
    await later()
    const { status, body } = await root.get(pathOf(refused))
    expect([status, body]).toEqual([
      200,
      {
        requestId: refused.body.requestId,
        at: expect.any(String),
        caller: ada.userId,
        method: 'PATCH',
        route: '/v1/users/{userId}',
        status: 403,
        code: 'forbidden',
        stage: 'ownership',
        required: 'profile:update',
        reach: 'any',
        now: {
          allowed: false,
          checks: [
            { stage: 'credential', outcome: 'passed', detail: `The member ${ada.userId}.` },
            { stage: 'session', outcome: 'passed', detail: 'The member is active.' },
            { stage: 'permission', outcome: 'passed', detail: expect.any(String) },
            { stage: 'ownership', outcome: 'failed', detail: expect.any(String) },
          ],
          change: expect.stringContaining('moderator'),
        },
      },
    ])
    expect((await ada.get(pathOf(refused))).status).toBe(403)
  })

  test('explains it as it would be now', async () => {
    const { site, later } = scene()
    const [root, ada] = [await site.root(), await site.member('ada')]
    const key = await partner(site, { scopes: [] })
    const refusals = {
      audit: await ada.get('/v1/audit'),
      me: await key.get('/v1/me'),
      list: await key.get('/v1/users'),
    }
    await root.put(`/v1/users/${ada.userId}/roles/admin`)
    await root.patch(`/v1/api-keys/${key.id}`, { scopes: ['profile:list'] })
    await root.post(`/v1/users/${ada.userId}/suspend`)
    const suspended = await ada.get('/v1/users')
    await later()
    const now = async (reply: Reply) => (await root.get(pathOf(reply))).body.now
    expect(await now(refusals.list)).toMatchObject({ allowed: true, change: null })
    expect(await now(refusals.me)).toMatchObject({ allowed: false })
    expect(await now(suspended)).toMatchObject({
      allowed: false,
      change: expect.stringContaining('reinstates'),
    })
    await root.post(`/v1/users/${ada.userId}/reinstate`)
    expect(await now(refusals.audit)).toMatchObject({ allowed: true })
    await root.delete(`/v1/api-keys/${key.id}`)
    expect(await now(refusals.list)).toMatchObject({
      allowed: false,
      checks: [{ outcome: 'failed' }, {}, {}, {}],
    })
  })

  test('says which right of whom something is taken from was missing, and still is', async () => {
    const { site, later } = scene()
    const root = await site.root()
    const [mod, boss] = [await site.memberWith('moderator'), await site.memberWith('admin', 'boss')]
    const refused = await mod.post(`/v1/users/${boss.userId}/suspend`)
    await later()
    const { body } = await root.get(pathOf(refused))
    expect(body).toMatchObject({ route: '/v1/users/{userId}/suspend', now: { allowed: false } })
    expect(body.required).not.toBe('user:suspend')
  })

  test('holds no value of a path, a query or a body', async () => {
    const { site, later } = scene()
    const vera = await canaryMember(site)
    await vera.get(`/v1/audit?target=${encodeURIComponent(PROFILE['line1'] ?? '')}`)
    await vera.patch(`/v1/users/${PROFILE['city']}`, { bio: PROFILE['city'] })
    await vera.post('/v1/badges', { title: PROFILE['line2'] })
    await later()
    const rows = await rowsOf('select * from refusals')
    expect(rows.length).toBeGreaterThan(1)
    expect(leaksIn(rows)).toEqual([])
  })
})

describe('what is written down', () => {
  test('is written in one batch, after the answers, and at most 20 of one caller', async () => {
    const { storage, traced } = countingStorage()
    const { site, later } = scene(storage)
    const [root, ada] = [await site.root(), await site.member('ada')]
    const key = await partner(site, { scopes: [] })
    for (let nth = 0; nth < 55; nth++) await key.get('/v1/users')
    for (let nth = 0; nth < 30; nth++) await ada.get('/v1/audit')
    const { calls } = await traced(later)
    expect(calls).toHaveLength(1)
    expect(
      await rowsOf('select caller, count(*) as n from refusals group by 1 order by 2, 1'),
    ).toEqual(
      [
        { caller: key.id, n: 20 },
        { caller: ada.userId, n: 20 },
      ].toSorted((a, b) => (a.caller < b.caller ? -1 : 1)),
    )
    const { body } = await root.get(`/v1/api-keys/${key.id}/usage`)
    expect(body.byDay).toMatchObject([{ refused: 55 }])
    expect(await rowsOf('select stage, sum(count) as n from refusal_counts group by 1')).toEqual([
      { stage: 'permission', n: 85 },
    ])
  })

  test('are the refusals of keys that their gate refuses, too', async () => {
    const { site, later } = scene()
    const root = await site.root()
    const limited = await partner(site, { rateLimit: { limit: 1, windowSeconds: 3600 } })
    const revoked = await partner(site)
    await root.delete(`/v1/api-keys/${revoked.id}`)
    await limited.get('/v1/whoami')
    const [late, gone] = [await limited.get('/v1/jobs'), await revoked.get('/v1/jobs')]
    await later()
    expect((await root.get(pathOf(late))).body).toMatchObject({
      caller: limited.id,
      code: 'rate_limited',
      now: { allowed: false },
    })
    expect((await root.get(pathOf(gone))).body).toMatchObject({
      caller: revoked.id,
      code: 'invalid_api_key',
      stage: 'credential',
    })
  })

  test('is nothing of junk, which is counted with the next batch and costs no call', async () => {
    const { storage, traced } = countingStorage()
    const { site, later } = scene(storage)
    const [ada, key] = [await site.member('ada'), await partner(site)]
    await later()
    const { calls } = await traced(async () => {
      for (const bad of [
        'x',
        'x.y.z',
        `guild_${'0'.repeat(64)}`,
        `${key.secret}x`,
        `${ada.token}x`,
      ])
        await site.bearer(bad).get('/v1/me')
      await site.anonymous.get('/v1/me')
      await later()
    })
    expect(calls).toEqual([])
    expect(await count('refusal_counts')).toEqual([{ n: 0 }])
    await ada.get('/v1/audit')
    await later()
    expect(await count('refusals')).toEqual([{ n: 1 }])
    expect(await rowsOf('select code, sum(count) as n from refusal_counts group by 1')).toEqual([
      { code: 'forbidden', n: 1 },
      { code: 'invalid_api_key', n: 2 },
      { code: 'invalid_token', n: 3 },
      { code: 'unauthenticated', n: 1 },
    ])
  })

  test('is the newest 200 of one caller', async () => {
    const { site, later } = scene()
    const ada = await site.member('ada')
    await rowsOf(
      `insert into refusals (request_id, at, caller, method, route, status, code)
       select value, '2026-01-01', ?, 'GET', '/v1/audit', 403, 'forbidden'
       from ${SERIES}`,
      ada.userId,
    )
    const refused = await ada.get('/v1/audit')
    await later()
    expect(await count('refusals')).toEqual([{ n: 200 }])
    expect((await (await site.root()).get(pathOf(refused))).status).toBe(200)
  })

  test('is nothing of a member or a key that has gone before it is written', async () => {
    const { site, later } = scene()
    const [root, boss] = [await site.root(), await site.memberWith('admin', 'boss')]
    const key = await partner(site, { scopes: [] }, boss)
    await holder(site, key).get('/v1/users')
    await root.delete(`/v1/users/${boss.userId}/roles/admin`)
    await boss.get('/v1/audit')
    expect((await root.delete(`/v1/users/${boss.userId}`)).status).toBe(204)
    await later()
    expect([
      ...(await count('refusals')),
      ...(await count("refusal_counts where key_id <> ''")),
    ]).toEqual([{ n: 0 }, { n: 0 }])
  })

  test('is forgotten after seven days, and the figures after ninety', async () => {
    const { site, later } = scene()
    await (await site.member('ada')).get('/v1/audit')
    await later()
    const day = 86_400_000
    const left = async (days: number) => {
      await site.tick(Date.now() + days * day)
      return [...(await count('refusals')), ...(await count('refusal_counts'))].map(({ n }) => n)
    }
    expect([await left(6.9), await left(8), await left(92)]).toEqual([
      [1, 1],
      [0, 1],
      [0, 0],
    ])
  })

  test('is in the log if it cannot be written, and nobody is refused for that', async () => {
    const { storage, arm, disarm } = failingStorage()
    const { site, later } = scene(storage)
    const ada = await site.member('ada')
    expect((await ada.get('/v1/audit')).status).toBe(403)
    const warned = vi.spyOn(console, 'warn').mockReturnValue()
    arm({ fails: () => true })
    await later()
    disarm()
    expect(linesOf(warned)).toMatchObject([{ event: 'refusals not written' }])
    expect((await ada.get('/v1/me')).status).toBe(200)
  })

  test('is nothing with KEEP_REFUSALS=off', async () => {
    const { site, later } = scene({ KEEP_REFUSALS: 'off' })
    await (await site.member('ada')).get('/v1/audit')
    await later()
    expect(await env.DB.prepare('select count(*) as n from refusals').first('n')).toBe(0)
  })
})

/** 250 rows. */
const SERIES = `(with recursive series (value) as (
  select 1 union all select value + 1 from series where value < 250) select value from series)`
