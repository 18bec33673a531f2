/**
 * The feed: what has changed, in the order in which it was committed. D1 writes it by itself, by a
 * trigger in the transaction of each audited change; only what objects report is written here.
 */
import { sql } from 'drizzle-orm'
import { batch, type Database, rows, statement } from '../db/client.ts'
import type { EventId, UserId } from '../db/ids.ts'
import { feed } from '../db/schema.ts'

export type FeedRow = typeof feed.$inferSelect

/** A place in the feed of one generation of the stores. */
export interface FeedPlace {
  readonly generation: string
  /** Of the last event before it; 0 before the first. */
  readonly position: number
}

interface FeedState extends FeedPlace {
  /** The last position that was given. */
  readonly position: number
  /** The last position that has been forgotten. */
  readonly forgotten: number
}

/** What a visit object has to report. */
export interface Milestone {
  readonly id: EventId
  readonly member: UserId
  /** Counted visits of all time. */
  readonly total: number
  /** Milliseconds since the epoch. */
  readonly at: number
}

/** Statements that say what the feed is at, for `stateOf`. */
export function feedState(db: Database) {
  return {
    marks: rows<{ key: string; value: string }>(
      db,
      sql`select key, value from site where key in ('generation', 'feed_forgotten')`,
    ),
    newest: rows<{ position: number | null }>(db, sql`select max(position) as position from feed`),
  }
}

/** Up to `limit` events behind a position, in their order. */
export function eventsAfter(db: Database, position: number, limit: number) {
  return db
    .select()
    .from(feed)
    .where(sql`${feed.position} > ${position}`)
    .orderBy(feed.position)
    .limit(limit)
}

/** What is told of an event, in the feed and to webhooks. */
export function toldOf({ id, type, at, subject, revision, fields, about }: FeedRow) {
  return { id, type, at, subject, revision, fields: [...fields], about }
}

export function feedRepository(db: Database) {
  return {
    /** Up to `limit` events behind a position, with what the feed is at. */
    async read(position: number, limit: number) {
      const { marks, newest, found } = await batch(db, {
        ...feedState(db),
        found: eventsAfter(db, position, limit),
      })
      return { state: stateOf(marks, newest), found }
    },

    /**
     * Whether one of these types, or any, is among the `limit` events behind a position, up to where that
     * is known, and whether there are as many.
     */
    async hasNews(position: number, types: readonly string[] | undefined, limit: number) {
      const isWanted = types
        ? sql`type in (select value from json_each(${JSON.stringify(types)}))`
        : sql`true`
      const [row] = await rows<{ news: number; count: number; upTo: number | null }>(
        db,
        sql`select coalesce(sum(${isWanted}), 0) as news, count(*) as count, max(position) as upTo
          from (select position, type from feed where position > ${position}
            order by position limit ${limit})`,
      )
      const { news = 0, count = 0, upTo = null } = row ?? {}
      return { hasNews: news > 0, upTo: upTo ?? position, isFull: count === limit }
    },

    /**
     * The last position before everything from a time (RFC 3339) on. Times rise with the positions, but for
     * the seconds by which clocks differ.
     */
    async positionBefore(since: string): Promise<number> {
      const middle = sql`(low + high) / 2`
      const isBefore = sql`coalesce((
        select at < ${since} from feed where position >= ${middle} order by position limit 1), false)`
      const [row] = await rows<{ position: number }>(
        db,
        sql`with recursive halves (low, high) as (
          select coalesce((select min(position) from feed), 1),
            coalesce((select max(position) from feed), 0) + 1
          union all
          select iif(${isBefore}, ${middle} + 1, low), iif(${isBefore}, high, ${middle})
          from halves where low < high)
        select low - 1 as position from halves where low >= high`,
      )
      return row?.position ?? 0
    },

    /** Those that are here already are left out, however often an object reports them. */
    async report(milestones: readonly Milestone[]) {
      const list = milestones.map(({ id, member, total, at }) => ({
        id,
        member,
        about: JSON.stringify({ total }),
        at: new Date(at).toISOString(),
      }))
      await statement(
        db,
        sql`insert into feed (id, type, at, subject, revision, fields, about)
        select value ->> 'id', 'visit.milestone', value ->> 'at', value ->> 'member', null, '[]',
          value ->> 'about'
        from json_each(${JSON.stringify(list)})
        where not exists (
          select 1 from feed where id = value ->> 'id' and type = 'visit.milestone')
        order by key`,
      )
    },

    /**
     * Forgets of the `limit` oldest those from before a time (RFC 3339), and notes up to where.
     * @returns how many
     */
    async forget(before: string, limit: number): Promise<number> {
      const { forgotten } = await batch(db, {
        noted: statement(
          db,
          sql`with old as (
            select max(position) as position
            from (select position, at from feed order by position limit ${limit})
            where at < ${before} and position < (select max(position) from feed))
          update site set value = (select position from old)
          where key = 'feed_forgotten' and (select position from old) is not null`,
        ),
        forgotten: rows(
          db,
          sql`delete from feed where position <=
            (select cast(value as integer) from site where key = 'feed_forgotten')
          returning 1`,
        ),
      })
      return forgotten.length
    },
  }
}

export function stateOf(
  marks: readonly { readonly key: string; readonly value: string }[],
  newest: readonly { readonly position: number | null }[],
): FeedState {
  const markNamed = (name: string) => marks.find(({ key }) => key === name)?.value
  const generation = markNamed('generation')
  if (generation === undefined)
    throw new Error('site lacks a generation, which migration 0040 makes')
  return {
    generation,
    position: newest[0]?.position ?? 0,
    forgotten: Number(markNamed('feed_forgotten') ?? 0),
  }
}
