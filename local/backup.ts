/** `npm run backup`: writes both stores of the local site or, with `--remote`, of the deployed one to a folder. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { localSnapshot } from './backup-local.ts'
import { bucketName, deployed, remoteHands, wrangler } from './backup-remote.ts'
import { backUp } from './backup-steps.ts'
import { called } from './called.ts'
import { withDatabase, withLocalSite } from './database.ts'
import { ask } from './operator.ts'
import { Refusal } from './refusal.ts'
import { siteStateDir } from './state.ts'

const USAGE = `usage: npm run backup -- [--to FOLDER] [--remote]

  --to       a folder that is not there yet; backups/<time> unless given
  --remote   of the deployed site, by wrangler and your Cloudflare login

It holds what the site holds: keep it where you keep secrets. See docs/restore.md.`

function readArguments() {
  const { values } = parseArgs({
    options: { to: { type: 'string' }, remote: { type: 'boolean', default: false } },
  })
  return values
}

const say = (what: string) => console.error(what)

async function local(to: string): Promise<string> {
  const stateDir = siteStateDir()
  return withLocalSite(async (access) =>
    backUp(to, {
      ask: async (kind, given) => ask(access, kind, false, given),
      bucket: access.bucket,
      snapshot: async () => localSnapshot(stateDir),
      say,
    }),
  )
}

async function remote(to: string): Promise<string> {
  const temporary = mkdtempSync(join(tmpdir(), 'guildhall-backup-'))
  try {
    const bucket = bucketName(deployed(), 'BACKUPS')
    return await withDatabase(true, async (access) =>
      backUp(to, { ...remoteHands(access, wrangler, bucket, temporary), say }),
    )
  } finally {
    rmSync(temporary, { recursive: true, force: true })
  }
}

const given = called(USAGE, readArguments)

try {
  const to = given.to ?? join('backups', new Date().toISOString().replaceAll(':', '-'))
  console.log(await (given.remote ? remote(to) : local(to)))
} catch (error) {
  console.error('Not backed up:', error instanceof Refusal ? error.message : error)
  process.exitCode = 1
}
