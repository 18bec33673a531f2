import { env } from 'cloudflare:workers'
import { describe, expect, test } from 'vitest'
import { openSession } from '../../src/db/client.ts'
import type { BookingId, UserId } from '../../src/db/ids.ts'
import { makeDeps } from '../../src/deps.ts'
import { cancelBooking } from '../../src/operations/decide-booking.ts'
import { updateProfile } from '../../src/operations/update-profile.ts'
import type { MemberActor } from '../../src/security/actor.ts'
import type { Target } from '../../src/security/decide.ts'
import { withGrant } from '../../src/security/grant.ts'
import type { Permission } from '../../src/security/permissions.ts'
import { RESOURCES, titleOf } from '../support/cells.ts'
import { type Dump, dump } from '../support/dump.ts'
import { interruptedStorage } from '../support/failing.ts'
import { type Member, testSite } from '../support/site.ts'
import { bodyFor, pathFor, thingsFor } from '../support/world.ts'

describe('a grant for what is one’s own reaches nothing else, even if the wrong thing is named', () => {
  /**
   * Runs `work` on others' things with a grant for one's own; nothing may change.
   * @returns the outcome of `work`, or the code of its refusal
   */
  async function overreach<P extends Permission>(
    permission: P,
    target: Target,
    work: (
      grant: Parameters<Parameters<typeof withGrant<P, unknown>>[4]>[0],
      wrong: Wrong,
    ) => Promise<unknown>,
  ) {
    const site = testSite()
    const [eve, things] = [await site.member('eve'), thingsFor(site, site.anonymous)]
    const wrong = {
      userId: (await things.other()).userId,
      bookingId: (await things.bookingId()) as BookingId,
      deps: makeDeps(site.env, openSession(env.DB, 'primary'), Date.now()),
    }
    const before = await dump()
    const outcome = await withGrant(await actorOf(eve), permission, target, 'id', (grant) =>
      work(grant, wrong),
    ).catch(({ code }: { code: unknown }) => code)
    expect(await dump()).toEqual(before)
    return outcome
  }

  interface Wrong {
    readonly userId: UserId
    readonly bookingId: BookingId
    readonly deps: ReturnType<typeof makeDeps>
  }

  async function actorOf({ userId }: Member): Promise<MemberActor> {
    const revision = await env.DB.prepare('select access_revision from users where id = ?')
      .bind(userId)
      .first<number>('access_revision')
    return { kind: 'member', userId, status: 'active', roles: [], accessRevision: revision ?? 0 }
  }

  test('no profile is changed', async () => {
    const outcome = await overreach('profile:update', 'self', (grant, { userId, deps }) =>
      updateProfile(grant, { userId, patch: { bio: 'x' }, revisions: undefined }, deps),
    )
    expect(outcome).toBe('not_found')
  })

  test('no profile is read, nor listed', async () => {
    const outcome = await overreach('profile:read', 'self', async ({ scope }, { userId, deps }) => [
      await deps.users.find(scope, userId),
      (await deps.users.list(scope, {}, { limit: 100 })).map(({ id }) => id === userId),
    ])
    expect(outcome).toEqual([undefined, [false]])
  })

  test('no booking is canceled', async () => {
    const outcome = await overreach('booking:cancel', 'rows', (grant, { bookingId, deps }) =>
      cancelBooking(grant, { bookingId, reason: null }, undefined, deps),
    )
    expect(outcome).toBe('not_found')
  })

  test('no booking is read, nor listed', async () => {
    const outcome = await overreach(
      'booking:read',
      'rows',
      async ({ scope }, { bookingId, deps }) => [
        await deps.bookings.find(scope, bookingId),
        await deps.bookings.list(scope, {}, { limit: 100 }),
      ],
    )
    expect(outcome).toEqual([undefined, []])
  })
})

describe('whoever is suspended between being let in and writing has written nothing', () => {
  /** Routes that store nothing in D1 on behalf of the caller. */
  const WITHOUT_TABLE = new Set([
    'POST /v1/explain',
    'POST /v1/visitors',
    'POST /v1/me/visits',
    'POST /v1/badge-rules/{ruleId}/preview',
    'POST /v1/services/{serviceId}/slots/preview',
  ])

  test.each(RESOURCES)('%s', async (_, rows) => {
    const site = testSite()
    const root = await site.root()
    for (const row of rows.filter(({ matrix }) => matrix.method !== 'GET')) {
      const title = titleOf(row)
      const boss = await site.memberWith('admin', title)
      const things = thingsFor(site, boss)
      const json = await bodyFor(row.declared, things)
      const target = row.targets.includes('other') ? 'other' : 'existing'
      const path = await pathFor(row.declared.path, target, things, boss)
      const storage = interruptedStorage(
        ({ text }) => text.includes('insert into acting'),
        () => root.post(`/v1/users/${boss.userId}/suspend`),
      )
      const late = testSite(storage)
      await late.anonymous.get('/v1/badges')
      const client = late.bearer(boss.token)
      const before = await dump()
      const { status, body } = await client.call(row.declared.method, path, { json })
      const isVoid = status === 403 && body.code === 'suspended'
      expect([title, isVoid]).toEqual([title, !WITHOUT_TABLE.has(title)])
      if (!isVoid) continue
      expect(apartFrom(boss, await dump())).toEqual(apartFrom(boss, before))
    }
  })

  /** All rows but the suspended member, the record of their suspension, and how many members there are. */
  function apartFrom({ userId }: Member, stored: Dump) {
    return Object.entries(stored).flatMap(([table, rows]) =>
      rows.flatMap((row) => {
        const { id, user_id, action, target, type, subject } = Object(row)
        const isThem = id === userId && table === 'users'
        const isTheirRole = user_id === userId && table === 'user_roles'
        const isLoss =
          (action === 'user.suspend' && target === userId) ||
          (type === 'user.suspend' && subject === userId)
        const isLeftOut = isThem || isTheirRole || isLoss || table === 'counters'
        return isLeftOut ? [] : [{ table, row }]
      }),
    )
  }
})
