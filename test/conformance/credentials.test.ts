import { describe, expect, it } from 'vitest'
import { DOCUMENT_PATHS } from '../../src/http/documents/index.ts'
import { furnish } from '../support/every-route.ts'
import { type Member, testSite } from '../support/site.ts'

type Headers = Readonly<Record<string, string>>
const KEY = 'guild_0123456789abcdefghijklmnopqrstuv'

describe('a credential that is present but bad', () => {
  it('is 401 on every route, open ones and documents too, and on paths that do not exist', async () => {
    const site = testSite()
    const { calls } = await furnish(site)
    const documents = DOCUMENT_PATHS.map((path) => ({ method: 'GET', path }))
    const unknown = { method: 'GET', path: '/v1/nothing' }
    for (const { method, path } of [...calls, ...documents, unknown]) {
      for (const [token, code] of [
        ['x.y.z', 'invalid_token'],
        [KEY, 'invalid_api_key'],
      ] as const) {
        const { status, body } = await site.bearer(token).call(method, path)
        expect([method, path, status, body.code]).toEqual([method, path, 401, code])
      }
    }
  })

  it('is 401 in all those places too once it is good no more', async () => {
    const site = testSite()
    const root = await site.root()
    const ada = await site.member('ada')
    const { id, secret } = (await root.post('/v1/api-keys', { name: 'Key', scopes: [] })).body
    const places = [
      ...DOCUMENT_PATHS,
      '/.well-known/jwks.json',
      '/v1/badges',
      '/v1/whoami',
      '/v1/nothing',
      '/nothing',
    ].map((path) => ['GET', path] as const)
    const sent = async () => {
      const answers = []
      for (const [method, path] of [...places, ['PUT', '/v1/me'] as const])
        for (const token of [ada.token, secret])
          answers.push((await site.bearer(token).call(method, path)).status)
      return new Set(answers)
    }
    expect(await sent()).toEqual(new Set([200, 404, 405]))
    await root.delete(`/v1/api-keys/${id}`)
    await root.delete(`/v1/users/${ada.userId}`)
    expect(await sent()).toEqual(new Set([401]))
  })

  it.each<[string, Headers, number, string]>([
    ['an empty Authorization', { Authorization: '' }, 401, 'invalid_token'],
    ['a scheme alone', { Authorization: 'Bearer' }, 401, 'invalid_token'],
    ['a scheme and a space', { Authorization: 'Bearer ' }, 401, 'invalid_token'],
    ['Basic', { Authorization: 'Basic YWRhOnNlY3JldA==' }, 401, 'invalid_token'],
    ['Digest', { Authorization: 'Digest username="ada"' }, 401, 'invalid_token'],
    ['DPoP', { Authorization: 'DPoP x.y.z' }, 401, 'invalid_token'],
    ['a scheme that starts with Bearer', { Authorization: 'Bearers x' }, 401, 'invalid_token'],
    ['two tokens', { Authorization: 'Bearer x y' }, 401, 'invalid_token'],
    ['a token without a scheme', { Authorization: 'x.y.z' }, 401, 'invalid_token'],
    ['"undefined"', { Authorization: 'Bearer undefined' }, 401, 'invalid_token'],
    ['a key as a token', { Authorization: `Bearer ${KEY}` }, 401, 'invalid_api_key'],
    ['a key with nothing behind it', { Authorization: 'Bearer guild_' }, 401, 'invalid_api_key'],
    ['a key in X-API-Key', { 'X-API-Key': KEY }, 401, 'invalid_api_key'],
    ['an empty X-API-Key', { 'X-API-Key': '' }, 401, 'invalid_api_key'],
    ['a key without its prefix', { 'X-API-Key': 'x' }, 401, 'invalid_api_key'],
    ['a key of 8 KiB', { 'X-API-Key': `guild_${'x'.repeat(8192)}` }, 401, 'invalid_api_key'],
  ])('%s is refused on an open route', async (_, headers, status, code) => {
    const answer = await testSite().anonymous.get('/v1/badges', { headers })
    expect([answer.status, answer.body.code]).toEqual([status, code])
    expect(answer.headers.get('WWW-Authenticate')).toMatch(/^Bearer .*error="invalid_token"/)
  })
})

describe('more than one credential', () => {
  it.each<[string, (ada: Member) => Headers]>([
    ['a token and a key', ({ token }) => ({ Authorization: `Bearer ${token}`, 'X-API-Key': KEY })],
    ['both headers, both empty', () => ({ Authorization: '', 'X-API-Key': '' })],
    [
      'two Authorization headers',
      ({ token }) => ({ Authorization: `Bearer ${token}, Bearer ${token}` }),
    ],
    ['a good one and an empty one', ({ token }) => ({ Authorization: `Bearer ${token}, ` })],
    ['two X-API-Key headers', () => ({ 'X-API-Key': `${KEY}, ${KEY}` })],
  ])('%s is 400 ambiguous_credentials, whichever would be good', async (_, headers) => {
    const site = testSite()
    const ada = await site.member('ada')
    for (const path of ['/v1/badges', '/v1/me', '/healthz', '/v1/nothing']) {
      const { status, body } = await site.anonymous.get(path, { headers: headers(ada) })
      expect([path, status, body.code]).toEqual([path, 400, 'ambiguous_credentials'])
    }
  })

  it('of two equal Authorization headers as they come off the wire none is taken', async () => {
    const site = testSite()
    const { token } = await site.member('ada')
    const request = new Request('https://members.example/v1/me')
    request.headers.append('Authorization', `Bearer ${token}`)
    request.headers.append('Authorization', `Bearer ${token}`)
    expect((await site.fetch(request)).status).toBe(400)
  })
})

describe('a good credential', () => {
  it.each(['Bearer', 'bearer', 'BEARER', 'bEaReR'])(
    'may be sent with the scheme spelled %s (RFC 9110, section 11.1)',
    async (scheme) => {
      const site = testSite()
      const { token, userId } = await site.member('ada')
      const headers = { Authorization: `${scheme} ${token}` }
      const { status, body } = await site.anonymous.get('/v1/me', { headers })
      expect([status, body.id]).toEqual([200, userId])
    },
  )

  it('is refused with anything before or behind it in its header', async () => {
    const site = testSite()
    const { token } = await site.member('ada')
    for (const value of [`Bearer ${token} x`, `Bearer x ${token}`, `x Bearer ${token}`]) {
      const { status, body } = await site.anonymous.get('/v1/me', {
        headers: { Authorization: value },
      })
      expect([value, status, body.code]).toEqual([value, 401, 'invalid_token'])
    }
  })

  it('counts in its own header only: cookies, queries and look-alikes are nobody', async () => {
    const site = testSite()
    const { token } = await site.member('ada')
    const headers = {
      Cookie: `token=${token}; __Host-session=${token}`,
      'Proxy-Authorization': `Bearer ${token}`,
      'X-Authorization': `Bearer ${token}`,
      'X-User-Id': 'root',
    }
    const { body } = await site.anonymous.get('/v1/whoami', { headers })
    expect(body.kind).toBe('anonymous')
    const asMember = await site.anonymous.get(`/v1/me?token=${token}`, { headers })
    expect([asMember.status, asMember.body.code]).toEqual([401, 'unauthenticated'])
  })
})
