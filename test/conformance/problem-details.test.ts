import { describe, expect, it } from 'vitest'
import { PROBLEMS } from '../../src/problem.ts'
import { ORIGIN, testSite } from '../support/site.ts'
import { SOURCES } from '../support/sources.ts'

const CODES = Object.entries(PROBLEMS)

const REFUSED = [
  [400, 'malformed_request', 'PATCH', '/v1/me', '{'],
  [401, 'unauthenticated', 'GET', '/v1/me', undefined],
  [403, 'forbidden', 'GET', '/v1/audit', undefined],
  [404, 'not_found', 'GET', '/v1/nothing?secret=1', undefined],
  [405, 'method_not_allowed', 'POST', '/v1/me', undefined],
  [422, 'validation_failed', 'PATCH', '/v1/me', '{"email":"a@b.example"}'],
] as const

describe('RFC 9457: problem details', () => {
  it.each(REFUSED)(
    'section 3.1: %i %s has every member, and type, status and instance agree with the answer',
    async (status, code, method, path, raw) => {
      const site = testSite()
      const client = code === 'unauthenticated' ? site.anonymous : await site.member('ada')
      const headers = { 'Content-Type': 'application/json' }
      const answer = await client.call(method, path, raw === undefined ? {} : { headers, raw })
      expect(answer.status).toBe(status)
      expect(answer.headers.get('Content-Type')).toBe('application/problem+json')
      expect(answer.body).toMatchObject({
        type: `${ORIGIN}/problems/${code}`,
        title: PROBLEMS[code].title,
        status,
        detail: expect.stringMatching(/\S+/),
        instance: path.split('?')[0],
        code,
        requestId: answer.headers.get('Request-Id'),
      })
    },
  )

  it('section 3.1.5: instance is a URI reference whatever the path was', async () => {
    const { body } = await testSite().anonymous.get('/v1/users/[a]{b}|"<%zz>^`\\ü')
    expect(body.instance).toMatch(/^\/([A-Za-z0-9\-._~!$&'()*+,;=:@/]|%[0-9A-Fa-f]{2})*$/)
  })

  it('section 3.1.1: the type of every code resolves to a page that explains it', async () => {
    const site = testSite()
    for (const [code, { status, title, help }] of CODES) {
      const response = await site.fetch(new Request(`${ORIGIN}/problems/${code}`))
      const page = await response.text()
      expect([code, response.status]).toEqual([code, 200])
      expect(response.headers.get('Content-Type')).toBe('text/html; charset=UTF-8')
      for (const part of [code, title, `status ${status}`, help.replaceAll('`', '')]) {
        expect(unescaped(page.replaceAll(/<\/?code>/g, ''))).toContain(part)
      }
    }
  })

  it('a code that does not exist has no page', async () => {
    for (const code of ['nothing', 'constructor', '__proto__', 'NOT_FOUND', '%00']) {
      expect((await testSite().anonymous.get(`/problems/${code}`)).status).toBe(404)
    }
  })

  it('every code is answered by something, or says that nothing does: nothing is left out', () => {
    const code = (name: string) => new RegExp(`'${name}'`)
    const sources = [...SOURCES.values()].filter(({ path }) => !path.startsWith('client/'))
    const unused = CODES.filter(
      ([name, { help }]) =>
        !sources.some(({ text }) => code(name).test(text)) && !help.startsWith('Nothing answers'),
    ).map(([name]) => name)
    expect(
      unused,
      'src/problem.ts has codes that nothing answers: throw them where the refusal is, or take them out. CONTRIBUTING.md, "A problem code".',
    ).toEqual([])
  })

  it('section 3.1.3: one code has one status and one title, and no two share a title', () => {
    const titles = CODES.map(([, { title }]) => title)
    expect(new Set(titles).size).toBe(CODES.length)
  })

  it('stage is on every 401 and 403; required and reach are on every 403', async () => {
    const site = testSite()
    const [root, ada, bob] = [await site.root(), await site.member('ada'), await site.member('bob')]
    await root.post(`/v1/users/${bob.userId}/suspend`)
    const refusals = await Promise.all([
      site.anonymous.get('/v1/me'),
      site.bearer('x').get('/v1/me'),
      site.bearer('guild_x').get('/v1/me'),
      bob.get('/v1/me'),
      ada.get('/v1/audit'),
      ada.patch(`/v1/users/${bob.userId}`, { bio: 'x' }),
    ])
    const said = refusals.map(({ body: { code, stage, required, reach } }) => [
      code,
      stage,
      required,
      reach,
    ])
    expect(said).toEqual([
      ['unauthenticated', 'credential', undefined, undefined],
      ['invalid_token', 'credential', undefined, undefined],
      ['invalid_api_key', 'credential', undefined, undefined],
      ['suspended', 'session', 'profile:read', 'own'],
      ['forbidden', 'permission', 'audit:read', 'any'],
      ['forbidden', 'ownership', 'profile:update', 'any'],
    ])
  })
})

function unescaped(html: string): string {
  return html
    .replaceAll('&quot;', '"')
    .replaceAll('&lt;', '<')
    .replaceAll('&gt;', '>')
    .replaceAll('&amp;', '&')
    .replaceAll('&#39;', "'")
}
