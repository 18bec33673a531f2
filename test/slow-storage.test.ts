/**
 * Storage that does not answer: every request is answered in time, and what it asked for is done when
 * storage answers at last, once, whether it was sent again meanwhile or not.
 */
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import type { Bindings } from '../src/env.ts'
import { ASLEEP } from './support/asleep.ts'
import { changesBetween } from './support/changes.ts'
import { dump } from './support/dump.ts'
import { furnish } from './support/every-route.ts'
import { hangingSite } from './support/hanging.ts'
import { BY_VISITORS, onceIn, REQUESTS, sceneOf } from './support/mutating-requests.ts'
import { rowsOf } from './support/population.ts'
import { type Reply, testSite } from './support/site.ts'
import { sized } from './support/size.ts'

const LIMIT_MS = 5_000
const HEALTH_LIMIT_MS = 3_000

beforeEach(() => {
  vi.spyOn(console, 'error').mockReturnValue()
  vi.spyOn(console, 'warn').mockReturnValue()
})

afterEach(() => void vi.useRealTimers())
afterEach(() => void vi.restoreAllMocks())

function slowSite(overrides: Partial<Bindings> = {}) {
  const { storage, way, hung } = hangingSite()
  const site = testSite({ ...storage, JOBS: ASLEEP, VISIT_SHARDS: '1', ...overrides }, way)
  return { site, hung }
}

test('every route answers 503 after five seconds, and says when to come back', async () => {
  const { site, hung } = slowSite()
  const { root, calls } = await furnish(site)
  for (const { method, path, json } of calls) {
    const send = () => root.call(method, path, json === undefined ? {} : { json })
    const { hasHung, tookMs, reply } = await hung({ isIt: (number) => number === 1 }, send)
    // How the site is can be said before the time of a request is up.
    const limit = path === '/v1/health' ? HEALTH_LIMIT_MS : LIMIT_MS
    expect([hasHung, tookMs], `${method} ${path}`).toEqual([true, limit])
    expect([reply.status, reply.body.code, reply.headers.get('Retry-After')]).toEqual([
      503,
      'unavailable',
      '1',
    ])
    expect(/Idempotency-Key/.test(reply.body.detail)).toBe(method !== 'GET')
  }
})

test('the limit is for all calls together, not for each', async () => {
  const { site, hung } = slowSite()
  const root = await site.root()
  const title = 'Slow'
  const { tookMs, reply } = await hung({ isIt: (number) => number === 2 }, () =>
    root.post('/v1/badges', { title }),
  )
  expect([tookMs, reply.status]).toEqual([LIMIT_MS, 503])
  expect((await root.get('/v1/badges')).body.items).toMatchObject([{ title }])
})

describe('what was not answered in time is done all the same, and once if it is sent again:', () => {
  test.each(Object.entries({ ...REQUESTS, ...BY_VISITORS }))('%s', async (name, arrange) => {
    const { site, hung } = slowSite()
    const scene = await sceneOf(site)
    // The first request reads what later ones know.
    await (
      await arrange(scene)
    )()
    const undisturbed = await arrange(scene)
    const empty = await dump()
    let calls = 0
    await hung({ isIt: (number) => (calls = number) < 0 }, undisturbed)
    const complete = changesBetween(empty, await dump())
    const numbers = Array.from({ length: calls }, (_, index) => index + 1)
    for (const at of numbers.slice(sized(0, -1))) {
      for (const when of (['before', 'after'] as const).slice(0, sized(2, 1))) {
        const request = await arrange(scene)
        const before = await dump()
        const isIt = (number: number) => number === at
        let again: number | 'done' = 'done'
        const meanwhile = async () => {
          if (when === 'before') again = outcomeOf(await request())
        }
        const { hasHung, tookMs, reply } = await hung({ isIt, when }, request, meanwhile)
        expect([hasHung, tookMs, reply.status]).toEqual([true, LIMIT_MS, 503])
        // Once the change is made, one that is sent again with its If-Match is refused, and what was
        // deleted is gone, be it whoever deletes themselves.
        const gone = name.startsWith('DELETE ') ? [401, 404] : []
        expect(['done', 412, ...gone]).toContain(again)
        const changes = async () => onceIn(name, changesBetween(before, await dump()))
        expect(await changes(), `${when} call ${at}`).toEqual(complete)
        await request()
        expect(await changes(), `sent again ${when} call ${at}`).toEqual(complete)
      }
    }
  })
})

const outcomeOf = ({ status }: Reply) => (status < 300 ? 'done' : status)

describe('an answer that comes for want of time', () => {
  const APP = 'https://app.example'

  test('has the headers of any other, and the id under which the work is audited', async () => {
    const log = vi.spyOn(console, 'error').mockReturnValue()
    const { site, hung } = slowSite({ ALLOWED_ORIGINS: APP })
    const root = await site.root()
    const headers = { Origin: APP }
    const usual = await root.get('/v1/nothing', { headers })
    const { reply } = await hung({ isIt: (number) => number === 1 }, () =>
      root.post('/v1/badges', { title: 'Late' }, { headers }),
    )
    expect(reply.status).toBe(503)
    const own = new Set(['retry-after', 'request-id', 'x-d1-bookmark', 'allow'])
    const namesOf = (all: Headers) => [...all.keys()].filter((name) => !own.has(name))
    expect(namesOf(reply.headers)).toEqual(namesOf(usual.headers))
    expect(reply.headers.get('Access-Control-Allow-Origin')).toBe(APP)
    const requestId = reply.headers.get('Request-Id')
    expect(reply.body.requestId).toBe(requestId)
    const audited = await rowsOf(`select request_id from audit_log where action = 'badge.create'`)
    expect(audited).toEqual([{ request_id: requestId }])
    expect(log).toHaveBeenCalledWith(expect.stringContaining(`"requestId":"${requestId}"`))
  })

  test('does not come while a body is still being sent, for that is the time of the sender', async () => {
    const { site, hung } = slowSite()
    const root = await site.root()
    const body = new TransformStream<Uint8Array, Uint8Array>()
    const headers = { 'Content-Type': 'application/json' }
    const over = hung({ isIt: (number) => number === 2 }, () =>
      root.call('POST', '/v1/badges', { raw: body.readable, headers }),
    )
    const writer = body.writable.getWriter()
    await writer.write(new TextEncoder().encode('{"title":'))
    // Whoever has read the first half waits for the rest.
    await writer.ready
    await vi.advanceTimersByTimeAsync(60_000)
    await writer.write(new TextEncoder().encode('"Slow"}'))
    await writer.close()
    const { hasHung, tookMs, reply } = await over
    expect([hasHung, tookMs, reply.status]).toEqual([true, LIMIT_MS, 503])
    expect((await root.get('/v1/badges')).body.items).toMatchObject([{ title: 'Slow' }])
  })
})
