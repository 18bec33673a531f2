/**
 * `npm run audit:remove -- <id>`: has `reason` and `changes` of one entry of the audit log removed, from
 * the database and from the archive. Whoever may write to the database may ask for it; no route does.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { type AuditId, isId } from '../src/db/ids.ts'
import { askRemoval, type RemovalHands, waitingRemovals } from './audit-removal.ts'
import { bucketName, deployed, r2Bucket, wrangler } from './backup-remote.ts'
import { called } from './called.ts'
import { withDatabase, withLocalSite } from './database.ts'
import { Refusal } from './refusal.ts'

const USAGE = `usage: npm run audit:remove -- <id> [--remote]
       npm run audit:remove -- --waiting [--remote]

  <id>       of the entry, as GET /v1/audit or a file of the archive has it
  --waiting  lists the entries that are asked for and not done
  --remote   on the deployed site, by wrangler and your Cloudflare login`

interface Given {
  /** Undefined for the list of those that wait. */
  readonly id: AuditId | undefined
  readonly remote: boolean
}

function readArguments(): Given | undefined {
  const options = { remote: { type: 'boolean' }, waiting: { type: 'boolean' } } as const
  const { values, positionals } = parseArgs({ options, allowPositionals: true })
  const { remote = false, waiting = false } = values
  const [id = '', ...rest] = positionals
  if (waiting) return positionals.length > 0 ? undefined : { id: undefined, remote }
  return rest.length > 0 || !isId('aud', id) ? undefined : { id, remote }
}

async function local(work: (hands: RemovalHands) => Promise<string>): Promise<string> {
  return withLocalSite(async ({ query, write, archive }) => work({ query, write, archive }))
}

async function remote(work: (hands: RemovalHands) => Promise<string>): Promise<string> {
  return withDatabase(true, async ({ query, write }) => {
    // Without a bucket no stretch can have been cleared, and so no file is asked for.
    const get = async (key: string, file: string) =>
      r2Bucket(wrangler, bucketName(deployed(), 'ARCHIVE')).get(key, file)
    return work({ query, write, archive: { get } })
  })
}

const given = called(USAGE, readArguments)

const temporary = mkdtempSync(join(tmpdir(), 'guildhall-audit-'))
try {
  const { id } = given
  console.log(
    await (given.remote ? remote : local)(async (hands) =>
      id ? askRemoval(id, hands, temporary) : waitingRemovals(hands),
    ),
  )
} catch (error) {
  console.error('Nothing removed:', error instanceof Refusal ? error.message : error)
  process.exitCode = 1
} finally {
  rmSync(temporary, { recursive: true, force: true })
}
