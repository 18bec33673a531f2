/** A session whose first call carries a condition, which is checked once, with that call. */
import { env } from 'cloudflare:workers'
import { asc, eq, sql } from 'drizzle-orm'
import { beforeEach, describe, expect, test } from 'vitest'
import { actingStill } from '../../src/repositories/audited.ts'
import { batch, openSession, rows, statement } from '../../src/db/client.ts'
import { isAccessChange } from '../../src/db/errors.ts'
import { badgeRules, badges, site } from '../../src/db/schema.ts'
import { countingStorage } from '../support/counting.ts'
import { failingStorage } from '../support/failing.ts'
import { badgeWithRule, populate, rowsOf } from '../support/population.ts'

let actor = ''

beforeEach(async () => {
  const [member] = await populate(1, 1)
  actor = member?.userId ?? ''
})

const right = () => actingStill(actor, 1)
const wrong = () => actingStill(actor, 2)

/** The error of a call that failed, so that a test sees which it is. */
const failure = (work: PromiseLike<unknown>) =>
  Promise.resolve(work).then(
    () => undefined,
    (error: unknown) => error,
  )

/** A fact of the site that may change. */
const OURS = eq(site.key, 'time_zone')
const CHANGED = { value: 'changed' }

type Open = ReturnType<typeof openSession>

const CALLS: Readonly<Record<string, (session: Open) => PromiseLike<unknown>>> = {
  'a query': ({ db }) => db.select().from(site),
  'a query written as SQL': ({ db }) => db.all(sql`select * from site`),
  'a write': async ({ db }) => {
    const { success, results } = await db.update(site).set(CHANGED).where(OURS)
    return { success, results }
  },
  'a write that returns': ({ db }) =>
    db.update(site).set(CHANGED).where(OURS).returning({ key: site.key }),
  'a batch': async ({ db }) => {
    const { read } = await batch(db, {
      written: statement(db, sql`update site set value = 'changed' where ${OURS}`),
      read: rows(db, sql`select * from site`),
    })
    return read
  },
  'nothing but the check itself': ({ confirm }) => confirm(),
}

describe.each(Object.entries(CALLS))('with %s first', (_, call) => {
  test('what is so lets it pass, in one trip, and is not asked for again', async () => {
    const { storage, traced } = countingStorage()
    const plain = openSession(env.DB, 'primary')
    const session = openSession(storage.DB, 'primary', [right()])
    const { calls } = await traced(async () => {
      expect(await call(session)).toEqual(await call(plain))
      await session.db.select().from(site)
      await session.confirm()
    })
    expect(calls.map(({ text }) => text.includes('acting'))).toEqual([true, false])
  })

  test('what is not so voids it', async () => {
    const before = await rowsOf('select * from site')
    const session = openSession(env.DB, 'primary', [wrong()])
    expect(isAccessChange(await failure(call(session)))).toBe(true)
    expect(isAccessChange(await failure(call(session)))).toBe(true)
    expect(await rowsOf('select * from site')).toEqual(before)
  })
})

test('a call that fails for another reason has checked nothing', async () => {
  const { storage, arm, disarm } = failingStorage()
  const { db, confirm } = openSession(storage.DB, 'primary', [wrong()])
  arm({ fails: () => true })
  expect(isAccessChange(await failure(db.select().from(site)))).toBe(false)
  disarm()
  expect(isAccessChange(await failure(db.select().from(site)))).toBe(true)
  expect(isAccessChange(await failure(confirm()))).toBe(true)
})

test('two calls at once both carry the condition', async () => {
  const { db } = openSession(env.DB, 'primary', [wrong()])
  const both = [db.select().from(site), db.select().from(badges)].map(failure)
  expect((await Promise.all(both)).map(isAccessChange)).toEqual([true, true])
})

test('rows come in their order, with each column that has the name of another', async () => {
  for (const threshold of [3, 1, 2]) await badgeWithRule({ threshold })
  const query = ({ db }: Open) =>
    db
      .select()
      .from(badgeRules)
      .innerJoin(badges, eq(badges.id, badgeRules.badgeId))
      .orderBy(asc(badgeRules.threshold))
      .limit(2)
  const expected = await query(openSession(env.DB, 'primary'))
  expect(expected.map(({ badge_rules: { threshold } }) => threshold)).toEqual([1, 2])
  expect(await query(openSession(env.DB, 'primary', [right()]))).toEqual(expected)
})
