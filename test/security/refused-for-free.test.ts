/** Whoever is refused for their credential has cost the site no round trip, whatever they sent. */
import { describe, expect, test } from 'vitest'
import { routes } from '../../src/api/index.ts'
import { countedSite } from '../support/counted-site.ts'
import { hostileTokens } from '../support/hostile-tokens.ts'
import { ISSUER } from '../support/site.ts'

describe('what is refused for its credential costs no round trip', () => {
  test('on every route, if there is none and one is needed', async () => {
    const { site, costOf, pathOf } = await countedSite()
    const cost = await costOf(async () => {
      for (const route of routes.filter(({ access }) => !('open' in access))) {
        const { status } = await site.anonymous.call(route.method, pathOf(route))
        expect(`${route.path}: ${status}`).toMatch(/: 401$/)
      }
    })
    expect(cost).toEqual({ d1: 0, objects: 0 })
  })

  const KEYS = [
    'guild_',
    'guild_x',
    `guild_${'0'.repeat(64)}`,
    `guild_${'a'.repeat(8000)}`,
    'guild_../../etc/passwd',
    "guild_' or 1=1 --",
    `guild_${'0'.repeat(26)}_${'A'.repeat(43)}${'b'.repeat(6)}`,
  ]
  const JUNK: readonly (readonly [string, Readonly<Record<string, string>>])[] = [
    ...['', ' ', 'x', 'null', '....', '0'.repeat(9000), `${'a'.repeat(40)}.b.c`].map(
      (text) => [`Bearer ${text}`, { Authorization: `Bearer ${text}` }] as const,
    ),
    ...['Basic cm9vdDpyb290', 'Digest x', 'Bearer', 'bearer', 'Token x', 'x'].map(
      (text) => [text, { Authorization: text }] as const,
    ),
    ...KEYS.map((key) => [`X-API-Key: ${key}`, { 'X-API-Key': key }] as const),
    ...KEYS.map((key) => [`Bearer ${key}`, { Authorization: `Bearer ${key}` }] as const),
    ['two credentials', { Authorization: 'Bearer x', 'X-API-Key': 'guild_x' }],
  ]

  test('on open and on restricted routes, if it is junk', async () => {
    const { site, userId, costOf } = await countedSite()
    const paths = ['/v1/whoami', '/v1/me', `/v1/users/${userId}`, '/v1/audit', '/v1/nowhere']
    const cost = await costOf(async () => {
      for (const [name, headers] of JUNK) {
        for (const path of paths) {
          const { status } = await site.anonymous.get(path, { headers })
          expect(`${path} with ${name}: ${status}`).toMatch(/: 40[01]$/)
        }
      }
    })
    expect(cost).toEqual({ d1: 0, objects: 0 })
  })

  test('if it is a token that was forged in any of the known ways', async () => {
    const { site, costOf } = await countedSite()
    const tokens = await hostileTokens(ISSUER)
    expect(tokens.length).toBeGreaterThan(100)
    const cost = await costOf(async () => {
      for (const { name, token } of tokens) {
        const { status } = await site.bearer(token).post('/v1/me/visits')
        expect(`${name}: ${status}`).toMatch(/: 40[01]$/)
      }
    })
    expect(cost).toEqual({ d1: 0, objects: 0 })
  })
})
