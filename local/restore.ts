/**
 * `npm run restore`: puts a backup into the local site or, with `--remote`, into the deployed one, which
 * has to be empty.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { SettingsError } from '../src/settings/settings.ts'
import { localRestore } from './backup-local.ts'
import { bucketName, deployed, remoteHands, wrangler } from './backup-remote.ts'
import { restore } from './backup-steps.ts'
import { called } from './called.ts'
import { withDatabase } from './database.ts'
import { Refusal } from './refusal.ts'
import { localSettings } from './settings.ts'
import { openStateDir, refuseIfServed } from './state.ts'

const USAGE = `usage: npm run restore -- FOLDER [--remote]

  FOLDER     what npm run backup has written
  --remote   into the deployed site, by wrangler and your Cloudflare login

The site has to be empty: another STATE_DIR, or a new deployment. See docs/restore.md.`

function readArguments() {
  const { values, positionals } = parseArgs({
    options: { remote: { type: 'boolean', default: false } },
    allowPositionals: true,
  })
  const [from, ...others] = positionals
  return from === undefined || others.length > 0 ? undefined : { from, remote: values.remote }
}

const say = (what: string) => console.error(what)

async function local(from: string, temporary: string) {
  const stateDir = openStateDir(process.env['STATE_DIR'] || '.guildhall')
  await refuseIfServed(stateDir)
  const site = localRestore(stateDir, await localSettings(stateDir))
  try {
    return await restore(from, { ...site, temporary, say })
  } finally {
    await site.end()
  }
}

async function remote(from: string, temporary: string) {
  const bucket = bucketName(deployed(), 'BACKUPS')
  return withDatabase(true, async (access) =>
    restore(from, { ...remoteHands(access, wrangler, bucket, temporary), say }),
  )
}

const given = called(USAGE, readArguments)

const temporary = mkdtempSync(join(tmpdir(), 'guildhall-restore-'))
try {
  const { manifest, report } = await (given.remote ? remote : local)(given.from, temporary)
  const rows = Object.values(manifest.rows).reduce((sum, count) => sum + count, 0)
  console.log(
    `The site is as it was at ${manifest.madeAt}: ${rows} rows. Everybody signs in again.`,
  )
  const { rulesRaised, visitsErased, membersDeleted, keysDisabled, keysRevoked } = report
  const changed = [rulesRaised.length, visitsErased, membersDeleted, keysDisabled, keysRevoked]
  if (changed.some((each) => (typeof each === 'number' ? each : each.count) > 0))
    console.log(`To make both stores agree: ${JSON.stringify(report)}`)
  if (given.remote) console.log('Now: npm run deploy, so that nothing goes by what it remembers.')
} catch (error) {
  const plain = error instanceof Refusal || error instanceof SettingsError
  console.error('Not restored:', plain ? error.message : error)
  process.exitCode = 1
} finally {
  rmSync(temporary, { recursive: true, force: true })
}
