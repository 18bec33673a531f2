/**
 * `npm run dev`: wrangler's development server, which compiles again whenever a file changes, with the
 * settings and the state of `npm start`: the login is there, and tokens of `npm run token` are good.
 */
import { spawn } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeLeaving } from './signals.ts'
import { SettingsError } from '../src/settings/settings.ts'
import { called } from './called.ts'
import { loginAt } from './login.ts'
import { migrate } from './migrate.ts'
import { freePort, parsePort } from './ports.ts'
import { Refusal } from './refusal.ts'
import { ROOT, wranglerOn } from './root.ts'
import { localSettings } from './settings.ts'
import { claim, openStateDir, SECRETS } from './state.ts'

/** A line of an env file, in quotes that the value does not have. @throws Refusal */
function line([name, value]: readonly [string, string]): string {
  const quote = ["'", '`', '"'].find((each) => !value.includes(each))
  if (quote === undefined) throw new Refusal(`${name} has every kind of quotes in it`)
  return `${name}=${quote}${value}${quote}\n`
}

const USAGE = `usage: npm run dev -- [options of wrangler dev]

  PORT=<port>       in the environment: where it is served; 8787 unless given
  STATE_DIR=<path>  where its state is, as of npm start; .guildhall unless given`

const forWrangler = called(USAGE, () => process.argv.slice(2))

try {
  const stateDir = openStateDir(process.env['STATE_DIR'] || '.guildhall')
  const port = await freePort(parsePort(process.env['PORT'] || '8787'))
  const url = `http://localhost:${port}`
  const settings = await localSettings(stateDir)
  const release = await claim(stateDir, url, async () => {
    throw new Refusal('the site of `npm run dev` does not do this while it runs: stop it first')
  })
  await migrate(join(stateDir, 'v3'))
  const file = join(stateDir, SECRETS.devSettings)
  const lines = Object.entries({ ...settings, ...loginAt(url, settings) }).map(line)
  writeFileSync(file, lines.join(''), { mode: 0o600 })
  const options = ['--port', String(port), '--persist-to', stateDir, '--env-file', file]
  const server = spawn(process.execPath, wranglerOn('dev', ...options, ...forWrangler), {
    cwd: ROOT,
    stdio: 'inherit',
  })
  const ended = new Promise<number | null>((resolve, reject) =>
    server.on('error', reject).on('close', resolve),
  )
  beforeLeaving(async () => {
    server.kill()
    await ended
    release()
  })
  process.exitCode = (await ended) ?? 1
  release()
} catch (error) {
  const plain = error instanceof Refusal || error instanceof SettingsError
  console.error('Guildhall did not start:', plain ? error.message : error)
  process.exit(1)
}
