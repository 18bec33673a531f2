/** `npm run deploy`: puts the site on your Cloudflare account, or its next version. See docs/deploy.md. */
import { spawn } from 'node:child_process'
import {
  appendFileSync,
  existsSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs, parseEnv } from 'node:util'
import { experimental_readRawConfig } from 'wrangler'
import { ASSET_NAMES } from '../src/http/documents/assets.ts'
import { SettingsError } from '../src/settings/settings.ts'
import { called } from './called.ts'
import { deploy, OWN_VALUES, type WranglerConfig } from './deploy-steps.ts'
import { SETTING_NAMES } from '../src/settings/settings.ts'
import { Refusal } from './refusal.ts'
import { CONFIG, DEPLOYED, ROOT, WRANGLER } from './root.ts'

const USAGE = `usage: npm run deploy -- [--env NAME] [--dry-run]

  --env      an environment of wrangler.toml, as in staging; the site itself unless given
  --dry-run  checks the settings and compiles, and changes nothing

The site's own values are in .deploy.vars (of staging in .deploy.staging.vars), or in the environment.`

function readArguments() {
  const { values } = parseArgs({
    options: { env: { type: 'string' }, 'dry-run': { type: 'boolean', default: false } },
  })
  return values
}

/** From the file, and before that from the environment, as a pipeline has them. */
function ownValues(file: string): Record<string, string> {
  const values: Record<string, string> = {}
  const written = existsSync(file) ? parseEnv(readFileSync(file, 'utf8')) : {}
  for (const [name, value] of Object.entries(written)) if (value) values[name] = value
  for (const name of [...SETTING_NAMES, ...OWN_VALUES]) {
    // Continuous integration sets a name of its own for what it deploys to.
    const value = name === 'ENVIRONMENT' || name === 'HOSTNAME' ? undefined : process.env[name]
    if (value) values[name] = value
  }
  return values
}

/** What is printed is shown as it comes, and returned. @throws Refusal */
async function wrangler(...args: readonly string[]): Promise<string> {
  const child = spawn(process.execPath, [WRANGLER, ...args, '--config', DEPLOYED], {
    cwd: ROOT,
    env: { ...process.env, WRANGLER_SEND_METRICS: 'false', WRANGLER_HIDE_BANNER: 'true' },
    stdio: ['inherit', 'pipe', 'inherit'],
  })
  let said = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    said += text
    process.stdout.write(text)
  })
  const code = await new Promise((resolve, reject) =>
    child.on('error', reject).on('close', resolve),
  )
  if (code !== 0)
    throw new Refusal(`wrangler ${args.slice(0, 3).join(' ')} did not succeed; see above`)
  return said
}

/** The Worker serves these files of Swagger UI, and no others need to be uploaded. */
function ignoreOtherAssets(directory: string): void {
  const lines = ['*', ...ASSET_NAMES.map((name) => `!${name}`)]
  writeFileSync(join(ROOT, directory, '.assetsignore'), `${lines.join('\n')}\n`)
}

const given = called(USAGE, readArguments)

const temporary = mkdtempSync(join(tmpdir(), 'guildhall-deploy-'))
try {
  const environment = given.env
  const file = join(ROOT, environment ? `.deploy.${environment}.vars` : '.deploy.vars')
  const { rawConfig } = experimental_readRawConfig({ config: CONFIG })
  const config: WranglerConfig = JSON.parse(JSON.stringify(rawConfig))
  ignoreOtherAssets('node_modules/swagger-ui-dist')
  await deploy(
    { environment, values: ownValues(file), config, isDry: given['dry-run'] },
    {
      wrangler,
      writeConfig: (written) => writeFileSync(DEPLOYED, JSON.stringify(written, null, 2)),
      writeSecrets(secrets) {
        const path = join(temporary, 'secrets.json')
        writeFileSync(path, JSON.stringify(secrets), { mode: 0o600 })
        return path
      },
      keep: (name, value) => appendFileSync(file, `${name}=${value}\n`, { mode: 0o600 }),
      fetch: async (url) => fetch(url, { redirect: 'manual', signal: AbortSignal.timeout(10_000) }),
      wait: async (milliseconds) =>
        new Promise((resolve) => {
          setTimeout(resolve, milliseconds)
        }),
      say: (what) => console.log(what),
    },
  )
} catch (error) {
  const plain = error instanceof Refusal || error instanceof SettingsError
  console.error('Not deployed:', plain ? error.message : error)
  process.exitCode = 1
} finally {
  rmSync(temporary, { recursive: true, force: true })
}
