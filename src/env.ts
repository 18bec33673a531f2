/**
 * What the deployment gives the Worker: bindings, and settings parsed once into their real types.
 * A bad setting is refused here, with its name and the reason, before any request is served.
 */
import * as z from 'zod'
import type { JobRunner } from './objects/job-runner.ts'
import type { VisitShard } from './objects/visit-shard.ts'
import { jwksFault } from './security/jwks-rules.ts'

export interface Bindings extends RawSettings {
  readonly DB: D1Database
  readonly VISITS: DurableObjectNamespace<VisitShard>
  readonly JOBS: DurableObjectNamespace<JobRunner>
}

/** Settings as the platform hands them over: text, each optional. */
interface RawSettings {
  /** JSON array of `{ issuer, audience, jwksUrl | jwks, algorithms? }`. */
  readonly TRUSTED_ISSUERS?: string
  /** JSON array of `"<issuer>|<subject>"`: admins from their first request on. */
  readonly BOOTSTRAP_ADMINS?: string
  /** JSON array, or a comma-separated list, of origins that browsers may call from. */
  readonly ALLOWED_ORIGINS?: string
  /** IANA name; decides on which day a visit falls. Default UTC. */
  readonly SITE_TIME_ZONE?: string
  /** 1..1024 Durable Objects that share the visits. Read once, when the first member arrives. */
  readonly VISIT_SHARDS?: string
}

export const SETTING_NAMES = [
  'TRUSTED_ISSUERS',
  'BOOTSTRAP_ADMINS',
  'ALLOWED_ORIGINS',
  'SITE_TIME_ZONE',
  'VISIT_SHARDS',
] as const satisfies readonly (keyof RawSettings)[]

/** Asymmetric only: a shared secret would let every verifier mint tokens. */
export const TOKEN_ALGORITHMS = ['ES256', 'ES384', 'EdDSA', 'RS256', 'PS256'] as const
export type TokenAlgorithm = (typeof TOKEN_ALGORITHMS)[number]

/** A setting that cannot be used. The message names it and says what is expected. */
export class SettingsError extends Error {
  override readonly name = 'SettingsError'
}

const Algorithms = z.array(z.enum(TOKEN_ALGORITHMS)).min(1).default([...TOKEN_ALGORITHMS])
const IssuerBase = { issuer: z.string().min(1), audience: z.string().min(1), algorithms: Algorithms }

const TrustedIssuer = z.union(
  [
    z.strictObject({ ...IssuerBase, jwksUrl: z.url({ protocol: /^https?$/ }) }),
    z.strictObject({ ...IssuerBase, jwks: z.looseObject({ keys: z.array(z.looseObject({ kty: z.string() })) }) }),
  ],
  { error: 'expected { issuer, audience, jwksUrl | jwks, algorithms? } with asymmetric algorithms' },
)
export type TrustedIssuer = z.infer<typeof TrustedIssuer>

export interface Settings {
  readonly trustedIssuers: readonly TrustedIssuer[]
  readonly bootstrapAdmins: ReadonlySet<string>
  readonly allowedOrigins: readonly string[]
  readonly siteTimeZone: string
  readonly visitShards: number
}

const parsed = new WeakMap<RawSettings, Settings>()

/** The settings of this deployment, parsed on first use. @throws SettingsError */
export function settingsOf(env: RawSettings): Settings {
  const known = parsed.get(env)
  if (known) return known
  const settings = parseSettings(env)
  parsed.set(env, settings)
  return settings
}

/** @throws SettingsError naming the first setting that cannot be used, and why */
export function parseSettings(raw: RawSettings): Settings {
  const trustedIssuers = setting('TRUSTED_ISSUERS', z.array(TrustedIssuer), json('TRUSTED_ISSUERS', raw.TRUSTED_ISSUERS))
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
    visitShards: setting('VISIT_SHARDS', z.coerce.number().int().min(1).max(1024), raw.VISIT_SHARDS || '8'),
  }
}

const Origin = z.string().refine((text) => URL.canParse(text) && new URL(text).origin === text, {
  error: 'expected an origin such as "https://app.example", without a path',
})

const TimeZone = z.string().refine(isTimeZone, { error: 'expected an IANA time zone such as "Europe/Berlin"' })

function isTimeZone(name: string): boolean {
  try {
    return Boolean(new Intl.DateTimeFormat('en', { timeZone: name }))
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
  return (text ?? '').split(',').map((part) => part.trim()).filter(Boolean)
}

function setting<S extends z.ZodType>(name: string, schema: S, value: unknown): z.infer<S> {
  const result = schema.safeParse(value)
  if (result.success) return result.data
  const [issue] = result.error.issues
  const where = issue?.path.length ? `[${issue.path.join('.')}]` : ''
  throw new SettingsError(`${name}${where}: ${issue?.message ?? 'not valid'}`)
}
