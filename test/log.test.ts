/** The log says what happened to each request and each job, and nothing of what is in them. */
import { tracing } from 'cloudflare:workers'
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import { routes } from '../src/api/index.ts'
import { canaryMember, DETAILS, expiredToken, leaksIn } from './support/canaries.ts'
import { countingStorage } from './support/counting.ts'
import { furnish } from './support/every-route.ts'
import { partner } from './support/keys.ts'
import { type Line, lineOf } from './support/log-lines.ts'
import { STRINGS } from './support/naughty.ts'
import { progress, sized } from './support/size.ts'
import { type Site, testSite } from './support/site.ts'

/** All lines that are written until the test is over. */
function listen(): Line[] {
  const lines: Line[] = []
  for (const method of ['log', 'info', 'warn', 'error', 'debug'] as const) {
    const spy = vi.spyOn(console, method).mockImplementation((...given: unknown[]) => {
      const line = lineOf(given)
      if (!line) throw new Error(`no line of the log: ${String(given)}`)
      lines.push(line)
    })
    onTestFinished(() => spy.mockRestore())
  }
  return lines
}

const requests = (lines: readonly Line[]) => lines.filter(({ event }) => event === 'request')

describe('a request leaves one line', () => {
  test('with the declared path, who it was, and what it cost, on every route', async () => {
    const { storage, costOf } = countingStorage()
    const site = testSite(storage)
    const { root, calls } = await furnish(site)
    const lines = listen()
    for (const { route, method, path, json } of calls) {
      lines.length = 0
      const cost = await costOf(() => root.call(method, path, { json }))
      const line = requests(lines)
      expect(line).toMatchObject([
        { route: route.path, method, actor: 'member', actorId: root.userId },
      ])
      const [{ d1, objects } = {}] = line as Partial<Line>[]
      // What a dry run reads is not counted, for it is also asked for what it would write.
      const counted = route.dryRuns ? { d1, objects } : cost
      expect({ path, d1, objects }).toEqual({ path, ...counted })
    }
    expect(calls).toHaveLength(routes.length)
  })

  test('with code, stage and what was missing, if it was refused', async () => {
    const site = testSite({ LOG_REQUESTS: '0' })
    const ada = await site.member('ada')
    const key = await partner(site, { scopes: ['profile:list'] })
    const lines = listen()
    await ada.get('/v1/audit')
    await key.get('/v1/jobs')
    await site.anonymous.get('/v1/me')
    await site.bearer('x.y.z').get('/v1/me')
    await site.anonymous.get('/v1/nowhere/canary')
    await site.anonymous.get(`/v1/users/${ada.userId}`)
    const missing = { stage: 'permission', reach: 'any' }
    const nobody = { d1: 0, objects: 0 }
    expect(requests(lines)).toMatchObject([
      { route: '/v1/audit', status: 403, code: 'forbidden', actorId: ada.userId, ...missing },
      { route: '/v1/jobs', status: 403, required: 'job:run', keyId: key.id, actorId: key.id },
      { route: '/v1/me', status: 401, code: 'unauthenticated', stage: 'credential', ...nobody },
      { status: 401, code: 'invalid_token', actor: 'unknown', stage: 'credential', ...nobody },
      { route: 'none', status: 404, code: 'not_found', actor: 'anonymous' },
    ])
  })

  test('unless it went well and is not in the share that is logged', async () => {
    const count = sized(10_000, 100)
    for (const [share, least, most] of [
      ['0', 0, 0],
      ['0.5', 0.3, 0.7],
      ['1', 1, 1],
    ] as const) {
      const site = testSite({ LOG_REQUESTS: share })
      const lines = listen()
      for (let nth = 0; nth < count; nth++) await site.anonymous.get('/v1/whoami')
      expect(requests(lines).length).toBeGreaterThanOrEqual(least * count)
      expect(requests(lines).length).toBeLessThanOrEqual(most * count)
      vi.restoreAllMocks()
    }
  })

  test('also in front of pages, in the login and where documents are', async () => {
    const site = testSite()
    const lines = listen()
    for (const path of ['/healthz', '/problems/forbidden', '/auth/sign-in', '/x?canary'])
      await site.anonymous.call('GET', path).catch(() => undefined)
    expect(requests(lines).map(({ route }) => route)).toEqual([
      '/healthz',
      '/problems/:code',
      '/auth/*',
      'none',
    ])
  })
})

test('a request that is traced has a span for each of its steps, as far as it comes', async () => {
  const spans = vi.spyOn(tracing, 'enterSpan')
  const active = vi.spyOn(tracing, 'getActiveSpan')
  onTestFinished(() => {
    spans.mockRestore()
    active.mockRestore()
  })
  const site = testSite()
  const ada = await site.member('ada')
  const during = async (path: string) => {
    spans.mockClear()
    await ada.get(path)
    // Each call of storage is a span of the platform's own.
    return spans.mock.calls.map(([name]) => name).filter((name) => !name.startsWith('d1'))
  }
  expect(await during('/v1/me')).toEqual([])
  const span = tracing.startSpan('invocation')
  active.mockReturnValue(Object.create(span, { isTraced: { value: true } }))
  expect(await during('/v1/me')).toEqual(['identify', 'decide', 'perform'])
  expect(await during('/v1/audit')).toEqual(['identify', 'decide'])
})

test('a run of a job leaves one line, with what it did and what it cost', async () => {
  const site = testSite()
  await site.root()
  const lines = listen()
  await site.tick()
  const jobs = lines.filter(({ event }) => event === 'job')
  expect(jobs.length).toBeGreaterThan(5)
  for (const line of jobs) expect(line).toMatchObject({ requestedBy: 'cron', status: 'succeeded' })
  expect(jobs.find(({ job }) => job === 'expire-holds')).toMatchObject({ d1: 1, objects: 0 })
})

/** Requests with private things in every place that a caller can write to. */
async function canaryRequests(site: Site) {
  const vera = await canaryMember(site)
  const expired = await expiredToken()
  const texts = [...STRINGS, ...Object.values(DETAILS.address), DETAILS.phone]
  const odd = (nth: number) => encodeURIComponent((texts[nth % texts.length] ?? '').toWellFormed())
  return [
    (nth: number) => vera.get(`/v1/users?q=${odd(nth)}&${odd(nth + 1)}`),
    (nth: number) => vera.get(`/v1/users/${odd(nth)}`),
    () => vera.patch('/v1/me', DETAILS),
    (nth: number) => vera.patch('/v1/me', { ...DETAILS, bio: odd(nth), [odd(nth + 3)]: 1 }),
    (nth: number) => vera.get(`/${odd(nth)}/${DETAILS.phone}`),
    () => vera.get('/v1/me', { headers: { 'X-API-Key': vera.token } }),
    () => site.bearer(expired).get('/v1/me'),
    () => site.bearer(`${vera.token}x`).get('/v1/audit'),
    () => vera.post(`/v1/users/${vera.userId}/suspend`, { reason: DETAILS.address.line1 }),
    (nth: number) =>
      vera.call('POST', '/v1/bookings', { raw: `{"note":"${DETAILS.phone}${odd(nth)}` }),
  ]
}

test('no line has anything private in it, or any value that was sent', async () => {
  const site = testSite()
  const sends = await canaryRequests(site)
  const lines = listen()
  const count = sized(10_000, 300)
  for (let nth = 0; nth < count; nth++) {
    await sends[nth % sends.length]?.(nth)
    progress(nth, count)
  }
  await site.tick()
  expect(requests(lines)).toHaveLength(count)
  expect(leaksIn(lines)).toEqual([])
  expect(JSON.stringify(lines)).not.toMatch(/eyJ[\w-]{10}/)
})
