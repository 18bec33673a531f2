/** The settings of a local site: environment, then `.dev.vars`, then wrangler.toml, then the dev issuer. */
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseEnv } from 'node:util'
import { parseSettings, SETTING_NAMES } from '../src/settings/settings.ts'
import { ANY_PORT, authSecret } from './login.ts'
import { DEV_ISSUER, DEV_ROOT, trustedIssuer } from './dev-issuer.ts'
import { project } from './project.ts'

/**
 * Settings as text, the way the platform hands them over.
 * @param dir where `.dev.vars` is looked for
 * @throws SettingsError naming the first setting that cannot be used, and why
 */
export async function localSettings(stateDir: string, dir = '.'): Promise<Record<string, string>> {
  const { vars } = await project()
  const sources = [process.env, devVars(join(dir, '.dev.vars')), vars]
  const settings: Record<string, string> = {}
  for (const name of SETTING_NAMES) {
    const value = sources.map((source) => source[name]).find((text) => typeof text === 'string')
    if (typeof value === 'string') settings[name] = value
  }
  settings['BUILT_IN_LOGIN'] ||= 'on'
  settings['PUBLIC_URL'] ||= ANY_PORT
  settings['SECURITY_CONTACT'] ||= 'mailto:security@localhost'
  settings['AUTH_SECRET'] ||= authSecret(stateDir)
  if (!settings['MAIL_FROM']) settings['MAIL_OUTBOX'] ||= 'console'
  parseSettings(settings)
  settings['TRUSTED_ISSUERS'] = appended(settings['TRUSTED_ISSUERS'], await trustedIssuer(stateDir))
  settings['BOOTSTRAP_ADMINS'] = appended(settings['BOOTSTRAP_ADMINS'], `${DEV_ISSUER}|${DEV_ROOT}`)
  parseSettings(settings)
  return settings
}

function devVars(file: string): Readonly<Record<string, unknown>> {
  return existsSync(file) ? parseEnv(readFileSync(file, 'utf8')) : {}
}

function appended(list: string | undefined, item: unknown): string {
  return JSON.stringify([...JSON.parse(list || '[]'), item])
}
