/**
 * `npm run shards`: how many objects share the visits, and more of them from now on. Members keep the one
 * that they were made with, so no visit moves; new members get one of those that were added.
 */
import { parseArgs } from 'node:util'
import { called } from './called.ts'
import { type Access, withDatabase } from './database.ts'
import { Refusal } from './refusal.ts'
import { growth } from './site-facts.ts'

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

async function shards({ query }: Access): Promise<number> {
  const [found] = await query(`select value from site where key = 'visit_shards'`)
  const value = found?.['value']
  if (value === undefined)
    throw new Refusal('the site has no member yet: VISIT_SHARDS says how many there will be')
  return Number(value)
}

/** @returns how many there are now */
async function grown(to: number | undefined, access: Access): Promise<number> {
  const from = await shards(access)
  if (to !== undefined && to < from)
    throw new Refusal(`there are ${from}, and members are in each of them: they never become fewer`)
  if (to !== undefined && to > from) await access.write([growth(from, to, Date.now())])
  return shards(access)
}

const given = called(USAGE, readArguments)

try {
  const { to, remote } = given
  const now = await withDatabase(remote, async (access) => grown(to, access))
  console.log(`${now} objects share the visits`)
  if (to !== undefined)
    console.log(`Set VISIT_SHARDS=${now}, so that the site does not say it differs.`)
} catch (error) {
  console.error('Nothing changed:', error instanceof Refusal ? error.message : error)
  process.exitCode = 1
}
