import { describe, expect, it, vi } from 'vitest'
import { routes } from '../../src/api/index.ts'
import { documentedPath } from '../../src/http/route.ts'
import { parseSettings } from '../../src/settings/settings.ts'
import { assertDocumented } from '../support/documented.ts'
import { ORIGIN, type Site, testSite } from '../support/site.ts'

async function fetched(path: string, site: Site = testSite(), init?: RequestInit) {
  const response = await site.fetch(new Request(`${ORIGIN}${path}`, init))
  const { status, headers } = response
  const text = await response.text()
  const isJson = /json/.test(headers.get('Content-Type') ?? '')
  const body: unknown = isJson ? JSON.parse(text) : text
  assertDocumented(init?.method ?? 'GET', path, response, text === '' ? undefined : body)
  return { status, headers, text }
}

async function assetPaths(): Promise<string[]> {
  const { text } = await fetched('/docs')
  return Array.from(
    text.matchAll(/(?:src|href)="(\/docs\/assets\/[^"]+)"/g),
    ([, path = '']) => path,
  )
}

describe('GET /docs', () => {
  it('may run and load only what is of this origin, and nothing inline', async () => {
    const { status, headers, text } = await fetched('/docs')
    expect(status).toBe(200)
    expect(headers.get('Content-Security-Policy')?.split('; ')).toEqual([
      "default-src 'none'",
      "base-uri 'none'",
      "form-action 'none'",
      "frame-ancestors 'none'",
      "script-src 'self'",
      "style-src 'self'",
      "img-src 'self' data:",
      "connect-src 'self'",
    ])
    expect(text.match(/<script(?![^>]* src=)|<style|\son\w+=|\sstyle=|javascript:/gi)).toBeNull()
    expect(text.match(/(?:src|href)="(?!\/|data:,")[^"]*"/g)).toBeNull()
  })

  it('leaves everything else that is answered the policy that allows nothing', async () => {
    const strict = "default-src 'none'; frame-ancestors 'none'"
    for (const path of ['/v1/badges', '/problems/teapot', '/llms.txt', '/openapi.json', '/nothing'])
      expect([path, (await fetched(path)).headers.get('Content-Security-Policy')]).toEqual([
        path,
        strict,
      ])
  })
})

describe('GET /docs/assets/{edition}/{file}', () => {
  it('are what the page names: typed, not sniffed, and kept for good', async () => {
    const paths = await assetPaths()
    expect(paths.map((path) => path.replace(/.*\//, ''))).toEqual([
      'page.css',
      'swagger-ui.css',
      'swagger-ui-bundle.js',
      'start.js',
    ])
    for (const path of paths) {
      const { status, headers, text } = await fetched(path)
      const type = path.endsWith('.js') ? 'text/javascript' : 'text/css'
      expect([status, headers.get('Content-Type')]).toEqual([200, `${type}; charset=utf-8`])
      expect(headers.get('Cache-Control')).toBe('public, max-age=31536000, immutable')
      expect(headers.get('X-Content-Type-Options')).toBe('nosniff')
      expect(headers.get('Cross-Origin-Resource-Policy')).toBe('same-origin')
      expect(text.length).toBeGreaterThan(300)
    }
  })

  it('come with their licences', async () => {
    const [path = ''] = await assetPaths()
    for (const [file, words] of [
      ['LICENSE', 'Apache License'],
      ['NOTICE', 'swagger-ui'],
      ['swagger-ui-bundle.js.LICENSE.txt', 'license'],
    ] as const) {
      const { status, text } = await fetched(path.replace('page.css', file))
      expect([file, status, text.includes(words)]).toEqual([file, 200, true])
    }
  })

  it('are no other file of the package, and are at no other path', async () => {
    const [path = ''] = await assetPaths()
    const others = ['index.html', 'package.json', 'swagger-initializer.js', 'swagger-ui.js']
    const hostile = ['toString', '__proto__', '%2e%2e%2fpackage.json', 'swagger-ui.css%00', '']
    const refused = [
      ...[...others, ...hostile].map((file) => path.replace('page.css', file)),
      path.replace(/assets\/[^/]+/, 'assets/another'),
      ...['/', '/index.html', '/swagger-ui.css', '/swagger-ui-bundle.js', '/docs/index.html'],
    ]
    for (const each of refused) expect([each, (await fetched(each)).status]).toEqual([each, 404])
  })

  it('answer HEAD, and take no other method', async () => {
    const [path = ''] = await assetPaths()
    expect(await fetched(path, testSite(), { method: 'HEAD' })).toMatchObject({
      status: 200,
      text: '',
    })
    expect((await fetched(path, testSite(), { method: 'POST' })).status).toBe(405)
  })
})

describe('GET /llms.txt', () => {
  it('names every operation with what it takes, and where the documents are', async () => {
    const { status, headers, text } = await fetched('/llms.txt')
    expect([status, headers.get('Content-Type')]).toEqual([200, 'text/plain; charset=UTF-8'])
    for (const { method, path, access, summary } of routes) {
      const takes = 'may' in access ? `takes ${access.may}` : 'open'
      const line = `- ${method} ${documentedPath(path)}: ${summary} (${takes}`
      expect(text.split('\n').filter((each) => each.startsWith(line))).toHaveLength(1)
    }
    expect(text).toContain('open; with view=full takes profile:read')
    expect(text.match(/^- (GET|POST|PUT|PATCH|DELETE) /gm)).toHaveLength(routes.length)
  })

  it('has only links that lead somewhere', async () => {
    const { text } = await fetched('/llms.txt')
    const links = Array.from(text.matchAll(/https?:\/\/[^\s)`]+/g), ([link]) => link)
    expect(links.length).toBeGreaterThan(4)
    for (const link of links) {
      expect(link.startsWith(ORIGIN)).toBe(true)
      const { status } = await fetched(link.slice(ORIGIN.length).replace(/:$/, '') || '/v1/badges')
      expect([link, status]).toEqual([link, 200])
    }
  })
})

describe('GET /.well-known/security.txt', () => {
  it('says whom to tell, until when and where it belongs (RFC 9116)', async () => {
    vi.useFakeTimers({ toFake: ['Date'], now: Date.parse('2026-11-21T22:33:44.555Z') })
    try {
      const site = testSite({ SECURITY_CONTACT: 'mailto:security@members.example' })
      const { status, headers, text } = await fetched('/.well-known/security.txt', site)
      expect([status, headers.get('Content-Type')]).toEqual([200, 'text/plain; charset=UTF-8'])
      expect(text).toBe(
        `Contact: mailto:security@members.example
Expires: 2027-05-20T00:00:00.000Z
Preferred-Languages: en
Canonical: ${ORIGIN}/.well-known/security.txt
`,
      )
    } finally {
      vi.useRealTimers()
    }
  })

  it.each([undefined, ''])('does not exist where nobody is named (%j)', async (contact) => {
    const site = testSite(contact === undefined ? {} : { SECURITY_CONTACT: contact })
    expect(await site.anonymous.get('/.well-known/security.txt')).toMatchObject({
      status: 404,
      body: { code: 'not_found' },
    })
  })

  it.each(['https://members.example/security', 'mailto:a@b', 'mailto:security@members.example'])(
    'takes %s',
    (SECURITY_CONTACT) => {
      expect(parseSettings({ SECURITY_CONTACT }).securityContact).toBe(SECURITY_CONTACT)
    },
  )

  it.each([
    'security@members.example',
    'http://members.example/security',
    'javascript:alert(1)',
    'mailto:',
    'mailto:nobody',
    'https://',
    'https://members.example/\nExpires: 2099-01-01T00:00:00Z',
    'https://members.example/ Contact',
    ' mailto:security@members.example',
    'mailto:sécurité@members.example',
  ])('%j stops the start with the name of the setting', (SECURITY_CONTACT) => {
    expect(() => parseSettings({ SECURITY_CONTACT })).toThrow(/^SECURITY_CONTACT: expected/)
  })
})
