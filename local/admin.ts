/**
 * `npm run admin -- <email>`: makes the member who signs in with that address an admin, on the local
 * site or, with `--remote`, on the deployed one. Whoever may write to the database may do this; there
 * is no default password and no way to do it over HTTP.
 */
import { parseArgs } from 'node:util'
import * as z from 'zod'
import { newId } from '../src/db/ids.ts'
import { EmailAddress } from '../src/settings/email-address.ts'
import { called } from './called.ts'
import { type Access, text, withDatabase } from './database.ts'
import { Refusal } from './refusal.ts'

const USAGE = `usage: npm run admin -- <email> [--remote]

  <email>    of somebody who has signed up with the built-in login, and signed in once
  --remote   on the deployed site, by wrangler and your Cloudflare login`

const Arguments = z.strictObject({
  email: z.string().toLowerCase().pipe(EmailAddress),
  remote: z.boolean().default(false),
})

function readArguments() {
  const { values, positionals } = parseArgs({
    options: { remote: { type: 'boolean' } },
    allowPositionals: true,
  })
  const [email, ...rest] = positionals
  if (rest.length > 0) throw new Refusal(`${rest.join(' ')}: expected one address`)
  return Arguments.parse({ email, ...values })
}

async function member(email: string, { query }: Access): Promise<string> {
  const [found] = await query(
    `select i.user_id as id from auth_users u
     join identities i on i.issuer = 'built-in' and i.subject = u.id where u.email = ${text(email)}`,
  )
  const id = found?.['id']
  if (typeof id === 'string') return id
  throw new Refusal(
    `nobody has signed in with ${email} yet: sign up at /auth/sign-up, follow the link in the mail, and sign in once`,
  )
}

/** What was allowed before does not commit with the new rights, and the log says who became admin. */
async function promote(id: string, { write }: Access): Promise<void> {
  const now = Date.now()
  const at = text(new Date(now).toISOString())
  const isNew = `not exists (select 1 from user_roles where user_id = ${text(id)} and role = 'admin')`
  await write([
    [
      `insert into audit_log (id, at, actor, action, target, reason, changes)
        select ${text(newId('aud', now))}, ${at}, 'system:operator', 'role.assign', ${text(id)},
          'npm run admin', '{"role":"admin"}' where ${isNew}`,
      `update users set access_revision = access_revision + 1, revision = revision + 1,
        updated_at = ${at} where id = ${text(id)} and ${isNew}`,
      `insert into user_roles (user_id, role, assigned_at, assigned_by)
        values (${text(id)}, 'admin', ${at}, 'system:operator') on conflict do nothing`,
    ],
  ])
}

const given = called(USAGE, readArguments)

const { email, remote } = given
try {
  const id = await withDatabase(remote, async (access) => {
    const found = await member(email, access)
    await promote(found, access)
    return found
  })
  console.log(`${email} (${id}) is an admin`)
} catch (error) {
  console.error('No admin:', error instanceof Refusal ? error.message : error)
  process.exitCode = 1
}
