/**
 * How a profile follows what the provider says of its member: told by the identity that made the member
 * and by no other, and never over what a person wrote here.
 */
import { and, eq, type SQL, sql } from 'drizzle-orm'
import { batch, type Database, rows, statement } from '../db/client.ts'
import type { UserId } from '../db/ids.ts'
import { identities, users } from '../db/schema.ts'
import { type AuditRow, audited, insertAuditWhere, wasWritten } from './audited.ts'
import type { IdentityName } from './linked-identities.ts'
import { nameKey, selectUser } from './users.ts'

/** After an answer that did not come. */
const ASK_AGAIN_MS = 86_400_000

/** What decides whether there is anything to write, for whoever reads an identity and its member anyway. */
export const hearing = {
  displayName: users.displayName,
  email: users.email,
  ownName: users.ownName,
  ownEmail: users.ownEmail,
  toldAt: identities.toldAt,
  askAfter: identities.askAfter,
}

/** What is to be written of what an identity's provider has said. */
export interface Told {
  readonly identity: IdentityName
  readonly userId: UserId
  readonly fields: ToldFields
  /** Milliseconds since the epoch. */
  readonly toldAt: number
  /** What the fields follow from: nothing is written if any of it has changed meanwhile. */
  readonly seen: Heard
}

export interface ToldFields {
  readonly displayName?: string
  readonly email?: string
}

export type Heard = NonNullable<Awaited<ReturnType<ProfileSyncRepository['find']>>['heard']>
export type ProfileSyncRepository = ReturnType<typeof profileSyncRepository>

export function profileSyncRepository(db: Database) {
  const selectHeard = (identity: IdentityName, userId: UserId) =>
    db
      .select(hearing)
      .from(identities)
      .innerJoin(users, eq(users.id, identities.userId))
      .where(and(is(identity), eq(users.id, userId)))

  const update = ({ identity, userId, fields, seen }: Told, at: string) => {
    const { displayName } = fields
    const { issuer, subject } = identity
    return db
      .update(users)
      .set({
        ...fields,
        ...(displayName !== undefined && { nameKey: nameKey(displayName) }),
        revision: sql`${users.revision} + 1`,
        updatedAt: at,
      })
      .where(
        and(
          eq(users.id, userId),
          eq(users.displayName, seen.displayName),
          sql`${users.email} is ${seen.email}`,
          eq(users.ownName, seen.ownName),
          eq(users.ownEmail, seen.ownEmail),
          sql`exists (select 1 from identities teller
            where teller.issuer = ${issuer} and teller.subject = ${subject}
              and teller.user_id = ${userId} and teller.told_at = ${seen.toldAt})`,
        ),
      )
      .returning({ id: users.id })
  }
  const noteWhen = ({ identity, toldAt }: Told, audit: Pick<AuditRow, 'id'>) =>
    db
      .update(identities)
      .set({ toldAt })
      .where(and(is(identity), wasWritten(audit)))

  return {
    /** The member of an identity, and what was heard of them. */
    async find(identity: IdentityName, userId: UserId) {
      const { heard, member } = await batch(db, {
        heard: selectHeard(identity, userId),
        member: selectUser(db, 'everyone', userId),
      })
      return { heard: heard[0], member: member[0] }
    },

    /** Writes what the member has sent. @returns the member as they are now */
    async write(told: Told, audit: AuditRow) {
      const { found } = await audited(db, audit, update(told, audit.at), {
        when: noteWhen(told, audit),
        found: selectUser(db, 'everyone', told.userId),
      })
      return found[0]
    },

    /** Writes what a credential of the member has said. @returns what is known of them now */
    async follow(told: Told, audit: AuditRow<'own act'>) {
      const { heard } = await batch(db, {
        written: update(told, audit.at),
        audit: insertAuditWhere(db, audit, sql`changes() > 0`),
        when: noteWhen(told, audit),
        heard: selectHeard(told.identity, told.userId),
      })
      return heard[0]
    },

    /** @param now milliseconds since the epoch. @returns whether it is this request that asks, of many at once */
    async mayAsk(identity: IdentityName, now: number): Promise<boolean> {
      const asked = await rows(
        db,
        sql`update ${identities} set ask_after = ${now + ASK_AGAIN_MS}
        where ${is(identity)} and ask_after <= ${now} returning user_id`,
      )
      return asked.length > 0
    },

    /** The provider has answered, so it is not asked again. */
    async wasAnswered(identity: IdentityName): Promise<void> {
      await statement(db, sql`update ${identities} set ask_after = null where ${is(identity)}`)
    },
  }
}

function is({ issuer, subject }: IdentityName): SQL | undefined {
  return and(eq(identities.issuer, issuer), eq(identities.subject, subject))
}
