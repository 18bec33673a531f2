import { afterEach, describe, expect, it, vi } from 'vitest'
import { furnish } from '../support/every-route.ts'
import { type Client, ORIGIN, testSite } from '../support/site.ts'

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/
const BOOKMARK = /^[0-9a-f]{8}-[0-9a-f]{8}-[0-9a-f]{8}-[0-9a-f]{32}$/

/** Answers of every kind: one of each route, and every refusal there is. */
async function everyKind() {
  const site = testSite({ ALLOWED_ORIGINS: 'https://app.example' })
  const { root, calls } = await furnish(site)
  const answers = []
  for (const { method, path, json } of calls) {
    answers.push(await root.call(method, path, json === undefined ? {} : { json }))
  }
  const json = { 'Content-Type': 'application/json' }
  const origin = { Origin: 'https://app.example', 'Access-Control-Request-Method': 'GET' }
  const bad = (path: string, headers: Record<string, string>, raw?: string) =>
    root.call(raw === undefined ? 'GET' : 'PATCH', path, { headers, ...(raw && { raw }) })
  answers.push(
    await site.anonymous.get('/healthz'),
    await site.anonymous.get('/openapi.json'),
    await site.anonymous.get('/problems/not_found'),
    await site.anonymous.get('/v1/me'),
    await site.bearer('x').get('/v1/badges'),
    await (await site.member('bob')).get('/v1/audit'),
    await root.get('/v1/nothing'),
    await root.get('/v1/badges/x'),
    await root.delete('/v1/whoami'),
    await root.call('OPTIONS', '/v1/me', { headers: origin }),
    await root.call('HEAD', '/v1/me'),
    await bad('/v1/me', { Accept: 'text/html' }),
    await bad('/v1/me', { 'X-API-Key': 'guild_x' }),
    await bad('/v1/me', { 'Content-Type': 'text/plain' }, 'x'),
    await bad('/v1/me', json, '{'),
    await bad('/v1/me', json, '{}'),
    await bad('/v1/me', { ...json, 'If-Match': '"99"' }, '{"bio":"x"}'),
    await bad('/v1/me', json, `{"bio":"${'x'.repeat(70_000)}"}`),
    await broken().get('/healthz'),
  )
  return answers
}

/** A site with a setting that cannot be used: every answer is 500, and the log says why. */
function broken(): Client {
  vi.spyOn(console, 'error').mockReturnValue()
  return testSite({ SITE_TIME_ZONE: 'Mars/Olympus' }).anonymous
}

afterEach(() => {
  vi.restoreAllMocks()
})

describe('every answer, whatever its status', () => {
  it('has a Request-Id of its own that the caller cannot choose', async () => {
    const answers = await everyKind()
    const ids = answers.map(({ headers }) => headers.get('Request-Id') ?? '')
    expect(ids.filter((id) => !UUID.test(id))).toEqual([])
    expect(new Set(ids).size).toBe(ids.length)
    const chosen = crypto.randomUUID()
    const { headers } = await testSite().anonymous.get('/v1/whoami', {
      headers: { 'Request-Id': chosen, 'X-Request-Id': chosen },
    })
    expect(headers.get('Request-Id')).not.toBe(chosen)
  })

  it('is not sniffed, framed, referred or stored, and loads nothing', async () => {
    const answers = await everyKind()
    expect(new Set(answers.map(({ status }) => status))).toEqual(
      new Set([200, 201, 202, 204, 400, 401, 403, 404, 405, 406, 409, 412, 413, 415, 422, 500]),
    )
    for (const { headers } of answers) {
      expect(Object.fromEntries(headers)).toMatchObject({
        'x-content-type-options': 'nosniff',
        'x-frame-options': 'SAMEORIGIN',
        'referrer-policy': 'no-referrer',
        'strict-transport-security': expect.stringMatching(/max-age=\d{7,}/),
        'content-security-policy': expect.stringMatching(
          /^default-src 'none';.* frame-ancestors 'none'/,
        ),
        'cache-control': 'no-store, no-transform',
      })
      expect(headers.get('Server')).toBeNull()
      expect(headers.get('X-Powered-By')).toBeNull()
    }
  })
})

describe('X-D1-Bookmark', () => {
  it('is on every answer that touched D1, refusals included, and on no other', async () => {
    const site = testSite()
    const { root, calls } = await furnish(site)
    for (const { method, path, json } of calls) {
      const { headers } = await root.call(method, path, json === undefined ? {} : { json })
      expect([path, headers.get('X-D1-Bookmark')]).toEqual([path, expect.stringMatching(BOOKMARK)])
    }
    const refused = [await root.get('/v1/badges/x'), await root.patch('/v1/me', { id: 1 })]
    for (const { headers } of refused) expect(headers.get('X-D1-Bookmark')).toMatch(BOOKMARK)
    const untouched = [
      await site.anonymous.get('/v1/whoami'),
      await site.anonymous.get('/v1/me'),
      await site.bearer('x').get('/v1/me'),
      await site.anonymous.get('/healthz'),
    ]
    expect(untouched.map(({ headers }) => headers.get('X-D1-Bookmark'))).toEqual(
      untouched.map(() => null),
    )
  })

  it('grows with every write, and sent back reads at least that state', async () => {
    const site = testSite()
    const ada = await site.member('ada')
    let last = ''
    for (const bio of ['a', 'b', 'c', 'd']) {
      const bookmark = (await ada.patch('/v1/me', { bio })).headers.get('X-D1-Bookmark') ?? ''
      expect(bookmark > last).toBe(true)
      const read = await site.anonymous.get(`/v1/users/${ada.userId}`, {
        headers: { 'X-D1-Bookmark': bookmark },
      })
      expect(read.body.bio).toBe(bio)
      last = bookmark
    }
  })

  it.each([
    'x',
    '',
    'first-primary',
    '00000000',
    '-'.repeat(35),
    `${'f'.repeat(8)}-${'f'.repeat(8)}-${'f'.repeat(8)}-${'f'.repeat(32)}`,
    `'; drop table users; --`,
    'é',
    'x'.repeat(9000),
  ])('a bookmark that is none is ignored (%#)', async (bookmark) => {
    const site = testSite()
    const response = await site.fetch(
      new Request(`${ORIGIN}/v1/badges`, { headers: { 'X-D1-Bookmark': bookmark } }),
    )
    expect(response.status).toBe(200)
  })
})
