/** What binds the database to the objects: the generation, the marks of ticks, and what objects have confirmed. */
import { eq, sql } from 'drizzle-orm'
import { batch, type Database, rows, statement } from '../db/client.ts'
import { site, storeShards } from '../db/schema.ts'
import { selectShards, shardsIn } from './site.ts'

/** Longer than the platform keeps states to go back to: a month of ticks. */
const MARKS_KEPT = 9_000

/** The generation as a column of whatever is read. */
export const GENERATION = sql<string>`(select value from site where key = 'generation')`

export type StoreMark = { readonly mark: number; readonly token: string }

export function selectGeneration(db: Database) {
  return db.select({ value: site.value }).from(site).where(eq(site.key, 'generation'))
}

/** @throws Error if there is none */
export function generationIn([row]: readonly { readonly value: string }[]): string {
  if (!row) throw new Error('site lacks a generation, which migration 0040 makes')
  return row.value
}

export function storesRepository(db: Database) {
  return {
    async generation() {
      return generationIn(await selectGeneration(db))
    },

    /** Makes the mark of this tick. @returns it, the generation, and what each shard has confirmed */
    async mark(at: string) {
      const { made, generation, shards, confirmed } = await batch(db, {
        made: rows<StoreMark>(
          db,
          sql`insert into store_marks (mark, token, at)
            select coalesce(max(mark), 0) + 1, lower(hex(randomblob(8))), ${at} from store_marks
            returning mark, token`,
        ),
        old: statement(
          db,
          sql`delete from store_marks where mark <= (select max(mark) from store_marks) - ${MARKS_KEPT}`,
        ),
        generation: selectGeneration(db),
        shards: selectShards(db),
        confirmed: db.select().from(storeShards),
      })
      const [next] = made
      if (!next) throw new Error('the mark was not made')
      return { next, generation: generationIn(generation), shards: shardsIn(shards), confirmed }
    },

    /** Whether it is a mark of this database. */
    async has({ mark, token }: StoreMark) {
      const found = await rows(
        db,
        sql`select 1 from store_marks where mark = ${mark} and token = ${token}`,
      )
      return found.length > 0
    },

    /** Notes the marks that shards are at. They never go back, however ticks overlap. */
    async confirm(shards: readonly ({ readonly shard: number } & StoreMark)[]) {
      await statement(
        db,
        sql`insert into store_shards (shard, mark, token)
          select value ->> 'shard', value ->> 'mark', value ->> 'token'
          from json_each(${JSON.stringify(shards)}) where true
          on conflict (shard) do update set mark = excluded.mark, token = excluded.token
            where excluded.mark > store_shards.mark`,
      )
    },

    /** From here on every object is of another generation, until it is told of this one. */
    async begin(generation: string) {
      await batch(db, {
        generation: statement(
          db,
          sql`update site set value = ${generation} where key = 'generation'`,
        ),
        // What objects confirmed was of the former one.
        shards: statement(db, sql`delete from store_shards`),
      })
    },
  }
}
