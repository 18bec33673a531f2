/**
 * What `npm run deploy` does, in order: the settings are checked by the code that parses them, the database is
 * made and migrated, the Worker is deployed, and then asked whether it is the one that was meant.
 */
import {
  parseSettings,
  SECRET_SETTINGS,
  SETTING_NAMES,
  type Settings,
} from '../src/settings/settings.ts'
import { VERSION } from '../src/settings/version.ts'
import { Refusal } from './refusal.ts'

/** What wrangler.toml says, as far as it is looked at here. */
export interface WranglerConfig {
  name?: string
  vars?: Record<string, unknown>
  d1_databases?: { binding: string; database_name?: string; database_id?: string }[]
  routes?: unknown[]
  r2_buckets?: { binding: string; bucket_name?: string }[]
  send_email?: { name: string }[]
  env?: Record<string, WranglerConfig>
  [key: string]: unknown
}

export interface Wrangler {
  /** Runs it with the configuration of this deployment. @returns what it printed. @throws Refusal */
  (...args: readonly string[]): Promise<string>
}

export interface Deployment {
  /** One of `[env.*]` in wrangler.toml; undefined for the site itself. */
  readonly environment: string | undefined
  /** The site's own values: settings, and those of `OWN_VALUES`. */
  readonly values: Readonly<Record<string, string>>
  readonly config: WranglerConfig
  /** Only says what would be done, and compiles. */
  readonly isDry: boolean
}

export interface Hands {
  readonly wrangler: Wrangler
  /** Writes what wrangler is to go by. */
  readonly writeConfig: (config: WranglerConfig) => void
  /** Writes secrets where nobody else can read them. @returns where */
  readonly writeSecrets: (secrets: Readonly<Record<string, string>>) => string
  /** Keeps a value for the next deployment. */
  readonly keep: (name: string, value: string) => void
  readonly fetch: (url: string) => Promise<Response>
  readonly wait: (milliseconds: number) => Promise<void>
  readonly say: (what: string) => void
}

/** What a site says of its deployment besides settings. */
export const OWN_VALUES = [
  'WORKER_NAME',
  'DATABASE_ID',
  'HOSTNAME',
  'ARCHIVE_BUCKET',
  'BACKUPS_BUCKET',
  'MAIL_BINDING',
] as const

/** What may be bound to a bucket of R2. */
const BUCKETS = ['ARCHIVE', 'BACKUPS'] as const

const NO_DATABASE = /^0{8}-0{4}-0{4}-0{4}-0{11}\d$/
/** What is uploaded, compressed. The platform takes more; a larger Worker starts later. */
const MOST_KIB = 600
const TRIES = 20
const TRY_EVERY_MS = 3_000

/** @throws Refusal, and SettingsError for a setting that cannot be used */
export async function deploy(deployment: Deployment, hands: Hands): Promise<void> {
  const { values, isDry, environment } = deployment
  const { say, wrangler } = hands
  const own = ownPart(deployment)
  assertKnown(values)
  bindMail(own, values)
  const { vars, settings } = checkedVars(own, values)
  say(`settings: good, for ${String(vars['ENVIRONMENT'])}`)
  for (const warning of warningsOf(settings, own)) say(`warning: ${warning}`)
  const target = environment === undefined ? ['--env='] : ['--env', environment]
  const database = own.d1_databases?.[0]
  if (!database) throw new Refusal('wrangler.toml has no D1 database here')
  own.vars = vars
  if (values['WORKER_NAME']) own.name = values['WORKER_NAME']
  if (values['DATABASE_ID']) database.database_id = values['DATABASE_ID']
  if (values['HOSTNAME']) own.routes = [{ pattern: values['HOSTNAME'], custom_domain: true }]
  for (const binding of BUCKETS) {
    const bucket = values[`${binding}_BUCKET`]
    const others = (own.r2_buckets ?? []).filter((each) => each.binding !== binding)
    if (bucket) own.r2_buckets = [...others, { binding, bucket_name: bucket }]
  }
  hands.writeConfig(deployment.config)
  if (isDry) {
    assertSmall(await wrangler('deploy', '--dry-run', ...target))
    say('a dry run: nothing was made, migrated or deployed')
    return
  }
  if (NO_DATABASE.test(database.database_id ?? '')) {
    const name = database.database_name ?? 'guildhall'
    say(`database: making ${name}`)
    database.database_id = idIn(await wrangler('d1', 'create', name))
    hands.keep('DATABASE_ID', database.database_id)
    hands.writeConfig(deployment.config)
  }
  say('database: applying migrations')
  await wrangler('d1', 'migrations', 'apply', database.binding, '--remote', ...target)
  const secrets = Object.fromEntries(
    SECRET_SETTINGS.flatMap((name) => (values[name] ? [[name, values[name]]] : [])),
  )
  const file = Object.keys(secrets).length > 0 ? hands.writeSecrets(secrets) : undefined
  say('worker: deploying')
  const said = await wrangler('deploy', ...target, ...(file ? ['--secrets-file', file] : []))
  const url = values['HOSTNAME'] ? `https://${values['HOSTNAME']}` : addressIn(said)
  if (url === undefined)
    throw new Refusal('deployed, but wrangler names no address to try: set HOSTNAME')
  await assertServes(url, hands)
  say(`${url} serves version ${VERSION}`)
}

/** The part of the configuration that is deployed. */
function ownPart({ environment, config }: Deployment): WranglerConfig {
  if (environment === undefined) return config
  const part = config.env?.[environment]
  if (part) return part
  const names = Object.keys(config.env ?? {}).join(', ')
  throw new Refusal(`wrangler.toml has no environment ${environment}; it has ${names || 'none'}`)
}

function assertKnown(values: Readonly<Record<string, string>>): void {
  const names = new Set<string>([...SETTING_NAMES, ...OWN_VALUES])
  const unknown = Object.keys(values).filter((name) => !names.has(name))
  if (unknown.length > 0) throw new Refusal(`there is no setting ${unknown.join(', ')}`)
}

/** Variables of the Worker. Secrets are checked with them, and left out. */
function checkedVars(own: WranglerConfig, values: Readonly<Record<string, string>>) {
  const settings: Record<string, string> = {}
  for (const name of SETTING_NAMES) {
    const value = values[name] ?? own.vars?.[name]
    if (typeof value === 'string') settings[name] = value
  }
  const meant = own.vars?.['ENVIRONMENT']
  if (settings['ENVIRONMENT'] !== meant)
    throw new Refusal(`ENVIRONMENT is ${String(meant)} here, whatever the site's own values say`)
  if (settings['MAIL_OUTBOX']) throw new Refusal('MAIL_OUTBOX prints mail: it is for a laptop only')
  const entries = Object.entries(settings).filter(([name]) => !SECRET_SETTINGS.includes(name))
  return { vars: Object.fromEntries(entries), settings: parseSettings(settings) }
}

/** @throws Refusal */
function bindMail(own: WranglerConfig, { MAIL_BINDING }: Readonly<Record<string, string>>): void {
  if (!MAIL_BINDING || MAIL_BINDING === 'off') return
  if (MAIL_BINDING !== 'on') throw new Refusal('MAIL_BINDING: expected "on" or "off"')
  if (!hasMail(own)) own.send_email = [...(own.send_email ?? []), { name: 'MAIL' }]
}

function hasMail({ send_email: bound = [] }: WranglerConfig): boolean {
  return bound.some(({ name }) => name === 'MAIL')
}

/** What can be deployed, and is hardly meant. */
function warningsOf({ trustedIssuers, builtInLogin, mail }: Settings, own: WranglerConfig) {
  const warnings: string[] = []
  if (trustedIssuers.length === 0 && !builtInLogin)
    warnings.push(
      'nobody can sign in: TRUSTED_ISSUERS is empty and BUILT_IN_LOGIN is not on (docs/sign-in.md)',
    )
  if (mail && !mail.service && !hasMail(own))
    warnings.push(
      'no mail can be sent, not even to confirm an address: set MAIL_SERVICE, or MAIL_BINDING=on (docs/deploy.md)',
    )
  return warnings
}

function assertSmall(said: string): void {
  const [, size] = /gzip: ([\d.]+) KiB/.exec(said) ?? []
  if (size !== undefined && Number(size) > MOST_KIB)
    throw new Refusal(
      `the Worker has ${size} KiB, and its budget is ${MOST_KIB}: leave out what the site does not need (docs/operations.md, Limits to know)`,
    )
}

function idIn(said: string): string {
  const [id] = /[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/.exec(said) ?? []
  if (id === undefined)
    throw new Refusal(`wrangler made a database and did not say its id\n${said}`)
  return id
}

function addressIn(said: string): string | undefined {
  return /https:\/\/[\w.-]+\.workers\.dev/.exec(said)?.[0]
}

/**
 * A new version takes a moment to be everywhere. A refused call shows that the API is there, and not only a
 * page that says so.
 */
async function assertServes(url: string, { fetch, wait, say }: Hands): Promise<void> {
  let last = 'nothing'
  for (let tried = 0; tried < TRIES; tried++) {
    if (tried > 0) await wait(TRY_EVERY_MS)
    const health = await fetch(`${url}/healthz`).catch(() => undefined)
    const version = health?.headers.get('Guildhall-Version')
    last = health ? `${health.status} ${(await health.text()).slice(0, 200)}` : 'no answer'
    if (tried === 0) say(`smoke test: ${url}/healthz says ${last}`)
    if (health?.status !== 200 || version !== VERSION) continue
    const refused = await fetch(`${url}/v1/me`)
    const text = await refused.text()
    if (refused.status === 401 && text.includes('"unauthenticated"')) return
    last = `GET /v1/me answers ${refused.status}, and should be refused with 401`
  }
  throw new Refusal(`deployed, but not well: ${last}. docs/operations.md has a page per symptom.`)
}
