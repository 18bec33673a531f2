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
  return Arguments.safeParse(parseArgs({ options }).values).data
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
  for (const failure of failures) console.log(`  not done: ${failure}`)
  if (putBack.length > 0) console.log('Now: npm run reconcile')
  if (!succeeded) process.exitCode = 1
} catch (error) {
  console.error('Not put back:', error instanceof Refusal ? error.message : error)
  process.exitCode = 1
}
