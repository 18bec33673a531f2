/**
 * `npm run reconcile`: makes the database and the objects fit again after one of them was put back, on
 * the local site or, with `--remote`, on the deployed one.
 */
import { parseArgs } from 'node:util'
import { ReconcileReport } from '../src/operations/reconcile-report.ts'
import { called } from './called.ts'
import { withDatabase } from './database.ts'
import { ask } from './operator.ts'
import { Refusal } from './refusal.ts'

const USAGE = `usage: npm run reconcile -- [--dry-run] [--remote]

  --dry-run  says what would be done, and changes nothing
  --remote   on the deployed site, by wrangler and your Cloudflare login`

function readArguments() {
  const options = { 'dry-run': { type: 'boolean' }, remote: { type: 'boolean' } } as const
  const { values } = parseArgs({ options })
  return { isDryRun: values['dry-run'] ?? false, remote: values.remote ?? false }
}

function print(report: ReconcileReport, isDryRun: boolean): void {
  const { sessionsEnded, rulesRaised, failures } = report
  const lists = [
    ['members deleted', report.membersDeleted],
    ['members whose visits are erased', report.visitsErased],
    ['keys revoked', report.keysRevoked],
    ['keys disabled', report.keysDisabled],
    ['webhooks disabled', report.webhooksDisabled],
  ] as const
  console.log(isDryRun ? 'It would come to this:' : 'Done:')
  console.log(`  sessions ended: ${sessionsEnded}`)
  console.log(`  rules raised: ${rulesRaised.length}`)
  for (const { id, from, to } of rulesRaised) console.log(`    ${id}: ${from} -> ${to}`)
  for (const [what, { count, ids }] of lists) {
    console.log(`  ${what}: ${count}`)
    for (const id of ids) console.log(`    ${id}`)
    if (count > ids.length) console.log(`    and ${count - ids.length} more`)
  }
  for (const failure of failures) console.log(`  not done: ${failure}`)
}

const given = called(USAGE, readArguments)

try {
  const { isDryRun, remote } = given
  const asked = withDatabase(remote, async (access) => ask(access, 'reconcile', isDryRun))
  const { succeeded, report } = await asked
  print(ReconcileReport.parse(report), isDryRun)
  if (!succeeded) process.exitCode = 1
} catch (error) {
  console.error('Not reconciled:', error instanceof Refusal ? error.message : error)
  process.exitCode = 1
}
