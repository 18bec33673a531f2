/**
 * What the deployment says, parsed once into its real types. A bad setting is refused here, with its
 * name and the reason, before any request is served.
 */
import * as z from 'zod'
import { EXPECTED_ZONE, timeZoneNamed } from '../calendar/time-zone.ts'
import { judgeKeySet } from '../crypto/jwks-rules.ts'
import { log } from '../log.ts'
import {
  AuthSecret,
  type BuiltInLogin,
  LOGIN_SETTING_NAMES,
  parseLoginSettings,
  type RawLoginSettings,
} from './login.ts'
import {
  LOOK_SETTING_NAMES,
  type LookSettings,
  parseConsoleSetting,
  parseLookSettings,
  type RawLookSettings,
} from './look.ts'
import {
  MAIL_SETTING_NAMES,
  type MailSettings,
  parseMailSettings,
  type RawMailSettings,
} from './mail.ts'
import {
  PAGES_SETTING_NAMES,
  type PagesSettings,
  parsePagesSettings,
  type RawPagesSettings,
} from './pages.ts'
import { TrustedIssuer } from './trusted-issuers.ts'

/** Settings as the platform hands them over: text, each optional. */
export interface RawSettings
  extends RawLoginSettings, RawMailSettings, RawPagesSettings, RawLookSettings {
  /** JSON array of `{ issuer, audience, jwksUrl | jwks, algorithms?, claims?, clientIds?, logout?, signals? }`. */
  readonly TRUSTED_ISSUERS?: string
  /** JSON array of `"<issuer>|<subject>"`: admins from their first request on. */
  readonly BOOTSTRAP_ADMINS?: string
  /** JSON array, or a comma-separated list, of origins that browsers may call from. */
  readonly ALLOWED_ORIGINS?: string
  /** IANA name; decides on which day a visit falls. Default UTC. */
  readonly SITE_TIME_ZONE?: string
  /** `off` has public answers read anew each time; `on`, the default, keeps them for two seconds. */
  readonly KEEP_PUBLIC_ANSWERS?: string
  /** 1..1024 Durable Objects that share the visits. Read once, when the first member arrives. */
  readonly VISIT_SHARDS?: string
  /** A mailto: or https: URI: whom security.txt names. */
  readonly SECURITY_CONTACT?: string
  /** 1..1000 live bookings that one visitor may have. Default 5. */
  readonly VISITOR_BOOKINGS?: string
  /** 1..100000 live bookings that all visitors of a network (/24, /64) may have. Default 50. */
  readonly NETWORK_BOOKINGS?: string
  /** 1..525600 minutes that a visitor's booking is held for where the service does not say. Default 60. */
  readonly VISITOR_HOLD_MINUTES?: string
  /** 1..36500 days after which what guests have left is forgotten. Default 365. */
  readonly GUEST_DATA_DAYS?: string
  /** `on`: members may delete themselves. Default `off`. */
  readonly SELF_DELETION?: string
  /** 1..3650 days after which events are forgotten. Default 30. */
  readonly EVENT_DAYS?: string
  /** 30..36500 days after their end for which bookings are kept. Default: for good. */
  readonly BOOKINGS_KEEP_DAYS?: string
  /** 30..36500 days after which what is archived of the audit log leaves the database. Default: it stays. */
  readonly AUDIT_KEEP_DAYS?: string
  /** 1..10000: how many times as fast webhooks are repeated and given up; on this machine only. */
  readonly WEBHOOK_HASTE?: string
  /** What becomes of pages that no rule is about: `closed`, the default, or `open`. */
  readonly PAGES_DEFAULT?: string
  /** 0..1: which share of the requests that went well is logged. Default 1. */
  readonly LOG_REQUESTS?: string
  /** Which of the site's deployments this is. Written into its database; default `production`. */
  readonly ENVIRONMENT?: string
  /** `off` writes nothing down of what was refused; `on`, the default, keeps it for seven days. */
  readonly KEEP_REFUSALS?: string
}

export const SETTING_NAMES = [
  'TRUSTED_ISSUERS',
  'BOOTSTRAP_ADMINS',
  'ALLOWED_ORIGINS',
  'SITE_TIME_ZONE',
  'KEEP_PUBLIC_ANSWERS',
  'VISIT_SHARDS',
  'SECURITY_CONTACT',
  'VISITOR_BOOKINGS',
  'NETWORK_BOOKINGS',
  'VISITOR_HOLD_MINUTES',
  'GUEST_DATA_DAYS',
  'SELF_DELETION',
  'EVENT_DAYS',
  'AUDIT_KEEP_DAYS',
  'BOOKINGS_KEEP_DAYS',
  'WEBHOOK_HASTE',
  'PAGES_DEFAULT',
  'LOG_REQUESTS',
  'ENVIRONMENT',
  'KEEP_REFUSALS',
  ...LOGIN_SETTING_NAMES,
  ...MAIL_SETTING_NAMES,
  ...PAGES_SETTING_NAMES,
  ...LOOK_SETTING_NAMES,
] as const satisfies readonly (keyof RawSettings)[]

/** Settings that hold secrets: of the Worker, and no variables, which anybody in the account can read. */
export const SECRET_SETTINGS: readonly string[] = [
  'AUTH_SECRET',
  'SOCIAL_PROVIDERS',
  'OPENID_PROVIDERS',
  'PAGES_PROXY_SECRET',
  'MAIL_SERVICE',
] satisfies readonly (keyof RawSettings)[]

/** A setting that cannot be used. The message names it and says what is expected. */
export class SettingsError extends Error {
  override readonly name = 'SettingsError'
}

/** What is asked of those who book without an account. */
export interface GuestSettings {
  /** Live bookings that one visitor may have. */
  readonly perVisitor: number
  /** Live bookings that all visitors of a network may have. */
  readonly perNetwork: number
  /** How long a visitor's booking holds its place where the service does not say. */
  readonly holdMinutes: number
  /** How many days after its end a booking keeps what they have left. */
  readonly keptForDays: number
}

export interface Settings {
  readonly trustedIssuers: readonly TrustedIssuer[]
  readonly bootstrapAdmins: ReadonlySet<string>
  readonly allowedOrigins: readonly string[]
  readonly siteTimeZone: string
  readonly keepsPublicAnswers: boolean
  readonly visitShards: number
  readonly securityContact: string | undefined
  readonly guests: GuestSettings
  readonly allowsSelfDeletion: boolean
  /** How many days events are kept. */
  readonly eventDays: number
  /** How many days after their end bookings are kept; undefined for ever. */
  readonly bookingsKeepDays: number | undefined
  /** How many days the database keeps of the audit log what is archived; undefined for all of it. */
  readonly auditKeepDays: number | undefined
  /** How many times as fast webhooks are repeated. */
  readonly webhookHaste: number
  /** What becomes of pages that no rule is about. */
  readonly pagesDefault: 'open' | 'closed'
  /** Which share of the requests that went well is logged, from 0 to 1. */
  readonly loggedShare: number
  readonly keepsRefusals: boolean
  /** Which of the site's deployments this is. */
  readonly environment: string
  /** What the keys of this site's tokens are encrypted with; undefined if they are not. */
  readonly authSecret: string | undefined
  /** The origin people reach this site at, where a setting says it. */
  readonly publicUrl: string | undefined
  /** Undefined when it is off. */
  readonly builtInLogin: BuiltInLogin | undefined
  /** Undefined where no mail can be sent. */
  readonly mail: MailSettings | undefined
  /** Undefined when they are off. */
  readonly pages: PagesSettings | undefined
  readonly look: LookSettings
  /** Whether there is a console. */
  readonly console: boolean
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

/** Gives bindings that stand in for others the same settings, and with them the keys known by now. */
export function shareSettings(from: RawSettings, to: RawSettings): void {
  parsed.set(to, settingsOf(from))
}

/** Where the site is, as it says itself; without that, where it was asked. */
export function originOf({ builtInLogin, mail, pages }: Settings, url: string): string {
  return builtInLogin?.publicUrl ?? mail?.publicUrl ?? pages?.publicUrl ?? new URL(url).origin
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
  const builtInLogin = parseLoginSettings(raw, setting)
  if (builtInLogin && names.includes(builtInLogin.publicUrl)) {
    throw new SettingsError('TRUSTED_ISSUERS: PUBLIC_URL is the issuer of the built-in login')
  }
  for (const [name, { issuer }] of Object.entries(builtInLogin?.openidProviders ?? {})) {
    if (names.includes(issuer)) continue
    throw new SettingsError(`OPENID_PROVIDERS[${name}.issuer]: expected one of TRUSTED_ISSUERS`)
  }
  const pages = parsePagesSettings(raw, setting)
  if (pages && names.includes(`${pages.publicUrl}/pages`)) {
    throw new SettingsError(
      'TRUSTED_ISSUERS: PUBLIC_URL/pages is the issuer of assertions to pages',
    )
  }
  const publicUrl = builtInLogin?.publicUrl ?? pages?.publicUrl ?? originIn(raw.PUBLIC_URL)
  const isLocal = publicUrl !== undefined && new URL(publicUrl).hostname === 'localhost'
  const ForLocal = z.undefined({ error: 'hurries webhooks: only for a PUBLIC_URL on localhost' })
  if (!isLocal) setting('WEBHOOK_HASTE', ForLocal, raw.WEBHOOK_HASTE || undefined)
  const bootstrapAdmins = setting(
    'BOOTSTRAP_ADMINS',
    z.array(z.string().regex(/^[^|]+\|.+$/s, 'expected "<issuer>|<subject>"')),
    json('BOOTSTRAP_ADMINS', raw.BOOTSTRAP_ADMINS),
  )
  return {
    trustedIssuers: trustedIssuers.map(withGoodKeys),
    bootstrapAdmins: new Set(bootstrapAdmins),
    allowedOrigins: setting('ALLOWED_ORIGINS', z.array(Origin), list(raw.ALLOWED_ORIGINS)),
    siteTimeZone: setting('SITE_TIME_ZONE', TimeZone, raw.SITE_TIME_ZONE || 'UTC'),
    keepsPublicAnswers:
      setting('KEEP_PUBLIC_ANSWERS', OnOrOff, raw.KEEP_PUBLIC_ANSWERS || 'on') === 'on',
    visitShards: setting('VISIT_SHARDS', wholeNumber(1024), raw.VISIT_SHARDS || '8'),
    securityContact: setting('SECURITY_CONTACT', Contact, raw.SECURITY_CONTACT || undefined),
    guests: {
      perVisitor: setting('VISITOR_BOOKINGS', wholeNumber(1000), raw.VISITOR_BOOKINGS || '5'),
      perNetwork: setting('NETWORK_BOOKINGS', wholeNumber(100_000), raw.NETWORK_BOOKINGS || '50'),
      holdMinutes: setting(
        'VISITOR_HOLD_MINUTES',
        wholeNumber(525_600),
        raw.VISITOR_HOLD_MINUTES || '60',
      ),
      keptForDays: setting('GUEST_DATA_DAYS', wholeNumber(36_500), raw.GUEST_DATA_DAYS || '365'),
    },
    allowsSelfDeletion: setting('SELF_DELETION', OnOrOff, raw.SELF_DELETION || 'off') === 'on',
    eventDays: setting('EVENT_DAYS', wholeNumber(3650), raw.EVENT_DAYS || '30'),
    bookingsKeepDays: setting('BOOKINGS_KEEP_DAYS', KeepDays, raw.BOOKINGS_KEEP_DAYS || undefined),
    auditKeepDays: setting('AUDIT_KEEP_DAYS', KeepDays, raw.AUDIT_KEEP_DAYS || undefined),
    webhookHaste: setting('WEBHOOK_HASTE', wholeNumber(10_000), raw.WEBHOOK_HASTE || '1'),
    pagesDefault: setting('PAGES_DEFAULT', OpenOrClosed, raw.PAGES_DEFAULT || 'closed'),
    loggedShare: setting('LOG_REQUESTS', Share, raw.LOG_REQUESTS || '1'),
    environment: setting('ENVIRONMENT', EnvironmentName, raw.ENVIRONMENT || 'production'),
    keepsRefusals: setting('KEEP_REFUSALS', OnOrOff, raw.KEEP_REFUSALS || 'on') === 'on',
    authSecret: setting(
      'AUTH_SECRET',
      AuthSecret('for encryption').optional(),
      raw.AUTH_SECRET || undefined,
    ),
    publicUrl,
    builtInLogin,
    mail: parseMailSettings(raw, builtInLogin, setting),
    pages,
    look: parseLookSettings(raw, setting),
    console: parseConsoleSetting(raw, builtInLogin !== undefined, setting),
  }
}

/** What is not used by the login or for pages is not checked either. */
function originIn(text: string | undefined): string | undefined {
  return text ? URL.parse(text)?.origin : undefined
}

/** By the rules for key sets that are fetched, since this one is what a provider has published. */
function withGoodKeys(trusted: TrustedIssuer): TrustedIssuer {
  if (!('jwks' in trusted)) return trusted
  const { issuer, jwks } = trusted
  const { keys, ignored, fault } = judgeKeySet(jwks.keys)
  if (fault) throw new SettingsError(`TRUSTED_ISSUERS: jwks of ${issuer}: ${fault}`)
  if (ignored.length > 0) log('warn', 'keys ignored', { issuer, ignored })
  return { ...trusted, jwks: { ...jwks, keys } }
}

const Origin = z.string().refine((text) => URL.canParse(text) && new URL(text).origin === text, {
  error: 'expected an origin such as "https://app.example", without a path',
})

const OnOrOff = z.enum(['on', 'off'], { error: 'expected "on" or "off"' })

const OpenOrClosed = z.enum(['open', 'closed'], { error: 'expected "open" or "closed"' })

const EnvironmentName = z.string().regex(/^[a-z][a-z0-9-]{0,31}$/, {
  error: 'expected up to 32 lower-case letters, digits and hyphens, as in "staging"',
})

const Share = z
  .string()
  .regex(/^(0(\.\d{1,6})?|1(\.0{1,6})?)$/, { error: 'expected a number from 0 to 1, as in 0.05' })
  .transform(Number)

function wholeNumber(max: number, min = 1) {
  return z.coerce
    .string()
    .refine((text) => /^[1-9]\d{0,6}$/.test(text) && Number(text) >= min && Number(text) <= max, {
      error: `expected a whole number from ${min} to ${max}`,
    })
    .transform(Number)
}

const KeepDays = wholeNumber(36_500, 30).optional()

/** One line of security.txt, so nothing that could end it. */
const Contact = z
  .string()
  .refine((text) => /^(mailto:[!-?A-~]+@|https:\/\/)[!-~]+$/.test(text) && URL.canParse(text), {
    error: 'expected a mailto: or https: URI such as "mailto:security@example.com"',
  })
  .optional()

const TimeZone = z.string().transform((name, context) => {
  const zone = timeZoneNamed(name)
  if (zone !== undefined) return zone
  context.addIssue({ code: 'custom', message: EXPECTED_ZONE })
  return z.NEVER
})

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
  // What is not known there may be a secret that was put on the wrong side of its colon.
  const isHidden = issue?.code === 'unrecognized_keys' && SECRET_SETTINGS.includes(name)
  const why = isHidden ? 'it has a key that is not known here' : issue?.message
  throw new SettingsError(`${name}${where}: ${why ?? 'not valid'}`)
}
