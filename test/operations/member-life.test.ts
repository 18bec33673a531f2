/** The life of a member across D1 and the object with their visits, from the first request on. */
import { env } from 'cloudflare:workers'
import { beforeEach, describe, expect, test, vi } from 'vitest'
import { growth } from '../../local/site-facts.ts'
import { DAY, inShard } from '../objects/visit-fixtures.ts'
import { dump } from '../support/dump.ts'
import { failingStorage, interruptedStorage } from '../support/failing.ts'
import { rowsOf, type Visitor, visit } from '../support/population.ts'
import { ISSUER, type Member, testSite } from '../support/site.ts'

const ERASED = { total: 0, days: 0, lastVisitAt: null, byDay: [] }

/** The visits that the shards still know of the member, read past the API. */
async function visitsOf(userId: Member['userId']) {
  for (const shard of [0, 1, 2, 3]) {
    const summary = await inShard(shard, (object) => object.read(userId, '2026-11-21'))
    if (summary.total > 0) return summary
  }
  return ERASED
}

const pending = () => rowsOf('select user_id from erasures')

/** A token of the same subject, issued `later` seconds from now; the clock tolerance is 30. */
async function tokenOf(sub: string, later: number): Promise<string> {
  return ISSUER.sign({ sub, iat: Math.floor(Date.now() / 1000) + later })
}

beforeEach(() => {
  vi.spyOn(console, 'error').mockReturnValue()
  vi.spyOn(console, 'warn').mockReturnValue()
})

describe('the first request', () => {
  test('twenty at once make one member, with one audit row', async () => {
    const site = testSite()
    const token = await ISSUER.sign({ sub: 'ada' })
    const answers = await Promise.all(
      Array.from({ length: 20 }, () => site.bearer(token).get('/v1/whoami')),
    )
    expect(new Set(answers.map(({ body }) => body.userId)).size).toBe(1)
    expect(await rowsOf('select id from users')).toHaveLength(1)
    expect(await rowsOf('select subject from identities')).toEqual([{ subject: 'ada' }])
    expect(await rowsOf('select actor, action, target from audit_log')).toMatchObject([
      { action: 'user.create', target: answers[0]?.body.userId, actor: answers[0]?.body.userId },
    ])
  })

  test('fixes the number of shards for good, whatever the setting says later', async () => {
    await testSite({ VISIT_SHARDS: '3' }).member('ada')
    const site = testSite({ VISIT_SHARDS: '64' })
    for (const subject of ['ben', 'cleo', 'dan', 'eve', 'fay']) await site.member(subject)
    const fixed = await rowsOf(`select value from site where key = 'visit_shards'`)
    expect(fixed).toEqual([{ value: '3' }])
    expect(await rowsOf('select max(visit_shard) < 3 as ok from users')).toEqual([{ ok: 1 }])
  })

  test('gives those who come after more shards were added one of those, and moves nobody', async () => {
    const site = testSite({ VISIT_SHARDS: '2' })
    const before = await Promise.all(['ada', 'ben', 'cleo'].map((name) => site.member(name)))
    for (const member of before) await member.post('/v1/me/visits')
    const shards = 'select id, visit_shard from users order by id'
    const rows = await rowsOf(shards)
    const grow = async (from: number, to: number) =>
      env.DB.batch(growth(from, to, Date.now()).map((sql) => env.DB.prepare(sql)))
    // The second comes too late.
    await Promise.all([grow(2, 5), grow(2, 4)])
    expect(await rowsOf(`select changes from audit_log where action = 'site.update'`)).toEqual([
      { changes: '{"visitShards":5}' },
    ])
    expect(await rowsOf(shards)).toEqual(rows)
    const later = await Promise.all(
      Array.from({ length: 12 }, async (_, n) => site.member(`later-${n}`)),
    )
    for (const member of later) await member.post('/v1/me/visits')
    const ids = JSON.stringify(later.map(({ userId }) => userId))
    const used = await rowsOf(
      `select distinct visit_shard as shard from users
        where id in (select value from json_each(?)) order by shard`,
      ids,
    )
    expect(used).toEqual([{ shard: 2 }, { shard: 3 }, { shard: 4 }])
    await site.tick()
    for (const member of [...before, ...later])
      expect((await member.get(`/v1/users/${member.userId}/visits`)).body.total).toBe(1)
    for (const sql of [
      `update site set value = '4' where key = 'visit_shards'`,
      `update site set value = '1025' where key = 'visit_shards'`,
      `delete from site where key = 'visit_shards'`,
    ])
      await expect(env.DB.prepare(sql).run()).rejects.toThrow('never become fewer')
  })
})

describe('BOOTSTRAP_ADMINS', () => {
  const listed = {
    BOOTSTRAP_ADMINS: JSON.stringify(['root', 'ada'].map((s) => `${ISSUER.issuer}|${s}`)),
  }

  test('makes an admin of a member who was there before the setting, on record', async () => {
    const before = await testSite().member('ada')
    expect((await before.get('/v1/whoami')).body.roles).toEqual(['member'])
    const after = await testSite(listed).member('ada')
    expect(after.userId).toBe(before.userId)
    expect((await after.get('/v1/whoami')).body.roles.toSorted()).toEqual(['admin', 'member'])
    const audit = await rowsOf(`select * from audit_log where action = 'role.assign'`)
    expect(audit).toMatchObject([{ target: ada(before), reason: 'listed in BOOTSTRAP_ADMINS' }])
  })

  test('is honoured once: who was demoted stays demoted', async () => {
    const site = testSite(listed)
    const [root, ada] = [await site.root(), await site.member('ada')]
    expect((await root.delete(`/v1/users/${ada.userId}/roles/admin`)).status).toBe(200)
    for (const again of [await site.member('ada'), await testSite(listed).member('ada')]) {
      expect((await again.get('/v1/whoami')).body.roles).toEqual(['member'])
    }
  })

  test('is honoured once by twenty requests at once', async () => {
    await testSite().member('ada')
    const site = testSite(listed)
    await Promise.all(Array.from({ length: 20 }, () => site.member('ada')))
    expect(await rowsOf(`select id from audit_log where action = 'role.assign'`)).toHaveLength(1)
  })

  const ada = ({ userId }: Member) => userId
})

describe('a deleted member', () => {
  async function deletedAfterAVisit(site = testSite()) {
    const [root, ada] = [await site.root(), await site.member('ada', { email: 'ada@x.example' })]
    await ada.post('/v1/me/visits', undefined, { headers: { 'Idempotency-Key': 'a-key-of-ada' } })
    expect((await visitsOf(ada.userId)).total).toBe(1)
    const { status } = await root.delete(`/v1/users/${ada.userId}`)
    return { site, root, ada, status }
  }

  test('leaves nothing but their id where it has to stay', async () => {
    const { ada, status } = await deletedAfterAVisit()
    expect(status).toBe(204)
    expect(await pending()).toEqual([])
    expect(await visitsOf(ada.userId)).toEqual(ERASED)
    const text = JSON.stringify(await dump())
    for (const personal of ['ada@x.example', 'a-key-of-ada', '"ada"']) {
      expect(text).not.toContain(personal)
    }
  })

  test('is gone although the object does not answer, and is erased by the next tick that can', async () => {
    const { storage, arm, disarm } = failingStorage()
    arm({ fails: (_, { text }) => text === 'erase' })
    const site = testSite(storage)
    const { ada, root, status } = await deletedAfterAVisit(site)
    expect(status).toBe(204)
    expect((await root.get(`/v1/users/${ada.userId}`)).status).toBe(404)
    expect(await pending()).toEqual([{ user_id: ada.userId }])
    expect((await visitsOf(ada.userId)).total).toBe(1)

    await expect(site.tick()).rejects.toThrow('jobs failed: erase-members')
    expect(await pending()).toEqual([{ user_id: ada.userId }])
    disarm()
    await site.tick()
    expect(await pending()).toEqual([])
    expect(await visitsOf(ada.userId)).toEqual(ERASED)
  })

  test('does not wait for another whose object does not answer', async () => {
    const at = new Date().toISOString()
    await env.DB.prepare(
      `insert into erasures (user_id, visit_shard, requested_at)
       select 'usr_' || value, value, ? from json_each('[1, 2, 3]')`,
    )
      .bind(at)
      .run()
    const { storage, arm } = failingStorage()
    let asked = 0
    arm({ fails: (_, { text }) => text === 'erase' && ++asked === 1 })
    await expect(testSite(storage).tick()).rejects.toThrow('jobs failed: erase-members')
    expect(await pending()).toEqual([{ user_id: 'usr_1' }])
  })

  test('is not visited by a request that was on its way', async () => {
    const site = testSite()
    const [root, ada] = [await site.root(), await site.member('ada')]
    const storage = interruptedStorage(
      ({ text }) => text === 'record',
      () => root.delete(`/v1/users/${ada.userId}`),
    )
    const late = await testSite(storage).bearer(ada.token).post('/v1/me/visits')
    expect(late).toMatchObject({ status: 401, body: { code: 'session_revoked' } })
    expect(await visitsOf(ada.userId)).toEqual(ERASED)
  })

  test('cannot come back with a token from before, but begins anew with one from after', async () => {
    const { site, ada } = await deletedAfterAVisit()
    for (const token of [ada.token, await tokenOf('ada', -1)]) {
      const old = await site.bearer(token).get('/v1/whoami')
      expect(old).toMatchObject({ status: 401, body: { code: 'session_revoked' } })
    }
    expect(await rowsOf('select id from users')).toHaveLength(1)
    const anew = site.bearer(await tokenOf('ada', 5))
    const { body } = await anew.get('/v1/whoami')
    expect(body).toMatchObject({ kind: 'member', roles: ['member'] })
    expect(body.userId).not.toBe(ada.userId)
    expect((await anew.get('/v1/me/visits')).body).toMatchObject({ total: 0 })
  })
})

describe('the daily jobs', () => {
  test('prune old visits without changing what they add up to', async () => {
    const site = testSite()
    const ada = await site.member('ada')
    const [row] = await rowsOf<Visitor>('select id as userId, visit_shard as shard from users')
    const now = Date.now()
    for (const daysAgo of [600, 599, 598, 402, 401, 1, 0]) {
      await visit(row ? [row] : [], now - daysAgo * DAY)
    }
    const { body: before } = await ada.get('/v1/me/visits')
    expect(before).toMatchObject({ total: 7, days: 7, longestStreak: 3, currentStreak: 2 })
    await site.tick(now)
    const { body: after } = await ada.get('/v1/me/visits')
    expect(after).toEqual({ ...before, byDay: before.byDay.slice(0, 2) })
  })

  test('forget idempotency keys after a day and runs after 90, and nothing younger', async () => {
    const root = await testSite().root()
    const now = Date.now()
    const headers = { 'Idempotency-Key': 'once' }
    await root.post('/v1/badges', { title: 'Once' }, { headers })
    const stored = () => rowsOf('select key from idempotency_keys')
    const runs = () => rowsOf<{ at: string }>('select distinct started_at as at from job_runs')
    await testSite().tick(now + DAY - 1)
    expect(await stored()).toHaveLength(1)
    await testSite().tick(now + 2 * DAY)
    expect(await stored()).toEqual([])
    await testSite().tick(now + 91 * DAY)
    expect((await runs()).map(({ at }) => Date.parse(at))).toEqual([now + 2 * DAY, now + 91 * DAY])
  })
})
