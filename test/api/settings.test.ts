import { describe, expect, it, vi } from 'vitest'
import readme from '../../README.md?raw'
import { parseSettings, SETTING_NAMES, SettingsError } from '../../src/settings/settings.ts'
import { TOKEN_ALGORITHMS } from '../../src/settings/trusted-issuers.ts'
import { ISSUER, testSite } from '../support/site.ts'

const { issuer, audience, jwks } = ISSUER
const jwksUrl = 'https://issuer.example/jwks.json'
const text = (...issuers: unknown[]) => JSON.stringify(issuers)

describe('settings that are left out', () => {
  it('trust nobody, allow no origin, and count days in UTC', () => {
    expect(parseSettings({})).toEqual({
      trustedIssuers: [],
      bootstrapAdmins: new Set(),
      allowedOrigins: [],
      siteTimeZone: 'UTC',
      keepsPublicAnswers: true,
      visitShards: 8,
      guests: { perVisitor: 5, perNetwork: 50, holdMinutes: 60, keptForDays: 365 },
      allowsSelfDeletion: false,
      eventDays: 30,
      webhookHaste: 1,
      pagesDefault: 'closed',
      look: { name: 'Guildhall', homeUrl: '/', accent: '#4f46e5' },
      console: false,
      loggedShare: 1,
      keepsRefusals: true,
      environment: 'production',
    })
  })

  it('are those that are empty too', () => {
    const empty = Object.fromEntries(SETTING_NAMES.map((name) => [name, '']))
    expect(parseSettings(empty)).toEqual(parseSettings({}))
  })
})

describe('settings that are given', () => {
  it.each(SETTING_NAMES)('are in the README, and nothing is left out: %s', (name) => {
    expect(
      readme.includes(`\`${name}\``),
      `the settings table of README.md lacks ${name}. CONTRIBUTING.md, "A setting".`,
    ).toBe(true)
  })

  it('become what the Worker uses', () => {
    const parsed = parseSettings({
      TRUSTED_ISSUERS: text(
        { issuer, audience, jwks },
        { issuer: 'https://b.example', audience, jwksUrl, algorithms: ['RS256'] },
      ),
      BOOTSTRAP_ADMINS: JSON.stringify([`${issuer}|root`, `${issuer}|a|b`]),
      SITE_TIME_ZONE: 'PACIFIC/auckland',
      KEEP_PUBLIC_ANSWERS: 'off',
      VISIT_SHARDS: '1024',
      VISITOR_BOOKINGS: '1000',
      NETWORK_BOOKINGS: '100000',
      VISITOR_HOLD_MINUTES: '1',
      GUEST_DATA_DAYS: '36500',
      EVENT_DAYS: '3650',
      WEBHOOK_HASTE: '10000',
      PUBLIC_URL: 'http://localhost:8787',
      PAGES_DEFAULT: 'open',
      SITE_NAME: 'Loom & Thread',
      SITE_URL: 'https://loom.example/start',
      SITE_LOGO: '/logo.svg',
      SITE_ACCENT: '#B4530A',
      CONSOLE: 'off',
      LOG_REQUESTS: '0.05',
      KEEP_REFUSALS: 'off',
      ENVIRONMENT: 'staging',
    })
    expect(parsed).toMatchObject({
      trustedIssuers: [
        { issuer, audience, jwks, algorithms: TOKEN_ALGORITHMS },
        { issuer: 'https://b.example', audience, jwksUrl, algorithms: ['RS256'] },
      ],
      bootstrapAdmins: new Set([`${issuer}|root`, `${issuer}|a|b`]),
      siteTimeZone: 'Pacific/Auckland',
      keepsPublicAnswers: false,
      visitShards: 1024,
      eventDays: 3650,
      webhookHaste: 10_000,
      guests: { perVisitor: 1000, perNetwork: 100_000, holdMinutes: 1, keptForDays: 36_500 },
      pagesDefault: 'open',
      look: {
        name: 'Loom & Thread',
        homeUrl: 'https://loom.example/start',
        logoUrl: '/logo.svg',
        accent: '#b4530a',
      },
      console: false,
      loggedShare: 0.05,
      keepsRefusals: false,
      environment: 'staging',
    })
  })

  it.each(['localhost:8080', '127.0.0.1:8080', '[::1]:8080', 'localhost'])(
    'may take keys over http from %s',
    (host) => {
      const url = `http://${host}/jwks.json`
      const TRUSTED_ISSUERS = text({ issuer, audience, jwksUrl: url })
      expect(parseSettings({ TRUSTED_ISSUERS }).trustedIssuers).toMatchObject([{ jwksUrl: url }])
    },
  )

  it.each([
    '["https://a.example","http://localhost:3000"]',
    'https://a.example, http://localhost:3000,',
  ])('may list origins as %s', (ALLOWED_ORIGINS) => {
    const { allowedOrigins } = parseSettings({ ALLOWED_ORIGINS })
    expect(allowedOrigins).toEqual(['https://a.example', 'http://localhost:3000'])
  })
})

const BAD = [
  ...[
    'http://loom.example',
    '//loom.example',
    String.raw`/\loom.example`,
    'javascript:alert(1)',
  ].map((place) => ['SITE_URL', place, 'expected an https URL'] as const),
  ['SITE_NAME', 'two\nlines', 'on one line'],
  ['SITE_NAME', 'x'.repeat(61), '1 to 60'],
  ['SITE_LOGO', 'data:image/svg+xml,x', 'expected an https URL'],
  ['SITE_ACCENT', 'red', 'expected a colour'],
  ['CONSOLE', 'yes', 'expected "on" or "off"'],
  ['CONSOLE', 'on', 'needs the built-in login'],
  ['TRUSTED_ISSUERS', 'https://issuer.example', 'not valid JSON'],
  ['TRUSTED_ISSUERS', '{}', 'expected array'],
  ['TRUSTED_ISSUERS', '["https://issuer.example"]', '[0]: expected { issuer, audience'],
  ['TRUSTED_ISSUERS', text({ issuer, audience }), 'jwksUrl | jwks'],
  ['TRUSTED_ISSUERS', text({ issuer, jwks }), 'expected { issuer, audience'],
  ['TRUSTED_ISSUERS', text({ issuer: '', audience, jwks }), '[0.issuer]: Too small'],
  ['TRUSTED_ISSUERS', text({ issuer, audience, jwks, jwksUrl }), 'jwksUrl | jwks'],
  ...[
    'ftp://a.example/',
    'http://a.example/',
    'http://localhost.a.example/',
    'http://localhost:1@a.example/',
    'https://',
    'issuer.example',
  ].map(
    (url) =>
      [
        'TRUSTED_ISSUERS',
        text({ issuer, audience, jwksUrl: url }),
        '[0.jwksUrl]: expected',
      ] as const,
  ),
  ['TRUSTED_ISSUERS', text({ issuer, audience, jwks, secret: 'x' }), 'key: "secret"'],
  ['TRUSTED_ISSUERS', text({ issuer, audience, jwks, clientIds: [] }), '[0.clientIds]'],
  ['TRUSTED_ISSUERS', text({ issuer, audience, jwks, clientIds: 'a' }), 'clientIds?'],
  ['TRUSTED_ISSUERS', text({ issuer, audience, jwks, logout: { clientIds: [] } }), '[0.logout.c'],
  ['TRUSTED_ISSUERS', text({ issuer, audience, jwks, logout: true }), 'logout?'],
  ['TRUSTED_ISSUERS', text({ issuer, audience, jwks, signals: { events: {} } }), 'signals?'],
  [
    'TRUSTED_ISSUERS',
    text({
      issuer,
      audience,
      jwks,
      signals: { audience, events: { 'session-revoked': 'delete' } },
    }),
    'signals?',
  ],
  [
    'TRUSTED_ISSUERS',
    text({ issuer, audience, jwks, signals: { audience, events: { 'email-changed': 'suspend' } } }),
    'email-changed',
  ],
  ['TRUSTED_ISSUERS', text({ issuer, audience, jwks, algorithms: ['HS256'] }), 'asymmetric'],
  ['TRUSTED_ISSUERS', text({ issuer, audience, jwks, algorithms: ['none'] }), 'asymmetric'],
  [
    'TRUSTED_ISSUERS',
    text({ issuer, audience, jwks, algorithms: [] }),
    '[0.algorithms]: Too small',
  ],
  [
    'TRUSTED_ISSUERS',
    text({ issuer, audience, jwks, claims: { role: null } }),
    '[0]: expected { issuer',
  ],
  [
    'TRUSTED_ISSUERS',
    text({ issuer, audience, jwks, claims: { role: ['a'] } }),
    '[0]: expected { issuer',
  ],
  [
    'TRUSTED_ISSUERS',
    text({ issuer, audience, jwks, claims: { '': 'a' } }),
    '[0]: expected { issuer',
  ],
  ['TRUSTED_ISSUERS', text({ issuer, audience, jwks }, { issuer, audience, jwksUrl }), 'twice'],
  ['TRUSTED_ISSUERS', text({ issuer, audience, jwks: { keys: [] } }), 'has no keys'],
  [
    'TRUSTED_ISSUERS',
    text({ issuer, audience, jwks: { keys: [{ kty: 'oct', k: 'c2VjcmV0' }] } }),
    `jwks of ${issuer}: Key 1 is symmetric`,
  ],
  ['BOOTSTRAP_ADMINS', 'root', 'not valid JSON'],
  ['BOOTSTRAP_ADMINS', '"root"', 'expected array'],
  ['BOOTSTRAP_ADMINS', '["root"]', '[0]: expected "<issuer>|<subject>"'],
  ['BOOTSTRAP_ADMINS', '["a|b", "|root"]', '[1]: expected "<issuer>|<subject>"'],
  ['BOOTSTRAP_ADMINS', '["https://issuer.example|"]', '[0]: expected "<issuer>|<subject>"'],
  ['ALLOWED_ORIGINS', '*', '[0]: expected an origin'],
  ['ALLOWED_ORIGINS', 'https://a.example/', '[0]: expected an origin'],
  ['ALLOWED_ORIGINS', 'https://a.example, a.example', '[1]: expected an origin'],
  ['ALLOWED_ORIGINS', '["https://a.example"', 'not valid JSON'],
  ['ALLOWED_ORIGINS', 'null', '[0]: expected an origin'],
  ['SITE_TIME_ZONE', 'Mars/Olympus', 'expected an IANA time zone such as "Europe/Berlin"'],
  ['SITE_TIME_ZONE', 'BST', 'expected an IANA time zone such as "Europe/Berlin"'],
  ['SITE_TIME_ZONE', 'CET', 'expected an IANA time zone'],
  ['VISITOR_BOOKINGS', '0', 'expected a whole number from 1 to 1000'],
  ['NETWORK_BOOKINGS', '100001', 'expected a whole number from 1 to 100000'],
  ['VISITOR_HOLD_MINUTES', 'an hour', 'expected a whole number from 1 to 525600'],
  ['GUEST_DATA_DAYS', '-1', 'expected a whole number from 1 to 36500'],
  ['SELF_DELETION', 'yes', 'expected "on" or "off"'],
  ['EVENT_DAYS', '0', 'expected a whole number from 1 to 3650'],
  ['AUDIT_KEEP_DAYS', '29', 'expected a whole number from 30 to 36500'],
  ['BOOKINGS_KEEP_DAYS', '29', 'expected a whole number from 30 to 36500'],
  ['WEBHOOK_HASTE', '2', 'hurries webhooks: only for a PUBLIC_URL on localhost'],
  ['MAIL_SERVICE', '{"name":"resend","key":"a b"}', 'key of the service: 8 to 500 letters'],
  ['PAGES_DEFAULT', 'shut', 'expected "open" or "closed"'],
  ['KEEP_REFUSALS', 'no', 'expected "on" or "off"'],
  ['ENVIRONMENT', 'Staging 2', 'expected up to 32 lower-case letters'],
  ['LOG_REQUESTS', '5%', 'expected a number from 0 to 1'],
  ['LOG_REQUESTS', '1.5', 'expected a number from 0 to 1'],
  ['SITE_TIME_ZONE', ' ', 'expected an IANA time zone'],
  ['SITE_TIME_ZONE', '+01:00', 'expected an IANA time zone'],
  ['KEEP_PUBLIC_ANSWERS', 'no', 'expected "on" or "off"'],
  ['VISIT_SHARDS', 'many', 'expected a whole number from 1 to 1024'],
  ['VISIT_SHARDS', '0', 'expected a whole number from 1 to 1024'],
  ['VISIT_SHARDS', '1025', 'expected a whole number from 1 to 1024'],
  ['VISIT_SHARDS', '1.5', 'expected a whole number from 1 to 1024'],
  ['VISIT_SHARDS', '0x10', 'expected a whole number from 1 to 1024'],
] as const

describe('a setting that cannot be used', () => {
  it.each(BAD)('is refused by name and with the reason: %s (%#)', (name, value, reason) => {
    const parse = () => parseSettings({ [name]: value })
    expect(parse).toThrow(SettingsError)
    expect(parse).toThrow(reason)
    expect(parse).toThrow(new RegExp(`^${name}`))
  })

  it('is refused without a word of a secret, also where one stands in the place of a name', () => {
    const canary = 'pm-canary-0123456789'
    const secret = { name: 'postmark', key: 'key-of-the-service', [canary]: canary }
    const client = { issuer: 'https://a.example', clientId: 'x', clientSecret: canary }
    const login = {
      BUILT_IN_LOGIN: 'on',
      PUBLIC_URL: 'https://a.example',
      AUTH_SECRET: 'x'.repeat(40),
      MAIL_FROM: 'a@a.example',
    }
    for (const [name, value] of [
      ['MAIL_SERVICE', secret],
      ['MAIL_SERVICE', { name: canary, key: canary }],
      ['OPENID_PROVIDERS', { acme: { ...client, [canary]: canary } }],
    ] as const) {
      const parse = () => parseSettings({ ...login, [name]: JSON.stringify(value) })
      expect(parse).toThrow(new RegExp(`^${name}(?!.*canary)`))
    }
  })

  it.each(['/v1/whoami', '/v1/badges', '/healthz', '/v1/nowhere'])(
    'stops %s with an opaque 500; the log has the reason under the request id',
    async (path) => {
      const logged = vi.spyOn(console, 'error').mockReturnValue()
      const site = testSite({ SITE_TIME_ZONE: 'Mars/Olympus' })
      const { status, headers, body } = await site.anonymous.get(path)
      expect({ status, code: body.code }).toEqual({ status: 500, code: 'internal' })
      expect(body.requestId).toBe(headers.get('Request-Id'))
      expect(JSON.stringify(body)).not.toMatch(/Mars|SITE_TIME_ZONE|stack/)
      const log = JSON.stringify(logged.mock.calls)
      expect(log).toContain('SITE_TIME_ZONE: expected an IANA time zone')
      expect(log).toContain(body.requestId)
      logged.mockRestore()
    },
  )

  it('stops the cron too', async () => {
    const site = testSite({ VISIT_SHARDS: '0' })
    await expect(site.tick()).rejects.toThrow(SettingsError)
  })
})
