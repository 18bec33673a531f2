/** Only members who may act and have a visitor's good token claim that visitor's bookings. */
import { beforeEach, describe, expect, test, vi } from 'vitest'
import { created, outcomeOf } from '../support/bookings.ts'
import { claim, claimScene, idsOf } from '../support/claims.ts'
import { dump } from '../support/dump.ts'
import { failingStorage, interruptedStorage } from '../support/failing.ts'
import { faultsOf, harmOf, STRINGS } from '../support/naughty.ts'
import { ISSUER, testSite } from '../support/site.ts'
import { plantKey, visitorIssuer } from '../support/token-keys.ts'

beforeEach(() => {
  vi.spyOn(console, 'error').mockReturnValue()
})

describe('a claim is refused', () => {
  test('to whoever is no member, or may not act', async () => {
    const { visitor, ada, site, root, ids } = await claimScene()
    const scopes = ['booking:create', 'booking:read', 'booking:cancel']
    const { secret } = created(await root.post('/v1/api-keys', { name: 'P', scopes }))
    await root.post(`/v1/users/${ada.userId}/suspend`)
    const before = await dump()
    const replies = [
      await claim(site.anonymous, visitor),
      await claim(await site.visitor(), visitor),
      await claim(visitor, visitor),
      await claim(site.bearer(secret), visitor),
      await claim(ada, visitor),
    ]
    expect(replies.map(outcomeOf)).toEqual([
      '401 unauthenticated',
      '403 members_only',
      '403 members_only',
      '403 members_only',
      '403 suspended',
    ])
    expect(await dump()).toEqual(before)
    expect(await idsOf(visitor)).toEqual(ids)
  })

  test('to a member who is suspended while it is under way', async () => {
    const root = await testSite().root()
    let userId = ''
    const storage = interruptedStorage(
      ({ text }) => text.includes('update bookings set owner'),
      () => root.post(`/v1/users/${userId}/suspend`),
    )
    const { visitor, ada, ids } = await claimScene(testSite(storage))
    userId = ada.userId
    expect(outcomeOf(await claim(ada, visitor))).toBe('403 suspended')
    expect(await idsOf(visitor)).toEqual(ids)
  })

  test('with 422 on the token, never 401, when the token is not a visitor’s or no longer good', async () => {
    const { visitor, ada, site, ids } = await claimScene()
    const stranger = await visitorIssuer()
    const forged = await stranger.sign({ sub: visitor.visitorId })
    const issuer = await visitorIssuer()
    await plantKey(issuer, 'visitor')
    const wrong = {
      'a member’s': ada.token,
      'signed by nobody': forged,
      expired: await issuer.sign({ exp: 1 }),
      'for another audience': await issuer.sign({ aud: 'guildhall' }),
      'of a member by its subject': await issuer.sign({ sub: ada.userId }),
      'of another issuer, with a visitor’s subject': await ISSUER.sign({ sub: visitor.visitorId }),
      'no token': 'x',
      empty: '',
      'too long': `${'x'.repeat(9000)}.y.z`,
      'the id': visitor.visitorId,
    }
    const before = await dump()
    for (const [name, token] of Object.entries(wrong)) {
      const reply = await claim(ada, { token })
      expect({ name, outcome: outcomeOf(reply) }).toEqual({
        name,
        outcome: '422 validation_failed',
      })
      expect(reply.body.errors[0]).toMatchObject({ in: 'json', path: 'visitorToken' })
      expect(reply.headers.has('WWW-Authenticate')).toBe(false)
    }
    expect(await dump()).toEqual(before)
    expect(await idsOf(visitor)).toEqual(ids)
    expect((await site.bearer(forged).get('/v1/whoami')).status).toBe(401)
  })

  test('with 503 while the keys of visitors cannot be read', async () => {
    const { storage, arm, disarm } = failingStorage()
    const { visitor } = await claimScene()
    const ada = await testSite(storage).member('ada')
    arm({ fails: (_, { text }) => text.includes('token_keys') })
    expect(outcomeOf(await claim(ada, visitor))).toBe('503 unavailable')
    disarm()
  })

  test('for every naughty string, without harm', async () => {
    const { ada } = await claimScene()
    const faults = await faultsOf(STRINGS, async (token) => {
      const reply = await claim(ada, { token })
      return [...harmOf(reply), ...([413, 422].includes(reply.status) ? [] : [`${reply.status}`])]
    })
    expect(faults).toEqual([])
  })
})
