/**
 * `npm run put-back`: has each visit object put itself back to an earlier time, which the platform keeps
 * for 30 days. The runtime of a local site cannot, and says so.
 */
import { parseArgs } from 'node:util'
import * as z from 'zod'
import { called } from './called.ts'
import { withDatabase } from './database.ts'
import { ask } from './operator.ts'
import { Refusal } from './refusal.ts'

const USAGE = `usage: npm run put-back -- --at <time> [--remote]

  --at       an RFC 3339 time, as in 2026-11-29T12:00:00Z
  --remote   on the deployed site, by wrangler and your Cloudflare login

Run npm run reconcile afterwards.`

const Arguments = z.strictObject({
  at: z.iso.datetime({ offset: true }),
  remote: z.boolean().default(false),
})
const Report = z.object({
  putBack: z.array(z.number()).default([]),
  failures: z.array(z.string()),
})

function readArguments() {
  const options = { at: { type: 'string' }, remote: { type: 'boolean' } } as const
  const { values } = parseArgs({ options })
  const given = Arguments.safeParse(values).data
  if (!given && values.at !== undefined)
    throw new Refusal(`--at ${values.at}: expected a time, as in 2026-11-29T12:00:00Z`)
  if (given && Date.parse(given.at) > Date.now())
    throw new Refusal(`--at ${given.at}: expected a time that is over`)
  return given
}

const given = called(USAGE, readArguments)

try {
  const { at, remote } = given
  const asked = withDatabase(remote, async (access) =>
    ask(access, 'put-back', false, { at: Date.parse(at) }),
  )
  const { succeeded, report } = await asked
  const { putBack, failures } = Report.parse(report)
  console.log(`${putBack.length} visit objects are put back to ${at}.`)
  const [first, ...others] = failures
  if (first !== undefined) console.log(`  not done: ${first}`)
  if (others.length > 0) console.log(`  and ${others.length} more, the last: ${others.at(-1)}`)
  if (putBack.length > 0) console.log('Now: npm run reconcile')
  if (!succeeded) process.exitCode = 1
} catch (error) {
  console.error('Not put back:', error instanceof Refusal ? error.message : error)
  process.exitCode = 1
}
