/**
 * What the deployment gives the Worker: bindings, and settings parsed once into their real types.
 * A bad setting is refused here, with its name and the reason, before any request is served.
 */
import * as z from 'zod'
import type { MailBinding } from './auth/mail.ts'
import { type OwnIssuer, ownIssuers } from './auth/own-issuers.ts'
import {
  AuthSecret,
  type BuiltInLogin,
  LOGIN_SETTING_NAMES,
  parseLoginSettings,
  type RawLoginSettings,
} from './auth/settings.ts'
import { BUILT_IN, VISITORS } from './db/auth-schema.ts'
import type { JobRunner } from './objects/job-runner.ts'
import type { KeyGate } from './objects/key-gate.ts'
import type { VisitShard } from './objects/visit-shard.ts'
import { jwksFault } from './security/jwks-rules.ts'

export interface Bindings extends RawSettings {
  readonly DB: D1Database
  readonly VISITS: DurableObjectNamespace<VisitShard>
  readonly JOBS: DurableObjectNamespace<JobRunner>
  readonly KEYS: DurableObjectNamespace<KeyGate>
  /** The files of Swagger UI. */
  readonly ASSETS: Fetcher
  /** Cloudflare's email service; only the built-in login uses it. */
  readonly MAIL?: MailBinding
  /** Counts unknown API keys by address; without it nobody does. */
  readonly BURST?: RateLimit | undefined
  /** Counts what anybody may make by address; without it nobody does. */
  readonly ADDRESSES?: RateLimit | undefined
}

/** Settings as the platform hands them over: text, each optional. */
interface RawSettings extends RawLoginSettings {
  /** JSON array of `{ issuer, audience, jwksUrl | jwks, algorithms?, claims? }`. */
  readonly TRUSTED_ISSUERS?: string
  /** JSON array of `"<issuer>|<subject>"`: admins from their first request on. */
  readonly BOOTSTRAP_ADMINS?: string
  /** JSON array, or a comma-separated list, of origins that browsers may call from. */
  readonly ALLOWED_ORIGINS?: string
  /** IANA name; decides on which day a visit falls. Default UTC. */
  readonly SITE_TIME_ZONE?: string
  /** 1..1024 Durable Objects that share the visits. Read once, when the first member arrives. */
  readonly VISIT_SHARDS?: string
  /** A mailto: or https: URI: whom security.txt names. */
  readonly SECURITY_CONTACT?: string
}

export const SETTING_NAMES = [
  'TRUSTED_ISSUERS',
  'BOOTSTRAP_ADMINS',
  'ALLOWED_ORIGINS',
  'SITE_TIME_ZONE',
  'VISIT_SHARDS',
  'SECURITY_CONTACT',
  ...LOGIN_SETTING_NAMES,
] as const satisfies readonly (keyof RawSettings)[]

/** Asymmetric only: a shared secret would let every verifier mint tokens. */
export const TOKEN_ALGORITHMS = ['ES256', 'ES384', 'EdDSA', 'RS256', 'PS256'] as const
export type TokenAlgorithm = (typeof TOKEN_ALGORITHMS)[number]

/** A setting that cannot be used. The message names it and says what is expected. */
export class SettingsError extends Error {
  override readonly name = 'SettingsError'
}

const Algorithms = z
  .array(z.enum(TOKEN_ALGORITHMS))
  .min(1)
  .default([...TOKEN_ALGORITHMS])
const IssuerBase = {
  issuer: z
    .string()
    .min(1)
    .refine((name) => name !== BUILT_IN && name !== VISITORS, { error: 'a name of this site' }),
  audience: z.string().min(1),
  algorithms: Algorithms,
  /** What a token has to say besides, to keep out those the issuer signs for somebody else. */
  claims: z.record(z.string().min(1), z.union([z.string(), z.number(), z.boolean()])).optional(),
}

/** Whoever can change the keys on their way here signs tokens for anybody. */
const KeysUrl = z.string().refine(isPrivateWay, {
  error: 'expected an https URL; http from this machine only',
})

function isPrivateWay(text: string): boolean {
  const { protocol, hostname } = URL.parse(text) ?? {}
  const isHere = ['localhost', '127.0.0.1', '[::1]'].includes(hostname ?? '')
  return protocol === 'https:' || (protocol === 'http:' && isHere)
}

const TrustedIssuer = z.union(
  [
    z.strictObject({ ...IssuerBase, jwksUrl: KeysUrl }),
    z.strictObject({
      ...IssuerBase,
      jwks: z.looseObject({ keys: z.array(z.looseObject({ kty: z.string() })) }),
    }),
  ],
  {
    error:
      'expected { issuer, audience, jwksUrl | jwks, algorithms?, claims? } with asymmetric algorithms',
  },
)
export type TrustedIssuer = z.infer<typeof TrustedIssuer> | OwnIssuer

export interface Settings {
  readonly trustedIssuers: readonly TrustedIssuer[]
  readonly bootstrapAdmins: ReadonlySet<string>
  readonly allowedOrigins: readonly string[]
  readonly siteTimeZone: string
  readonly visitShards: number
  readonly securityContact: string | undefined
  /** What the keys of this site's tokens are encrypted with; undefined if they are not. */
  readonly authSecret: string | undefined
  /** Undefined when it is off. */
  readonly builtInLogin: BuiltInLogin | undefined
}

const parsed = new WeakMap<RawSettings, Settings>()

/** The settings of this deployment, parsed on first use. @throws SettingsError */
export function settingsOf(env: RawSettings & Pick<Bindings, 'DB'>): Settings {
  const known = parsed.get(env)
  if (known) return known
  const settings = withOwnIssuers(parseSettings(env), env)
  parsed.set(env, settings)
  return settings
}

/** For bindings that stand in for others: the same settings, and with them the keys known by now. */
export function shareSettings(from: Bindings, to: Bindings): void {
  parsed.set(to, settingsOf(from))
}

function withOwnIssuers(settings: Settings, { DB }: Pick<Bindings, 'DB'>): Settings {
  const { builtInLogin, trustedIssuers } = settings
  if (trustedIssuers.some(({ issuer }) => issuer === builtInLogin?.publicUrl)) {
    throw new SettingsError('TRUSTED_ISSUERS: PUBLIC_URL is the issuer of the built-in login')
  }
  return { ...settings, trustedIssuers: [...trustedIssuers, ...ownIssuers(DB, builtInLogin)] }
}

/** @throws SettingsError naming the first setting that cannot be used, and why */
export function parseSettings(raw: RawSettings): Settings {
  const trustedIssuers = setting(
    'TRUSTED_ISSUERS',
    z.array(TrustedIssuer),
    json('TRUSTED_ISSUERS', raw.TRUSTED_ISSUERS),
  )
  const names = trustedIssuers.map(({ issuer }) => issuer)
  if (new Set(names).size < names.length) {
    throw new SettingsError('TRUSTED_ISSUERS: the same issuer is listed twice')
  }
  for (const trusted of trustedIssuers) {
    const fault = 'jwks' in trusted ? jwksFault(trusted.jwks) : undefined
    if (fault) throw new SettingsError(`TRUSTED_ISSUERS: jwks of ${trusted.issuer}: ${fault}`)
  }
  const bootstrapAdmins = setting(
    'BOOTSTRAP_ADMINS',
    z.array(z.string().regex(/^[^|]+\|.+$/s, 'expected "<issuer>|<subject>"')),
    json('BOOTSTRAP_ADMINS', raw.BOOTSTRAP_ADMINS),
  )
  return {
    trustedIssuers,
    bootstrapAdmins: new Set(bootstrapAdmins),
    allowedOrigins: setting('ALLOWED_ORIGINS', z.array(Origin), list(raw.ALLOWED_ORIGINS)),
    siteTimeZone: setting('SITE_TIME_ZONE', TimeZone, raw.SITE_TIME_ZONE || 'UTC'),
    visitShards: setting('VISIT_SHARDS', ShardCount, raw.VISIT_SHARDS || '8'),
    securityContact: setting('SECURITY_CONTACT', Contact, raw.SECURITY_CONTACT || undefined),
    authSecret: setting('AUTH_SECRET', AuthSecret.optional(), raw.AUTH_SECRET || undefined),
    builtInLogin: parseLoginSettings(raw, setting),
  }
}

const Origin = z.string().refine((text) => URL.canParse(text) && new URL(text).origin === text, {
  error: 'expected an origin such as "https://app.example", without a path',
})

const ShardCount = z.coerce
  .string()
  .refine((text) => /^[1-9]\d{0,3}$/.test(text) && Number(text) <= 1024, {
    error: 'expected a whole number from 1 to 1024',
  })
  .transform(Number)

/** One line of security.txt, so nothing that could end it. */
const Contact = z
  .string()
  .refine((text) => /^(mailto:[!-?A-~]+@|https:\/\/)[!-~]+$/.test(text) && URL.canParse(text), {
    error: 'expected a mailto: or https: URI such as "mailto:security@example.com"',
  })
  .optional()

const TimeZone = z
  .string()
  .refine(isTimeZone, { error: 'expected an IANA time zone such as "Europe/Berlin"' })

/** Whether this runtime knows the IANA time zone. It takes offsets as well, which have no summer time. */
export function isTimeZone(name: string): boolean {
  try {
    return /^[a-z]/i.test(name) && Boolean(new Intl.DateTimeFormat('en', { timeZone: name }))
  } catch {
    return false
  }
}

function json(name: string, text: string | undefined): unknown {
  if (!text) return []
  try {
    return JSON.parse(text)
  } catch {
    throw new SettingsError(`${name}: not valid JSON`)
  }
}

function list(text: string | undefined): unknown {
  if (text?.trimStart().startsWith('[')) return json('ALLOWED_ORIGINS', text)
  return (text ?? '')
    .split(',')
    .map((part) => part.trim())
    .filter(Boolean)
}

function setting<S extends z.ZodType>(name: string, schema: S, value: unknown): z.infer<S> {
  const result = schema.safeParse(value)
  if (result.success) return result.data
  const [issue] = result.error.issues
  const where = issue?.path.length ? `[${issue.path.join('.')}]` : ''
  throw new SettingsError(`${name}${where}: ${issue?.message ?? 'not valid'}`)
}
