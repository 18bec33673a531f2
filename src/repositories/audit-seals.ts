/** Which stretches of the audit log are sealed, archived and cleared, and the entries in them. */
import { sql, type SQL } from 'drizzle-orm'
import { batch, type Database, rows, statement } from '../db/client.ts'
import type { AuditId } from '../db/ids.ts'

/** An entry as it is sealed, with what stands for what is removed of it. */
export interface SealedEntry {
  readonly id: AuditId
  readonly at: string
  readonly actor: string
  readonly onBehalfOf: string | null
  readonly action: string
  readonly target: string
  readonly reason: string | null
  readonly requestId: string | null
  /** JSON. */
  readonly changes: string
  readonly removed: string | null
}

export interface SealRow {
  readonly number: number
  readonly after: string
  readonly until: string
  readonly head: string
  readonly signed: string
  readonly sealedAt: string
  /** JSON; null once the stretch is cleared. */
  readonly guide: string | null
  readonly archivedAs: string | null
  readonly clearedAt: string | null
}

/** The last seal as far as the next one needs it. */
type Last = Pick<SealRow, 'number' | 'head' | 'until'>

const SEAL = sql`number, after_id as "after", until_id as "until", head, signed,
  sealed_at as "sealedAt", guide, archived_as as "archivedAs", cleared_at as "clearedAt"`

const ENTRY = sql`audit_log.id, at, actor, on_behalf_of as "onBehalfOf", action, target, reason,
  request_id as "requestId", changes, audit_removed.digest as removed
  from audit_log left join audit_removed on audit_removed.id = audit_log.id`

const LAST = sql`(select max(number) from audit_seals)`
const SEALED_UNTIL = sql`coalesce((select until_id from audit_seals where number = ${LAST}), '')`

/**
 * SQL for the number of the stretch that an entry belongs to; null while it is not sealed.
 * @param id SQL for the id of the entry
 */
export function stretchOf(id: string): string {
  return `iif(
    exists (select 1 from audit_late where audit_late.id = ${id}),
    (select number from audit_late where audit_late.id = ${id}),
    (select number from audit_seals where until_id >= ${id} order by until_id, number limit 1))`
}

export type AuditSealsRepository = ReturnType<typeof auditSealsRepository>

export function auditSealsRepository(db: Database) {
  const entriesWhere = (condition: SQL) =>
    rows<SealedEntry>(db, sql`select ${ENTRY} where ${condition} order by audit_log.id`)

  const idsIn = (guide: SQL) => sql`audit_log.id in (select value ->> 0 from json_each(${guide}))`

  return {
    /** What is to be sealed next: up to `limit` entries that came late, and of those before `before`. */
    async open(before: AuditId, limit: number) {
      const { last, late, next } = await batch(db, {
        last: rows<Last>(
          db,
          sql`select number, head, until_id as "until" from audit_seals where number = ${LAST}`,
        ),
        late: entriesWhere(
          sql`audit_log.id in (select id from audit_late where number is null order by id limit ${limit})`,
        ),
        next: rows<SealedEntry>(
          db,
          sql`select ${ENTRY} where audit_log.id > ${SEALED_UNTIL} and audit_log.id < ${before}
            order by audit_log.id limit ${limit}`,
        ),
      })
      return { last: last[0], late, next }
    },

    /**
     * Adds a seal, unless another one has come before it, or an entry has come in between.
     * @returns whether it was added
     */
    async add(seal: Omit<SealRow, 'archivedAs' | 'clearedAt' | 'guide'>, guide: string) {
      const { number, after, until, head, signed, sealedAt } = seal
      const isLate = after === until
      const isWhole = isLate
        ? sql`true`
        : sql`(select count(*) from audit_log where id > ${after} and id <= ${until})
            = json_array_length(${guide})`
      const { added } = await batch(db, {
        added: rows(
          db,
          sql`insert into audit_seals (number, after_id, until_id, head, signed, sealed_at, guide)
            select ${number}, ${after}, ${until}, ${head}, ${signed}, ${sealedAt}, ${guide}
            where coalesce(${LAST}, 0) = ${number - 1} and ${isWhole}
            returning number`,
        ),
        late: isLate
          ? statement(
              db,
              sql`update audit_late set number = ${number}
                where id in (select value ->> 0 from json_each(${guide}))
                  and exists (select 1 from audit_seals where head = ${head} and number = ${number})`,
            )
          : undefined,
      })
      return added.length > 0
    },

    /** The first stretch that has no file, with its entries. */
    async unarchived() {
      const first = sql`from audit_seals where archived_as is null order by number limit 1`
      const { seals, entries } = await batch(db, {
        seals: rows<SealRow>(db, sql`select ${SEAL} ${first}`),
        entries: entriesWhere(idsIn(sql`(select guide ${first})`)),
      })
      const [seal] = seals
      return seal && { seal, entries }
    },

    /** The first stretch that has a file and is not cleared, if it is older than `before`. */
    async toClear(before: AuditId) {
      const [oldest] = await rows<SealRow>(
        db,
        sql`select ${SEAL} from audit_seals
          where archived_as is not null and cleared_at is null order by number limit 1`,
      )
      return oldest && oldest.until < before ? oldest : undefined
    },

    /** Notes that the stretch as it was read has a file. */
    async archived({ number, guide }: Pick<SealRow, 'number' | 'guide'>, name: string) {
      await statement(
        db,
        sql`update audit_seals set archived_as = ${name} where number = ${number} and guide = ${guide}`,
      )
    },

    /** Deletes the entries of a stretch that is as it was read. @param at RFC 3339 */
    async clear({ number, guide }: Pick<SealRow, 'number' | 'guide'>, at: string) {
      await statement(
        db,
        sql`update audit_seals set cleared_at = ${at}
          where number = ${number} and guide = ${guide} and archived_as is not null`,
      )
    },

    /** Stretches beyond this number whose entries are in their files alone. */
    async cleared(after: number, limit: number) {
      return rows<{ number: number; name: string }>(
        db,
        sql`select number, archived_as as name from audit_seals
          where number > ${after} and cleared_at is not null order by number limit ${limit}`,
      )
    },

    /** Has the file of a stretch written anew that the database still has. */
    async unarchive({ number, guide }: Pick<SealRow, 'number' | 'guide'>) {
      await statement(
        db,
        sql`update audit_seals set archived_as = null
          where number = ${number} and guide = ${guide} and cleared_at is null`,
      )
    },

    /** Seals from the one with this number on, and the one before it. */
    async page(from: number, limit: number) {
      return rows<SealRow>(
        db,
        sql`select ${SEAL} from audit_seals where number >= ${from - 1}
          order by number limit ${limit + 1}`,
      )
    },

    /** What the log has of a stretch, and the first entry that is in between and of no stretch. */
    async entriesOf({ number, after, until }: Pick<SealRow, 'number' | 'after' | 'until'>) {
      const guide = sql`(select guide from audit_seals where number = ${number})`
      const { entries, added } = await batch(db, {
        entries: entriesWhere(idsIn(guide)),
        added: entriesWhere(
          sql`audit_log.id in (select id from audit_log
            where id > ${after} and id <= ${until}
              and id not in (select value ->> 0 from json_each(${guide}))
              and id not in (select id from audit_late)
            order by id limit 1)`,
        ),
      })
      return [...entries, ...added]
    },

    /** What the operator wants removed of what is sealed beyond an entry, and the seal of its stretch. */
    async toRemove(after: string) {
      const [found] = await rows<{ id: AuditId } & SealRow>(
        db,
        sql`select asked.id, ${SEAL} from audit_removed asked
          join audit_seals on number = ${sql.raw(stretchOf('asked.id'))}
          where digest is null and asked.id > ${after} order by asked.id limit 1`,
      )
      return found
    },

    /** Forgets that somebody wants something removed that is not there. */
    async forgetRemoval(id: AuditId) {
      await statement(db, sql`delete from audit_removed where id = ${id} and digest is null`)
    },

    /** Removes `reason` and `changes`, and the salt with them; the file has to be written anew. */
    async remove(
      id: AuditId,
      digest: string,
      seal: Pick<SealRow, 'number' | 'guide'>,
      guide: string,
    ) {
      await batch(db, {
        guide: statement(
          db,
          sql`update audit_seals set guide = ${guide}, archived_as = null
            where number = ${seal.number} and guide = ${seal.guide}`,
        ),
        removed: statement(
          db,
          sql`update audit_removed set digest = ${digest} where id = ${id} and exists
            (select 1 from audit_seals where number = ${seal.number} and guide = ${guide})`,
        ),
      })
    },

    /** Notes that what the operator asked for is done, in the file of a stretch that is cleared. */
    async removedFromFile(id: AuditId, digest: string) {
      await statement(db, sql`update audit_removed set digest = ${digest} where id = ${id}`)
    },
  }
}
