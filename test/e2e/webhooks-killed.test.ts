/**
 * What was committed is told, whatever the runtime and the receiver go through: the runtime is killed
 * again and again, and the receiver fails a third of the time, stalls, resets and sends ten megabytes.
 */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout as pause } from 'node:timers/promises'
import { Webhook } from 'standardwebhooks'
import { expect, onTestFinished, test, vi } from 'vitest'
import { builtSite } from './support/isolates.ts'

const site = builtSite()

const FULL = process.env['FULL'] === '1'
const SIZE = FULL
  ? { kills: 50, rounds: 200, members: 99, minutes: 90 }
  : { kills: 2, rounds: 6, members: 9, minutes: 8 }

/** Of 100 requests: so many are answered in which way. The others are taken. */
const TEN_MEGABYTES = 'x'.repeat(10_000_000)
const TROUBLE: readonly (readonly [
  upTo: number,
  how: (request: IncomingMessage, response: ServerResponse) => unknown,
])[] = [
  [18, (_, response) => response.writeHead(503).end('no')],
  [24, (request) => request.socket.destroy()],
  [26, (_, response) => response.writeHead(302, { Location: 'http://127.0.0.1:9/' }).end()],
  [28, (_, response) => response.writeHead(500).end(TEN_MEGABYTES)],
  // It says nothing until the sender has had enough.
  [29, () => undefined],
  [30, (_, response) => response.writeHead(500).write('and then nothing')],
  [31, (request, response) => drip(request, response.writeHead(500))],
  [33, (_, response) => response.writeHead(200).end(TEN_MEGABYTES)],
]

/** A byte now and then, for as long as somebody listens. */
function drip(request: IncomingMessage, response: ServerResponse): void {
  const timer = setInterval(() => response.write('.'), 50)
  request.socket.once('close', () => clearInterval(timer))
}

interface Taken {
  readonly webhookId: string
  readonly event: { readonly id: string; readonly subject: string; readonly type: string }
}

async function receiver() {
  const taken: Taken[] = []
  const unsigned: string[] = []
  // The first event may come before the answer that has the secret.
  const secret = Promise.withResolvers<string>()
  let count = 0
  const take = async (request: IncomingMessage, response: ServerResponse) => {
    let text = ''
    for await (const chunk of request) text += String(chunk)
    const headers = request.headers as Record<string, string>
    const key = await secret.promise
    try {
      new Webhook(key).verify(text, headers)
    } catch (error) {
      unsigned.push(String(error))
    }
    const dice = (count++ * 37) % 100
    const trouble = TROUBLE.find(([upTo]) => dice < upTo)
    if (!trouble || dice >= 31)
      taken.push({ webhookId: headers['webhook-id'] ?? '', event: JSON.parse(text) })
    if (trouble) trouble[1](request, response)
    else response.writeHead(204).end()
  }
  // A sender that is killed breaks off what it sends.
  const server = createServer((request, response) => void take(request, response).catch(() => {}))
  // A sender that is killed resets its connections.
  server.on('clientError', (_, socket) => socket.destroy())
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => {
    server.closeAllConnections()
    server.close()
  })
  const { port } = server.address() as AddressInfo
  return {
    url: `http://127.0.0.1:${port}/hooks`,
    taken,
    unsigned,
    count: () => count,
    use: secret.resolve,
  }
}

test(
  `nothing is lost in ${SIZE.kills} kills, and what comes twice has the same id`,
  { timeout: SIZE.minutes * 60_000 },
  async () => {
    const start = () => site.isolate({ settings: { WEBHOOK_HASTE: '300' } })
    let isolate = await start()
    const root = await site.token('root')

    /** Repeats what a kill has cut off. @returns undefined for what is refused */
    async function call<T>(method: string, path: string, json?: unknown, token = root): Promise<T> {
      while (true) {
        try {
          const response = await fetch(`${isolate.url}${path}`, {
            method,
            headers: { Authorization: `Bearer ${token}`, 'Content-Type': 'application/json' },
            ...(json !== undefined && { body: JSON.stringify(json) }),
          })
          if (response.status < 500) return (await response.json()) as T
        } catch {
          // It was killed, and is being started again.
        }
        await pause(100)
      }
    }

    const userIds: string[] = []
    for (let n = 0; n < SIZE.members; n++) {
      const token = await site.token(`member-${n}`)
      userIds.push((await call<{ userId: string }>('GET', '/v1/whoami', undefined, token)).userId)
    }
    const { url, taken, unsigned, use, count } = await receiver()
    const { nextCursor: first } = await call<{ nextCursor: string }>(
      'GET',
      '/v1/events?cursor=latest',
    )
    const hook = await call<{ id: string; secret: string }>('POST', '/v1/webhooks', { url })
    use(hook.secret)

    const writing = (async () => {
      for (let round = 0; round < SIZE.rounds; round++) {
        const badge = await call<{ id: string }>('POST', '/v1/badges', { title: `${round}` })
        await call('POST', '/v1/badge-assignments/bulk', { badgeId: badge.id, userIds })
      }
    })()
    for (let kill = 0; kill < SIZE.kills; kill++) {
      // Each kill comes while it is at work.
      const before = count()
      await vi.waitUntil(() => count() >= before + 5, { timeout: 120_000, interval: 5 })
      await isolate.kill()
      isolate = await start()
    }
    await writing

    const told: { id: string; subject: string }[] = []
    for (let cursor = first; ;) {
      const page = await call<{ items: typeof told; nextCursor: string }>(
        'GET',
        `/v1/events?limit=100&cursor=${cursor}`,
      )
      told.push(...page.items)
      if (page.nextCursor === cursor) break
      cursor = page.nextCursor
    }
    // The first thing that a webhook is told is that it was made.
    const expected = told.map(({ id }) => id)
    expect(expected.length).toBeGreaterThanOrEqual(SIZE.rounds * (SIZE.members + 1))
    // Looking must not keep the receiver from answering, which is in this process.
    const isAllThere = () => {
      const got = new Set(taken.map(({ event }) => event.id))
      return expected.every((id) => got.has(id))
    }
    await vi.waitUntil(isAllThere, { timeout: SIZE.minutes * 30_000, interval: 1000 })

    expect(unsigned).toEqual([])
    expect(taken.filter(({ webhookId, event }) => webhookId !== event.id)).toEqual([])
    expect(new Set(taken.map(({ event }) => event.id)).size).toBe(expected.length)
    const status = await call<{ dead: number }>('GET', `/v1/webhooks/${hook.id}`)
    expect(status.dead).toBe(0)
    // The first time that each is taken comes in the order of its subject.
    const positions = new Map(expected.map((id, position) => [id, position]))
    const last = new Map<string, number>()
    const seen = new Set<string>()
    for (const { event } of taken) {
      if (seen.has(event.id)) continue
      seen.add(event.id)
      const position = positions.get(event.id) ?? -1
      expect(position).toBeGreaterThan(last.get(event.subject) ?? -1)
      last.set(event.subject, position)
    }
    console.log(`${expected.length} events, ${count()} attempts, ${taken.length} taken`)
  },
)
