/** What the modules of the login work with, and the one statement that several of them share. */
import { sql } from 'drizzle-orm'
import { type Database, statement } from '../db/client.ts'
import { BUILT_IN } from '../db/issuers.ts'
import { identities, users } from '../db/schema.ts'
import type { Mail } from '../env.ts'
import type { IdentityName } from '../repositories/linked-identities.ts'
import type { LoginAudit } from './audit.ts'
import type { Places } from './places.ts'

/** Made once per request. */
export interface LoginDeps {
  readonly db: Database
  /** Milliseconds since the epoch. */
  readonly now: number
  readonly requestId: string
  /** The origin that links in mail begin with. */
  readonly site: string
  /** @throws MailError */
  readonly send: (mail: Mail) => Promise<void>
  /** Sends mail about what has happened already; a mail that cannot be sent does not undo it. */
  readonly notify: (mail: Mail) => Promise<void>
  readonly places: Places
  readonly audit: LoginAudit
}

/** What an account is known under to the API. */
export function identityOfAccount(userId: string): IdentityName {
  return { issuer: BUILT_IN, subject: userId }
}

/** What was allowed with a session that is gone must not commit: see `acting` in the migrations. */
export function accessChanged(db: Database, { issuer, subject }: IdentityName) {
  return statement(
    db,
    sql`update ${users} set access_revision = access_revision + 1 where id in
      (select user_id from ${identities} where issuer = ${issuer} and subject = ${subject})`,
  )
}
