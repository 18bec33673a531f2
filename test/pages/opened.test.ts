/** A page is opened to whom its rule says, and everybody else is told why, or where to go. */
import { describe, expect, test } from 'vitest'
import { SESSION_COOKIE } from '../../src/security/callers/session-cookie.ts'
import { PASSWORD } from '../support/login.ts'
import { FROM_ELSEWHERE, pageRequest, pagesSite, rule } from '../support/pages.ts'
import { testSite } from '../support/site.ts'

describe('a page for members', () => {
  test('is reached from a link on another site by way of the sign-in', async () => {
    const site = pagesSite()
    const id = await rule('/members/*', 'members')
    const ada = await site.account('ada@example.com')
    const { jar } = ada
    const session = jar.get(SESSION_COOKIE)
    jar.delete(SESSION_COOKIE)

    const first = await ada.get('/members/x?a=1&b=/v1', FROM_ELSEWHERE)
    expect([first.status, first.headers.get('Cache-Control')]).toEqual([303, 'private, no-store'])
    expect(first.headers.has('WWW-Authenticate')).toBe(false)
    const signIn = new URL(first.location ?? '', 'https://members.example')
    expect(signIn.pathname).toBe('/auth/sign-in')
    expect(signIn.searchParams.get('next')).toBe('/members/x?a=1&b=/v1')
    expect((await ada.get(first.location ?? '')).text).toContain('value="/members/x?a=1&amp;b=/v1"')
    expect(site.origin.seen).toEqual([])

    const next = signIn.searchParams.get('next') ?? ''
    const form = { email: 'ada@example.com', password: PASSWORD, next }
    const entered = await ada.post('/auth/sign-in', form)
    expect([entered.status, entered.location]).toEqual([303, '/members/x?a=1&b=/v1'])
    expect(jar.get(SESSION_COOKIE)).not.toBe(session)
    const page = await ada.get(entered.location ?? '', FROM_ELSEWHERE)
    expect([page.status, page.text]).toEqual([200, 'a page'])
    expect(page.headers.get('Cache-Control')).toBe('private, no-store')
    expect(id).toMatch(/^pgr_/)
  })

  test('is closed with the next request after a suspension, and says so to people', async () => {
    const site = pagesSite()
    await rule('/members/*', 'members')
    const ada = await site.account('ada@example.com')
    const { body } = await site.bearer(await ada.token()).get('/v1/me')
    expect((await ada.get('/members/x', FROM_ELSEWHERE)).status).toBe(200)
    await (await site.root()).post(`/v1/users/${body.id}/suspend`)
    const page = await ada.get('/members/x', FROM_ELSEWHERE)
    expect([page.status, page.headers.get('Content-Type')]).toEqual([
      403,
      'text/html; charset=UTF-8',
    ])
    expect(page.text).toContain('suspended')
    expect(page.text).toContain('<title>Not allowed</title>')
    const policy = page.headers.get('Content-Security-Policy') ?? ''
    const [, style = ''] = /<style>([^]*?)<\/style>/.exec(page.text) ?? []
    const digest = await crypto.subtle.digest('SHA-256', new TextEncoder().encode(style))
    expect(policy).toContain(`style-src 'sha256-${Buffer.from(digest).toString('base64')}'`)
    expect(policy).toContain("default-src 'none'")
    expect(site.origin.seen.length).toBe(1)
  })

  test('answers programs with a problem', async () => {
    const site = pagesSite()
    await rule('/members/*', 'members')
    const answer = await site.anonymous.get('/members/x')
    expect(answer).toMatchObject({ status: 401, body: { code: 'unauthenticated' } })
    expect(answer.headers.get('Cache-Control')).toBe('private, no-store')
    const visitor = await site.visitor()
    expect((await visitor.get('/members/x')).body).toMatchObject({ code: 'members_only' })
  })

  test('is opened by a bearer token of a member, and by none that is bad', async () => {
    const site = pagesSite()
    await rule('/members/*', 'members')
    const ada = await site.member('ada')
    expect(await ada.get('/members/x')).toMatchObject({ status: 200, text: 'a page' })
    expect(site.origin.last().headers.has('Authorization')).toBe(false)
    expect((await site.bearer('no.good.token').get('/members/x')).body.code).toBe('invalid_token')
    expect((await site.bearer('no.good.token').get('/other')).body.code).toBe('invalid_token')
  })
})

describe('a page for somebody else', () => {
  test('says to people what is missing, or sends them to the page that does', async () => {
    const site = pagesSite()
    await rule('/staff', { may: 'audit:read', reach: 'any' })
    await rule('/board/*', { may: 'audit:read', reach: 'any' }, { forbiddenPath: '/no' })
    const ada = await site.account('ada@example.com')
    const page = await ada.get('/staff', FROM_ELSEWHERE)
    expect(page.status).toBe(403)
    expect(page.text).toContain('audit:read')
    const board = await ada.get('/board/x', FROM_ELSEWHERE)
    expect([board.status, board.location]).toEqual([303, '/no'])
    const program = await ada.get('/board/x')
    expect([program.status, JSON.parse(program.text).required]).toEqual([403, 'audit:read'])
  })

  test('sends members away who are on a page for visitors, programs as well', async () => {
    const site = pagesSite()
    await rule('/join', 'visitors-only')
    const ada = await site.account('ada@example.com')
    for (const headers of [FROM_ELSEWHERE, {}]) {
      const away = await ada.get('/join', headers)
      expect([away.status, away.location]).toEqual([303, '/'])
    }
    const page = await site.anonymous.get('/join')
    expect([page.status, page.headers.get('Cache-Control')]).toEqual([200, 'private, no-store'])
  })

  test('has a sign-in of its own where the rule names one', async () => {
    const site = pagesSite({ BUILT_IN_LOGIN: 'off' })
    await rule('/a', 'members', { signInPath: '/enter' })
    await rule('/b', 'members')
    const headers = FROM_ELSEWHERE
    const [a, b] = [
      await site.browser().get('/a', headers),
      await site.browser().get('/b', headers),
    ]
    expect([a.status, a.location]).toEqual([303, '/enter?next=%2Fa'])
    expect([b.status, b.text.includes('Sign in first')]).toEqual([401, true])
    expect(b.headers.has('WWW-Authenticate')).toBe(false)
  })

  test('is as if it were not there, if its rule hides it', async () => {
    const site = pagesSite()
    await rule('/hidden', 'members', { onUnauthenticated: '404' })
    for (const headers of [FROM_ELSEWHERE, {}]) {
      const answers = []
      for (const path of ['/hidden', '/absent']) {
        const { status, text } = await site.browser().get(path, headers)
        const plain = text.replaceAll(/[\da-f]{8}-[\da-f-]{27}/g, 'ID').replaceAll(path, 'PATH')
        answers.push({ status, plain })
      }
      expect(answers[0]).toEqual(answers[1])
      expect(answers[0]?.status).toBe(404)
    }
  })
})

describe('a page without a rule', () => {
  test('is closed unless PAGES_DEFAULT opens it', async () => {
    const [closed, open] = [pagesSite(), pagesSite({ PAGES_DEFAULT: 'open' })]
    expect((await closed.anonymous.get('/')).body.code).toBe('not_found')
    expect(closed.origin.seen).toEqual([])
    open.origin.answers = async () => new Response('a', { headers: { 'Cache-Control': 'public' } })
    const page = await open.anonymous.get('/')
    expect([page.status, page.headers.get('Cache-Control')]).toEqual([200, 'public'])
    expect(open.origin.last().url).toBe('https://members.example/')
  })

  test('is on no hostname but that of the site', async () => {
    const site = pagesSite({ PAGES_DEFAULT: 'open' })
    const elsewhere = await site.fetch(new Request('https://guildhall.example.workers.dev/x'))
    expect(elsewhere.status).toBe(404)
    expect(site.origin.seen).toEqual([])
    expect((await site.fetch(pageRequest('/x'))).status).toBe(200)
  })

  test('is nowhere where pages are off', async () => {
    const site = testSite({ PAGES_DEFAULT: 'open' })
    expect((await site.anonymous.get('/x')).body.code).toBe('not_found')
    expect((await site.anonymous.get('/.well-known/pages-jwks.json')).status).toBe(404)
    expect((await site.anonymous.get('/v1/page-access')).status).toBe(404)
  })
})
