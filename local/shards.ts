/**
 * `npm run shards`: how many objects share the visits, and more of them from now on. Members keep the one
 * that they were made with, so no visit moves; new members get one of those that were added.
 */
import { parseArgs } from 'node:util'
import { called } from './called.ts'
import { withDatabase } from './database.ts'
import { Refusal } from './refusal.ts'
import { grown } from './shard-growth.ts'

const USAGE = `usage: npm run shards -- [--grow <number>] [--remote]

  --grow     how many there are to be, up to 1024; they never become fewer
  --remote   on the deployed site, by wrangler and your Cloudflare login`

const MOST = 1024

function readArguments() {
  const options = { grow: { type: 'string' }, remote: { type: 'boolean' } } as const
  const { values } = parseArgs({ options })
  const { grow, remote = false } = values
  if (grow === undefined) return { to: undefined, remote }
  return /^[1-9]\d{0,3}$/.test(grow) && Number(grow) <= MOST
    ? { to: Number(grow), remote }
    : undefined
}

const given = called(USAGE, readArguments)

try {
  const { to, remote } = given
  const now = await withDatabase(remote, async (access) => grown(to, access, Date.now()))
  console.log(`${now} objects share the visits`)
  if (to !== undefined)
    console.log(`Set VISIT_SHARDS=${now}, so that the site does not say it differs.`)
} catch (error) {
  console.error('Nothing changed:', error instanceof Refusal ? error.message : error)
  process.exitCode = 1
}
