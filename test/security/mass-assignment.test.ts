import { describe, expect, test } from 'vitest'
import { refusalOf, RESOURCES, type Row, titleOf } from '../support/cells.ts'
import { type Dump, dump } from '../support/dump.ts'
import { queryNames } from '../support/faults.ts'
import { FIELD_NAMES } from '../support/naughty.ts'
import { type Member, type Reply, testSite } from '../support/site.ts'
import { sized } from '../support/size.ts'
import { bodyFor, pathFor, thingsFor } from '../support/world.ts'

const OURS = ['actor', 'caller', 'user', 'as', 'onBehalfOf', 'grant', 'elevation', 'accessRevision']
/** Names under which APIs take an identity, a right or a state from whoever sends them. */
const NAMES = [...new Set([...FIELD_NAMES, ...OURS])]

describe('a member who says who they are, in body, query and headers, is who they were', () => {
  test.each(RESOURCES)('on %s', async (_, rows) => {
    const site = testSite()
    const [root, eve] = [await site.root(), await site.member('eve')]
    // The first visitor makes the key that signs, so that no request does so later.
    await site.visitor()
    // Nobody says anything any more who has deleted themselves.
    for (const row of rows.filter((each) => titleOf(each) !== 'DELETE /v1/me')) {
      const { method, path } = row.declared
      const things = thingsFor(site, eve)
      const body = await bodyFor(row.declared, things)
      await pathFor(path, 'other', things, eve)
      if (row.targets.includes('own')) await pathFor(path, 'own', things, eve)
      const [before, rights] = [await dump(), await rightsOf(eve)]
      for (const target of row.targets.filter((each) => each !== 'malformed')) {
        const where = await pathFor(path, target, things, eve)
        const ask = async (search: string, headers: Record<string, string>, json: unknown) =>
          saidBy(await eve.call(method, `${where}${search}`, { headers, json }), method)
        const cell = `${titleOf(row)}, ${target}`
        const plain = await ask(row.search, {}, body)
        const isAllowed = refusalOf(row, 'member', target) === undefined
        const refusal = isAllowed ? { status: 422, code: 'validation_failed' } : plain
        for (const value of [root.userId, 'admin', 'true']) {
          const asked = await ask(searchOf(row, value), {}, body)
          expect({ cell, value, ...asked }).toEqual({ cell, value, ...refusal })
          const said = await ask(row.search, headersOf(value), body)
          expect({ cell, value, ...said }).toEqual({ cell, value, ...plain })
        }
        const foreign = NAMES.filter((each) => !bodyNames(row).includes(each))
        const bodies = body === undefined ? [] : bodiesOf(body, foreign, root.userId, isAllowed)
        for (const json of bodies) {
          const said = await ask(row.search, {}, json)
          expect({ cell, json, ...said }).toEqual({ cell, json, ...refusal })
        }
      }
      expect(await rightsOf(eve)).toEqual(rights)
      expect(untouchable(await dump(), eve)).toEqual(untouchable(before, eve))
    }
  })

  async function rightsOf(member: Member) {
    return (await member.get('/v1/whoami')).body
  }

  /** The lasting part of an answer: all of a read; of a change, that it was made, now or before. */
  function saidBy({ status, body }: Reply, method: string): object {
    // An export has when it was made, and that the one before was.
    const { exportedAt, profile } = Object(body)
    if (exportedAt !== undefined) return { status, profile }
    if (method === 'GET' && status === 200) return { status, body }
    const isGone = method === 'DELETE' && status === 404
    const isDone = status < 300 || status === 409 || isGone
    return isDone ? { status: 'done' } : { status, code: body.code }
  }

  /** The row's query with all names that the route does not have itself. */
  function searchOf(row: Row, value: string): string {
    const own = new Set(queryNames(row))
    const search = new URLSearchParams(row.search)
    for (const name of NAMES) if (!own.has(name)) search.append(name, value)
    return `?${search.toString()}`
  }

  function headersOf(value: string): Record<string, string> {
    return Object.fromEntries(
      NAMES.flatMap((name) =>
        [name, `X-${name}`, `X-Forwarded-${name}`].map((each) => [each, value]),
      ),
    )
  }

  /**
   * Bodies with one foreign name at a time where the body is in order, and with all of them where
   * it is refused anyway. Each name has one of the values in turn, or all with `npm run test:full`.
   */
  function bodiesOf(
    body: unknown,
    names: readonly string[],
    rootId: string,
    isAllowed: boolean,
  ): object[] {
    const values = [rootId, 'admin', ['admin'], true, null]
    if (!isAllowed)
      return [{ ...Object(body), ...Object.fromEntries(names.map((n) => [n, rootId])) }]
    return names.flatMap((name, place) =>
      values
        .filter((_, index) => index % sized(1, values.length) === place % sized(1, values.length))
        .map((value) => ({ ...Object(body), [name]: value })),
    )
  }
})

/** Names that the route takes itself: one takes whose rights count, by a permission for that. */
function bodyNames({ declared: { method, path } }: Row): string[] {
  return method === 'POST' && path === '/v1/explain' ? ['as'] : []
}

/** All rows but a member's own traces: profile, identities, visits, bookings and audit rows. */
function untouchable(stored: Dump, { userId }: Member) {
  return Object.entries(stored).flatMap(([table, rows]) =>
    rows.flatMap((row): unknown[] => {
      const { id, user_id, status, email, member, actor, owner, booked_by } = Object(row)
      if (table === 'users' && id === userId) return [{ table, status, email }]
      // Triggers note, tell and count what the log and the other tables have.
      if (['booking_notices', 'counters', 'feed'].includes(table)) return []
      if (table === 'calendar_feeds' && user_id === userId) return []
      if (table === 'audit_log' && actor === userId) return []
      if (table === 'auth_sessions' && user_id === `account of ${userId}`) return []
      if (table === 'identities' && user_id === userId) return []
      if (table === 'bookings' && owner === userId && booked_by === userId) return []
      // A visitor's bookings become the member's, because their claim comes with a good token.
      if (table === 'bookings' && String(booked_by).startsWith('vis_')) return []
      return /\.(days|answers)$/.test(table) && member === userId ? [] : [{ table, row }]
    }),
  )
}
