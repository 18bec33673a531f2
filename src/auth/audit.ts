/**
 * What is done to an account is in the audit log of its member, in the transaction that does it: that it
 * was done and never a value. Whoever has an account and has never called the API is no member yet.
 */
import { and, eq, type SQL, sql } from 'drizzle-orm'
import type { Database } from '../db/client.ts'
import type { UserId } from '../db/ids.ts'
import { BUILT_IN } from '../db/issuers.ts'
import { auditLog, authUsers, identities } from '../db/schema.ts'
import { insertAuditWhere } from '../repositories/audited.ts'
import type { IdentityName } from '../repositories/linked-identities.ts'
import { auditOwnAct } from '../security/audit.ts'
import type { OwnAct } from '../security/own-acts.ts'

/** Too many guesses are on record once in this time, which is as long as guesses are counted. */
const QUIET_MS = 15 * 60_000
const REFUSED = 'too many wrong passwords'

export type LoginAudit = ReturnType<typeof loginAuditOf>

export function loginAuditOf(
  db: Database,
  moment: { readonly now: number; readonly requestId: string },
) {
  const memberWhere = async (condition: SQL): Promise<UserId | undefined> => {
    const [member] = await db
      .select({ id: identities.userId })
      .from(identities)
      .innerJoin(authUsers, eq(authUsers.id, identities.subject))
      .where(and(eq(identities.issuer, BUILT_IN), condition))
    return member?.id
  }
  const row = (act: OwnAct, member: UserId | undefined, isDone: SQL) =>
    member && insertAuditWhere(db, auditOwnAct(act, member, moment), isDone)

  return {
    /** The member of an account. */
    memberOf: (userId: string) => memberWhere(eq(authUsers.id, userId)),

    /** The member whose identity it is. */
    async memberWith({ issuer, subject }: IdentityName): Promise<UserId | undefined> {
      const [member] = await db
        .select({ id: identities.userId })
        .from(identities)
        .where(and(eq(identities.issuer, issuer), eq(identities.subject, subject)))
      return member?.id
    },

    /** The statement for the batch that does it. @param isDone right after a write, `changes() > 0` */
    row,

    /** Whoever guessed is not known; the row is about whose account it was. */
    async refused(email: string): Promise<void> {
      const member = await memberWhere(eq(authUsers.email, email))
      const since = new Date(moment.now - QUIET_MS).toISOString()
      await row(
        REFUSED,
        member,
        sql`not exists (select 1 from ${auditLog} where target = ${member ?? ''}
          and reason = ${REFUSED} and at > ${since})`,
      )
    },
  }
}
