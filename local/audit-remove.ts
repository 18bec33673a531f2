/**
 * `npm run audit:remove -- <id>`: has `reason` and `changes` of one entry of the audit log removed, from
 * the database and from the archive. Whoever may write to the database may ask for it; no route does.
 */
import { parseArgs } from 'node:util'
import { isId, newId } from '../src/db/ids.ts'
import { execute, text } from './database.ts'
import { Refusal } from './refusal.ts'

const USAGE = `usage: npm run audit:remove -- <id> [--remote]

  <id>       of the entry, as GET /v1/audit has it
  --remote   on the deployed site, by wrangler and your Cloudflare login`

function readArguments() {
  try {
    const options = { remote: { type: 'boolean' } } as const
    const { values, positionals } = parseArgs({ options, allowPositionals: true })
    const [id = '', ...rest] = positionals
    if (rest.length > 0 || !isId('aud', id)) return undefined
    return { id, remote: values.remote ?? false }
  } catch {
    return undefined
  }
}

const given = readArguments()
if (!given) {
  console.error(USAGE)
  process.exit(2)
}

try {
  const { id, remote } = given
  const now = Date.now()
  execute(
    `insert into audit_log (id, at, actor, action, target, reason, changes)
      select ${text(newId('aud', now))}, ${text(new Date(now).toISOString())}, 'system:operator',
        'audit.remove', ${text(id)}, 'npm run audit:remove', '{}'
      where not exists (select 1 from audit_removed where id = ${text(id)});
    insert into audit_removed (id) values (${text(id)}) on conflict do nothing;`,
    remote,
  )
  console.log('The job seal-audit removes it, once the entry is sealed.')
} catch (error) {
  console.error('Nothing removed:', error instanceof Refusal ? error.message : error)
  process.exit(1)
}
