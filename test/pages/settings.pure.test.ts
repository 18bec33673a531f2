/** Pages are off until an origin or a server is named, and then each setting is one that can be used. */
import { describe, expect, test } from 'vitest'
import { parseSettings, type RawSettings, SettingsError } from '../../src/settings/settings.ts'

const PUBLIC_URL = 'https://members.example'
const AUTH_SECRET = 'Zk3vQm8LwT1xR5nB9cD2fG7hJ4pS6uY0'
const SITE = { PUBLIC_URL, AUTH_SECRET }
const BOUND = { ...SITE, PAGES: {} }
const pagesOf = (raw: RawSettings) => parseSettings(raw).pages

describe('pages', () => {
  test('are off unless there is an origin or a server that asks', () => {
    expect(pagesOf(SITE)).toBe(undefined)
    expect(pagesOf({ ...SITE, PAGES_SERVICE_WORKER: 'on', PAGES_PROXY_SECRET: 'x' })).toBe(
      undefined,
    )
  })

  test('have the origin of the site where a Worker serves them, and otherwise one of their own', () => {
    const rest = { publicUrl: PUBLIC_URL, secret: AUTH_SECRET, proxy: undefined }
    const off = { passesAuthorization: false, allowsServiceWorkers: false }
    expect(pagesOf(BOUND)).toEqual({ ...rest, ...off, front: { origin: PUBLIC_URL } })
    const origin = 'https://site.example'
    const on = { PAGES_PASS_AUTHORIZATION: 'on', PAGES_SERVICE_WORKER: 'on' }
    expect(pagesOf({ ...SITE, ...on, PAGES_ORIGIN: origin })).toEqual({
      ...rest,
      passesAuthorization: true,
      allowsServiceWorkers: true,
      front: { origin },
    })
  })

  test('are asked about by a server without being behind this site', () => {
    const secret = 'x'.repeat(32)
    const asked = { ...SITE, PAGES_FORWARD_AUTH: 'nginx', PAGES_PROXY_SECRET: secret }
    expect(pagesOf(asked)).toMatchObject({ front: undefined, proxy: { kind: 'nginx', secret } })
  })

  test('may be at http on this machine alone, from a site on it', () => {
    const here = { AUTH_SECRET, PUBLIC_URL: 'http://localhost:8787' }
    for (const PAGES_ORIGIN of [
      'http://127.0.0.1:3000',
      'http://[::1]:3000',
      'https://site.example',
    ]) {
      expect(pagesOf({ ...here, PAGES_ORIGIN })?.front?.origin).toBe(PAGES_ORIGIN)
    }
  })
})

const LOCAL = { AUTH_SECRET, PUBLIC_URL: 'http://localhost:8787' }

test.for([
  [{ ...SITE, PAGES_ORIGIN: 'http://site.example' }, 'PAGES_ORIGIN: expected https'],
  [{ ...SITE, PAGES_ORIGIN: 'http://127.0.0.1:3000' }, 'PAGES_ORIGIN: expected https'],
  [{ ...LOCAL, PAGES_ORIGIN: 'http://192.0.2.1' }, 'PAGES_ORIGIN: expected https'],
  [{ ...LOCAL, PAGES_ORIGIN: 'http://localhost:3000' }, 'PAGES_ORIGIN: expected another hostname'],
  [{ ...SITE, PAGES_ORIGIN: PUBLIC_URL }, 'PAGES_ORIGIN: expected another hostname'],
  [{ ...SITE, PAGES_ORIGIN: `${PUBLIC_URL}:8443` }, 'PAGES_ORIGIN: expected another hostname'],
  [{ ...SITE, PAGES_ORIGIN: 'https://site.example/' }, 'PAGES_ORIGIN: expected an origin'],
  [{ ...SITE, PAGES_ORIGIN: 'https://a:b@site.example' }, 'PAGES_ORIGIN: expected an origin'],
  [{ ...SITE, PAGES_ORIGIN: 'site.example' }, 'PAGES_ORIGIN: expected an origin'],
  [{ ...BOUND, PAGES_ORIGIN: 'https://site.example' }, 'PAGES_ORIGIN: the binding PAGES is'],
  [{ AUTH_SECRET, PAGES: {} }, 'PUBLIC_URL: needed with pages'],
  [{ AUTH_SECRET, PUBLIC_URL: 'http://a.example', PAGES: {} }, 'PUBLIC_URL: expected an https'],
  [{ PUBLIC_URL, PAGES: {} }, 'AUTH_SECRET: needed with pages'],
  [{ ...BOUND, AUTH_SECRET: 'short' }, 'AUTH_SECRET: expected at least 32'],
  [{ PAGES_PASS_AUTHORIZATION: 'yes' }, 'PAGES_PASS_AUTHORIZATION: expected "on" or "off"'],
  [{ PAGES_SERVICE_WORKER: 'true' }, 'PAGES_SERVICE_WORKER: expected "on" or "off"'],
  [{ ...SITE, PAGES_FORWARD_AUTH: 'apache' }, 'PAGES_FORWARD_AUTH: expected "nginx", "caddy"'],
  [{ ...SITE, PAGES_FORWARD_AUTH: 'nginx' }, 'PAGES_PROXY_SECRET: needed with PAGES_FORWARD_AUTH'],
  [
    { ...SITE, PAGES_FORWARD_AUTH: 'nginx', PAGES_PROXY_SECRET: 'x'.repeat(31) },
    'PAGES_PROXY_SECRET: expected at least 32',
  ],
  [
    {
      ...BOUND,
      TRUSTED_ISSUERS: JSON.stringify([
        { issuer: `${PUBLIC_URL}/pages`, audience: 'a', jwksUrl: 'https://a.example/jwks' },
      ]),
    },
    'TRUSTED_ISSUERS: PUBLIC_URL/pages is the issuer of assertions',
  ],
] as const)('%j is refused by name and with the reason', ([raw, reason]) => {
  expect(() => parseSettings(raw)).toThrow(SettingsError)
  expect(() => parseSettings(raw)).toThrow(reason)
})
