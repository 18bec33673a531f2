/** `npm start`: serves the site until it is told to stop. PORT and STATE_DIR say where. */
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { beforeLeaving } from './signals.ts'
import { SettingsError } from '../src/settings/settings.ts'
import { called } from './called.ts'
import { parsePort } from './ports.ts'
import { project } from './project.ts'
import { Refusal } from './refusal.ts'
import { localSettings } from './settings.ts'
import { startSite } from './site.ts'
import { openStateDir, SECRETS } from './state.ts'

const USAGE = `usage: npm start

  PORT=<port>       in the environment: where it is served; 8787 unless given
  STATE_DIR=<path>  where its state is; .guildhall unless given

Settings come from the environment, then .dev.vars, then wrangler.toml; README.md lists them.`

called(USAGE, () => parseArgs({ options: {} }).values)

try {
  const port = parsePort(process.env['PORT'] || '8787')
  const stateDir = openStateDir(process.env['STATE_DIR'] || '.guildhall')
  await project((what) => console.log(what))
  const settings = await localSettings(stateDir)
  const site = await startSite({ port, stateDir, settings })
  beforeLeaving(() => site.stop())
  const named = process.env['STATE_DIR'] ? `STATE_DIR='${stateDir}' ` : ''
  console.log(`ready on ${site.url}

  look here: ${site.url}/console (once signed in) and ${site.url}/docs (the API, to try)
  a token:   TOKEN=$(${named}npm run -s token -- ada --role moderator)
  sign up:   ${site.url}/auth/sign-up (its mail comes here, and into ${join(stateDir, SECRETS.outbox)})
  who am I:  curl -H "Authorization: Bearer $TOKEN" ${site.url}/v1/whoami
  the API:   ${site.url}/openapi.json
  a tick:    curl ${site.url}/cdn-cgi/local/scheduled (next by itself: ${site.schedule.next()?.toISOString()})
  the log:   ${join(stateDir, 'log.jsonl')}
`)
  site.showRequests()
} catch (error) {
  const plain = error instanceof Refusal || error instanceof SettingsError
  console.error('Guildhall did not start:', plain ? error.message : error)
  if (error instanceof SettingsError) {
    console.error('Settings come from the environment, then .dev.vars, then wrangler.toml.')
  }
  process.exit(1)
}
