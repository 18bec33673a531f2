import { getEventListeners } from 'node:events'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { routes } from '../../src/api/index.ts'
import { createClient } from '../../src/client/index.ts'
import { sleep } from '../../src/client/retry.ts'
import { type Fault, siteForFile } from './support/client-site.ts'

const site = siteForFile()
afterEach(() => void vi.restoreAllMocks())

/** A client of an admin that waits for nothing, and the milliseconds that it would have waited. */
async function impatient(retries?: number) {
  const waits: number[] = []
  const sleep = async (ms: number) => void waits.push(ms)
  const token = await site.token()
  const client = createClient({
    baseUrl: site.url,
    token,
    sleep,
    ...(retries !== undefined && { retries }),
  })
  return { ...client, waits }
}

function refusal(status: number, code: string, retryAfter?: string): Fault {
  const headers = retryAfter === undefined ? {} : { 'Retry-After': retryAfter }
  return { status, headers, body: JSON.stringify({ code, detail: 'Not now.' }) }
}

type V1 = Awaited<ReturnType<typeof impatient>>['v1']

/** Calls about things that are not there: only the requests matter, not what the site answers. */
const CALLS = {
  GET: (v1: V1) => v1.badges.$get(),
  PUT: (v1: V1) =>
    v1.users[':userId'].roles[':role'].$put({ param: { userId: 'nobody', role: 'moderator' } }),
  DELETE: (v1: V1) => v1.badges[':badgeId'].$delete({ param: { badgeId: 'none' } }),
  POST: (v1: V1) => v1.users[':userId'].suspend.$post({ param: { userId: 'nobody' }, json: {} }),
  'PATCH with If-Match': (v1: V1) => v1.me.$patch({ json: { bio: 'x' }, ifMatch: 9999 }),
  'PATCH without If-Match': (v1: V1) => v1.me.$patch({ json: { bio: 'y' } }),
}

const FAULTS: Readonly<Record<string, Fault>> = {
  'the request is lost': 'lost request',
  'the answer is lost': 'lost answer',
  'half of the answer is lost': 'half an answer',
  'the site is unavailable': refusal(503, 'unavailable', '1'),
  'a proxy says so': { status: 503, body: '<h1>Back soon</h1>' },
  'there were too many': refusal(429, 'rate_limited', '1'),
  'the site failed': refusal(500, 'internal'),
  'another write was first': refusal(409, 'conflict'),
}

const NEVER = new Set(['the site failed', 'another write was first'])

describe('RFC 9110, section 9.2.2: what is repeated by itself', () => {
  const all = Object.entries(CALLS).flatMap(([name, call]) =>
    Object.entries(FAULTS).map(([why, fault]) => {
      const blind = name === 'PATCH without If-Match'
      // A request that was turned away may be repeated, whatever it was.
      const repeated = !NEVER.has(why) && (!blind || why === 'there were too many')
      return { name, why, call, fault, expected: repeated ? 2 : 1 }
    }),
  )

  test.each(all)('$name, when $why: $expected requests', async ({ call, fault, expected }) => {
    const { v1 } = await impatient()
    site.fail(fault)
    await Promise.allSettled([call(v1)])
    expect(site.seen).toHaveLength(expected)
  })

  test('every POST takes an Idempotency-Key, or changes nothing', () => {
    const repeatable = new Set([
      '/v1/badge-rules/:ruleId/preview',
      '/v1/services/:serviceId/slots/preview',
      '/v1/explain',
      '/v1/issuers/check',
      // Receivers know what comes twice by its id, and a ping more does no harm.
      '/v1/webhooks/:webhookId/ping',
      '/v1/webhooks/:webhookId/replay',
      '/v1/webhooks/:webhookId/deliveries/:deliveryId/replay',
      // The same token says nothing new a second time.
      '/v1/me/id-token',
      // The caller is not known, so no key is kept for them; an unused visitor does no harm.
      '/v1/visitors',
    ])
    const posts = routes.filter(({ method, idempotent }) => method === 'POST' && !idempotent)
    expect(posts.map(({ path }) => path).filter((path) => !repeatable.has(path))).toEqual([])
  })
})

describe('a repeated POST', () => {
  test('creates one badge, although the answer to it was lost, and answers it', async () => {
    const { v1 } = await impatient()
    site.fail('lost answer', 'half an answer', 'lost request')
    const badge = await v1.badges.$post({ json: { title: 'Once only' } })
    const keys = site.seen.map(({ headers }) => headers.get('Idempotency-Key'))
    expect(keys).toEqual(Array.from({ length: 4 }, () => keys[0]))
    expect(site.seen.at(-1)?.answer?.headers.get('Idempotency-Replayed')).toBe('true')
    const { items } = await v1.badges.$get({ query: { limit: 100 } })
    expect(items.filter(({ title }) => title === 'Once only')).toEqual([badge])
  })

  test('confirms a booking, although the answer to it was lost, and answers it', async () => {
    const { v1 } = await impatient()
    const service = await v1.services.$post({ json: { name: 'Haircut' } })
    const [startsAt, endsAt] = ['2040-01-01T10:00:00.000Z', '2040-01-01T11:00:00.000Z']
    const slots = v1.services[':serviceId'].slots
    const made = await slots.$post({ param: { serviceId: service.id }, json: { startsAt, endsAt } })
    const slotId = 'items' in made ? '' : made.id
    const ada = createClient({ baseUrl: site.url, token: await site.token('ada') })
    const { id: bookingId } = await ada.v1.bookings.$post({ json: { slotId } })
    site.fail('lost answer')
    const confirmed = await v1.bookings[':bookingId'].confirm.$post({ param: { bookingId } })
    expect(confirmed).toMatchObject({ id: bookingId, status: 'confirmed' })
  })

  test('is another one than the next, unless the caller says that it is the same', async () => {
    const { v1 } = await impatient()
    const create = (idempotencyKey?: string) =>
      v1.badges.$post({ json: { title: 'Twice' }, idempotencyKey })
    const [one, other] = [await create(), await create()]
    expect(other.id).not.toBe(one.id)
    const [mine, again] = [await create('import-17'), await create('import-17')]
    expect(again).toEqual(mine)
  })
})

describe('between two attempts', () => {
  test('it waits as long as the server asks, and somewhat longer by chance', async () => {
    for (const [chance, expected] of [
      [0, [7000, 7000, 0]],
      [0.5, [7125, 7250, 500]],
    ] as const) {
      vi.spyOn(Math, 'random').mockReturnValue(chance)
      const { v1, waits } = await impatient()
      site.fail(refusal(503, 'unavailable', '7'), refusal(429, 'rate_limited', '7'), 'lost request')
      await v1.whoami.$get()
      expect(waits).toEqual(expected)
    }
  })

  test('it never waits longer than half a minute: it fails and says how long it would have been', async () => {
    const { v1, waits } = await impatient()
    site.fail(refusal(429, 'quota_exceeded', '31'))
    await expect(v1.whoami.$get()).rejects.toMatchObject({ code: 'quota_exceeded', retryAfter: 31 })
    expect(waits).toEqual([])
  })

  test('its own pauses have an end, too', async () => {
    vi.spyOn(Math, 'random').mockReturnValue(1)
    const { v1, waits } = await impatient(9)
    site.fail(...Array.from({ length: 9 }, () => 'lost request' as const))
    await v1.whoami.$get()
    expect(waits).toEqual([250, 500, 1000, 2000, 4000, 8000, 8000, 8000, 8000])
  })

  test.each([
    ['three times unless told otherwise', undefined, 4],
    ['as often as told', 1, 2],
    ['not at all', 0, 1],
  ])('it goes on %s', async (_, retries, expected) => {
    const { v1 } = await impatient(retries)
    site.fail(...Array.from({ length: 9 }, () => refusal(503, 'unavailable', '0')))
    await expect(v1.whoami.$get()).rejects.toMatchObject({ code: 'unavailable' })
    expect(site.seen).toHaveLength(expected)
  })
})

describe('an abort', () => {
  const reason = new Error('the reader has left')

  test('that came before a wait leaves no wait, and a wait leaves nothing on the signal', async () => {
    await expect(sleep(60_000, AbortSignal.abort(reason))).rejects.toBe(reason)
    const { signal } = new AbortController()
    await sleep(0, signal)
    expect(getEventListeners(signal, 'abort')).toEqual([])
  })

  test('ends a wait', async () => {
    const controller = new AbortController()
    const { v1 } = createClient({
      baseUrl: site.url,
      sleep(ms, signal) {
        queueMicrotask(() => controller.abort(reason))
        return sleep(ms, signal)
      },
    })
    site.fail(refusal(503, 'unavailable', '30'))
    await expect(v1.whoami.$get({ signal: controller.signal })).rejects.toBe(reason)
    expect(site.seen).toHaveLength(1)
  })

  test('ends the wait for a token, which another call may still be waiting for', async () => {
    const { promise, resolve } = Promise.withResolvers<string>()
    const { v1 } = createClient({ baseUrl: site.url, getToken: () => promise })
    const controller = new AbortController()
    const ended = v1.whoami.$get({ signal: controller.signal })
    const other = v1.whoami.$get()
    controller.abort(reason)
    await expect(ended).rejects.toBe(reason)
    expect(getEventListeners(controller.signal, 'abort')).toEqual([])
    resolve(await site.token())
    expect(await other).toMatchObject({ kind: 'member' })
    expect(site.seen).toHaveLength(1)
  }, 5000)

  test('ends a request, and nothing is repeated', async () => {
    const { v1, waits } = await impatient()
    const controller = new AbortController()
    void site.nextRequest().then(() => controller.abort(reason))
    await expect(v1.whoami.$get({ signal: controller.signal })).rejects.toBe(reason)
    expect(site.seen).toHaveLength(1)
    expect(waits).toEqual([])
  })

  test('before a call leaves it unmade', async () => {
    const { v1 } = await impatient()
    await expect(v1.whoami.$get({ signal: AbortSignal.abort(reason) })).rejects.toBe(reason)
    expect(site.seen).toEqual([])
  })
})
