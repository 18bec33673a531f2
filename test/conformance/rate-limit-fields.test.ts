/** A partner's library can read the fields of draft-ietf-httpapi-ratelimit-headers. */
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { partner } from '../support/keys.ts'
import { type Reply, testSite } from '../support/site.ts'

beforeEach(() => vi.useFakeTimers({ toFake: ['Date'], now: Date.UTC(2026, 10, 21, 12) }))
afterEach(() => vi.useRealTimers())

interface Item {
  readonly name: string
  readonly parameters: Readonly<Record<string, number>>
}

const ITEM = /^"([\x20-\x21\x23-\x5b\x5d-\x7e]+)"((?:;[a-z]+=\d{1,15})*)$/

/** Reads strings with integers as parameters (RFC 9651). @throws Error for anything else */
function listOf({ headers }: Reply, field: string): Item[] {
  const text = headers.get(field)
  if (text === null) throw new Error(`no ${field}`)
  return text.split(', ').map((member) => {
    const [, name = '', parameters] = ITEM.exec(member) ?? []
    if (parameters === undefined) throw new Error(`no item of a list: ${member}`)
    const pairs = parameters.split(';').slice(1)
    const entries = pairs.map((pair): [string, number] => {
      const [key = '', value] = pair.split('=')
      return [key, Number(value)]
    })
    return { name, parameters: Object.fromEntries(entries) }
  })
}

const LIMITS = { rateLimit: { limit: 2, windowSeconds: 60 }, monthlyQuota: 1000 }

async function answers(count: number): Promise<Reply[]> {
  const key = await partner(testSite(), LIMITS)
  const replies: Reply[] = []
  while (replies.length < count) replies.push(await key.get('/v1/whoami'))
  return replies
}

describe('RateLimit header fields for HTTP', () => {
  it('section 3: RateLimit-Policy is a non-empty list of named policies, each with its quota q and window w', async () => {
    const month = 30 * 86_400
    for (const reply of await answers(3)) {
      expect(listOf(reply, 'RateLimit-Policy')).toEqual([
        { name: 'window', parameters: { q: 2, w: 60 } },
        { name: 'month', parameters: { q: 1000, w: month } },
      ])
    }
  })

  it('section 4: RateLimit names the same policies, with what remains (r) and seconds to the reset (t)', async () => {
    const replies = await answers(3)
    const left = replies.map((reply) =>
      listOf(reply, 'RateLimit').map(({ parameters }) => parameters),
    )
    expect(left.map(([window, month]) => [window?.['r'], month?.['r']])).toEqual([
      [1, 999],
      [0, 998],
      [0, 998],
    ])
    for (const reply of replies) {
      const [policies, states] = [listOf(reply, 'RateLimit-Policy'), listOf(reply, 'RateLimit')]
      expect(states.map(({ name }) => name)).toEqual(policies.map(({ name }) => name))
      for (const [index, { parameters }] of states.entries()) {
        expect(parameters['t']).toBeGreaterThan(0)
        expect(parameters['t']).toBeLessThanOrEqual(policies[index]?.parameters['w'] ?? 0)
      }
    }
  })

  it('section 5: Retry-After, where there is one, is not before the reset of the limit that is reached', async () => {
    const refused = (await answers(3)).at(-1)
    if (!refused) throw new Error('nothing was answered')
    expect(refused.status).toBe(429)
    const [window] = listOf(refused, 'RateLimit')
    expect(Number(refused.headers.get('Retry-After'))).toBe(window?.parameters['t'])
  })
})
