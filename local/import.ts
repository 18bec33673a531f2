/**
 * `npm run import`: makes members of the users that another system has exported, on the local site or,
 * with `--remote`, on the deployed one. See docs/import.md.
 */
import { createWriteStream, rmSync } from 'node:fs'
import { parseSettings, SettingsError } from '../src/settings/settings.ts'
import { deployed, wrangler } from './backup-remote.ts'
import { called } from './called.ts'
import { executeRemotely, withLocalSite } from './database.ts'
import { type Arguments, readArguments, USAGE } from './import-arguments.ts'
import { type Imported, importMembers } from './import-members.ts'
import { assertWritable, summaryOf } from './import-report.ts'
import { remoteStores, type ImportStores } from './import-remote.ts'
import { Refusal } from './refusal.ts'
import { openStateDir } from './state.ts'

async function local({ issuer }: Arguments, work: Work): Promise<Imported> {
  const { localSettings } = await import('./settings.ts')
  // A site may begin with those who were members elsewhere.
  const stateDir = openStateDir(process.env['STATE_DIR'] || '.guildhall')
  const settings = await localSettings(stateDir)
  const { trustedIssuers, visitShards, siteTimeZone: timeZone } = parseSettings(settings)
  if (issuer !== undefined && !trustedIssuers.some((each) => each.issuer === issuer))
    console.error(`TRUSTED_ISSUERS has no ${issuer}: until it does, none of them can sign in.`)
  return withLocalSite(async (stores) => work({ ...stores, visitShards, timeZone }), stateDir)
}

async function remote(_: Arguments, work: Work): Promise<Imported> {
  const query = async (sql: string) => executeRemotely(sql)[0]?.results ?? []
  const stores = remoteStores(query, wrangler, deployed())
  try {
    return await work(stores)
  } finally {
    stores.close()
  }
}

type Work = (stores: ImportStores) => Promise<Imported>

/** Lists what was refused; there is no file unless something was. */
function reportTo(file: string) {
  let stream: ReturnType<typeof createWriteStream> | undefined
  return {
    refuse(line: number, reason: string) {
      const isFirst = stream === undefined
      stream ??= createWriteStream(file, { mode: 0o600 })
      const quoted = `"${reason.replaceAll('"', '""')}"`
      stream.write(`${isFirst ? 'line,reason\n' : ''}${line},${quoted}\n`)
    },
    async end() {
      if (!stream) return false
      const { promise, resolve } = Promise.withResolvers<void>()
      stream.end(resolve)
      await promise
      return true
    },
  }
}

const given = called(USAGE, () => readArguments(process.argv.slice(2)))

try {
  const { file, from: format, issuer, encoding, 'dry-run': isDryRun } = given
  const path = given.report ?? `${file}.refused.csv`
  assertWritable(path)
  // A list of an earlier time would be taken for that of this one.
  if (given.report === undefined) rmSync(path, { force: true })
  const report = reportTo(path)
  const isWatched = process.stderr.isTTY
  let began = 0
  const done = await (given.remote ? remote : local)(given, async (stores) => {
    const { visitShards, timeZone, query, write } = stores
    began = Date.now()
    return importMembers(
      { file, format, issuer, encoding, isDryRun, visitShards, timeZone },
      {
        query,
        write,
        refuse: (line, reason) => report.refuse(line, reason),
        progress: (records) => void (isWatched && process.stderr.write(`\r${records} records`)),
        now: Date.now,
      },
    )
  })
  if (isWatched) process.stderr.write('\n')
  const megabytes = Math.round(process.resourceUsage().maxRSS / 1024)
  for (const line of summaryOf(done, isDryRun)) console.log(line)
  console.log(`  ${((Date.now() - began) / 1000).toFixed(1)} s, ${megabytes} MB at most`)
  if (await report.end()) console.log(`Listed in ${path}, by the lines of the file.`)
  // That nobody could be taken is no success, whatever the reason.
  if (done.refused > 0 && done.refused === done.read) process.exitCode = 1
} catch (error) {
  const plain = error instanceof Refusal || error instanceof SettingsError
  console.error('Not imported:', plain ? error.message : error)
  process.exitCode = 1
}
