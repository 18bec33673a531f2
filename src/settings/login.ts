/** The settings of the built-in login. Without `BUILT_IN_LOGIN=on` there is none, and none of it is loaded. */
import * as z from 'zod'
import { EmailAddress } from './email-address.ts'
import { jsonIn } from './json.ts'

export interface RawLoginSettings {
  /** `on` or `off`, the default. */
  readonly BUILT_IN_LOGIN?: string
  /** The origin people reach this site at; issuer of its tokens and base of the links in its mail. */
  readonly PUBLIC_URL?: string
  /** At least 32 random characters, which sign cookies and encrypt the keys that sign tokens. */
  readonly AUTH_SECRET?: string
  /** The sender of mail through the `MAIL` binding. */
  readonly MAIL_FROM?: string
  /** `console`: mail is printed instead of sent. For a laptop, never for a real site. */
  readonly MAIL_OUTBOX?: string
  /** JSON: better-auth's `socialProviders`, as in `{"github":{"clientId":"…","clientSecret":"…"}}`. */
  readonly SOCIAL_PROVIDERS?: string
  /** JSON: issuers of TRUSTED_ISSUERS to sign in with, as `{"acme":{"issuer":"…","clientId":"…"}}`. */
  readonly OPENID_PROVIDERS?: string
}

export const LOGIN_SETTING_NAMES = [
  'BUILT_IN_LOGIN',
  'PUBLIC_URL',
  'AUTH_SECRET',
  'MAIL_FROM',
  'MAIL_OUTBOX',
  'SOCIAL_PROVIDERS',
  'OPENID_PROVIDERS',
] as const satisfies readonly (keyof RawLoginSettings)[]

export interface BuiltInLogin {
  /** The origin, without a path or a slash at the end. */
  readonly publicUrl: string
  readonly secret: string
  /** Undefined if mail is printed. */
  readonly mailFrom: string | undefined
  readonly socialProviders: Readonly<Record<string, SocialProvider>>
  readonly openidProviders: Readonly<Record<string, OpenidProvider>>
}

const WITH_LOGIN = 'when BUILT_IN_LOGIN is on'

const EXPECTED_ORIGIN = 'an origin such as "https://members.example"'
const EXPECTED_SECRET = 'at least 32 random characters'
const EXPECTED_SENDER = 'the address that mail is sent from'

/** @param when it is needed, as in `with pages` */
export const PublicUrl = (when: string) =>
  z
    .string({ error: `needed ${when}: ${EXPECTED_ORIGIN}` })
    .refine(
      (text) => URL.canParse(text) && new URL(text).origin === text && isSecure(new URL(text)),
      {
        error: 'expected an https origin such as "https://members.example", without a path',
      },
    )

/** Browsers treat http on this machine as secure; a cookie of the login needs that. */
function isSecure({ protocol, hostname }: URL): boolean {
  return protocol === 'https:' || (protocol === 'http:' && hostname === 'localhost')
}

/** @param when it is needed, as in `with pages` */
export const AuthSecret = (when: string) =>
  z.string({ error: `needed ${when}: ${EXPECTED_SECRET}` }).min(32, `expected ${EXPECTED_SECRET}`)

const SocialProvider = z.looseObject({ clientId: z.string(), clientSecret: z.string() })
export type SocialProvider = z.infer<typeof SocialProvider>

/** Those better-auth starts with, given no more than a client's id and secret. A test compares the lists. */
export const SOCIAL_PROVIDER_NAMES: readonly string[] = (
  'atlassian cloudflare discord dropbox facebook figma github gitlab google huggingface ' +
  'kakao kick line linear linkedin microsoft naver notion paybin paypal polar railway reddit roblox ' +
  'salesforce slack spotify tiktok twitch twitter vercel vk wechat zoom'
).split(' ')

const SocialProviders = z.record(
  z.string().refine((name) => SOCIAL_PROVIDER_NAMES.includes(name)),
  SocialProvider,
  {
    error: ({ code }) =>
      code === 'invalid_key'
        ? 'no provider that better-auth takes with an id and a secret'
        : 'expected a JSON object such as {"github":{"clientId":"…","clientSecret":"…"}}',
  },
)

const OpenidProvider = z.strictObject({
  /** One of TRUSTED_ISSUERS, whose entry says by which keys its tokens are verified. */
  issuer: z.string(),
  clientId: z.string().min(1),
  /** Left out for a client that is public, which has PKCE alone. */
  clientSecret: z.string().min(1).optional(),
  /** What the button says. */
  label: z.string().trim().min(1).max(40).optional(),
  /** What an ID token has to say besides, as `{"hd": "members.example"}`. */
  claims: z.record(z.string().min(1), z.union([z.string(), z.number(), z.boolean()])).default({}),
})
export type OpenidProvider = z.infer<typeof OpenidProvider>

const OpenidProviders = z.record(
  z
    .string()
    .regex(/^[a-z][a-z0-9-]{0,31}$/)
    .refine((name) => !SOCIAL_PROVIDER_NAMES.includes(name)),
  OpenidProvider,
  {
    error: ({ code }) =>
      code === 'invalid_key'
        ? 'expected a name of small letters, digits and hyphens that is no social provider’s'
        : 'expected a JSON object such as {"acme":{"issuer":"https://login.acme.example","clientId":"…"}}',
  },
)

type Read = <S extends z.ZodType>(name: string, schema: S, value: unknown) => z.infer<S>

/** @param setting parses one value. @throws what it throws, for the first that cannot be used */
export function parseLoginSettings(raw: RawLoginSettings, setting: Read): BuiltInLogin | undefined {
  const OnOff = z.enum(['on', 'off'], { error: 'expected "on" or "off"' })
  if (setting('BUILT_IN_LOGIN', OnOff, raw.BUILT_IN_LOGIN || 'off') === 'off') return undefined
  assertNoneMissing(raw, setting)
  const publicUrl = setting('PUBLIC_URL', PublicUrl(WITH_LOGIN), raw.PUBLIC_URL)
  const isLocal = new URL(publicUrl).hostname === 'localhost'
  const Outbox = z.literal('console', { error: 'expected "console"' }).optional()
  const outbox = setting('MAIL_OUTBOX', Outbox, raw.MAIL_OUTBOX || undefined)
  const ForLocal = z.undefined({ error: 'prints secret links: only for a PUBLIC_URL on localhost' })
  if (!isLocal) setting('MAIL_OUTBOX', ForLocal, outbox)
  const From = z.string({ error: `needed ${WITH_LOGIN}: ${EXPECTED_SENDER}` }).pipe(EmailAddress)
  return {
    publicUrl,
    secret: setting('AUTH_SECRET', AuthSecret(WITH_LOGIN), raw.AUTH_SECRET),
    mailFrom: outbox ? undefined : setting('MAIL_FROM', From, raw.MAIL_FROM),
    socialProviders: setting(
      'SOCIAL_PROVIDERS',
      SocialProviders,
      jsonIn(raw.SOCIAL_PROVIDERS || '{}'),
    ),
    openidProviders: setting(
      'OPENID_PROVIDERS',
      OpenidProviders,
      jsonIn(raw.OPENID_PROVIDERS || '{}'),
    ),
  }
}

/** Whoever switches the login on is told of all that it needs at once. */
function assertNoneMissing(raw: RawLoginSettings, setting: Read): void {
  const needed = [
    ['PUBLIC_URL', raw.PUBLIC_URL, EXPECTED_ORIGIN],
    ['AUTH_SECRET', raw.AUTH_SECRET, EXPECTED_SECRET],
    ['MAIL_FROM', raw.MAIL_FROM || raw.MAIL_OUTBOX, EXPECTED_SENDER],
  ] as const
  const missing = needed.filter(([, value]) => !value)
  // One alone is said by its own schema.
  if (missing.length < 2) return
  const names = missing.map(([name]) => name).join(', ')
  const expected = missing.map(([name, , what]) => `${name} is ${what}`).join(', ')
  setting(names, z.never({ error: `needed ${WITH_LOGIN}: ${expected}` }), missing)
}
