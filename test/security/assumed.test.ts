/**
 * What a warm isolate remembers of a member is checked with the first thing that is done for them. Each
 * test has the isolate meet the member first, and then changes what it remembers behind its back.
 */
import { env } from 'cloudflare:workers'
import { describe, expect, test, vi } from 'vitest'
import { countingStorage } from '../support/counting.ts'
import { type Browser, LOGIN_SETTINGS, loginSite } from '../support/login.ts'
import { rowsOf } from '../support/population.ts'
import { ISSUER, type Member, type Reply, testSite } from '../support/site.ts'

const change = async (sql: string, ...values: unknown[]) =>
  env.DB.prepare(sql)
    .bind(...values)
    .run()

/** What somebody does: of each kind something that needs a right of moderators. */
const ACTS: Readonly<Record<string, (who: Member, other: Member) => Promise<Reply>>> = {
  'a read': (who, other) => who.get(`/v1/users/${other.userId}?view=full`),
  'a list': (who) => who.get('/v1/users'),
  'a write': (who, other) => who.patch(`/v1/users/${other.userId}`, { bio: 'Moderated' }),
  'a write with an Idempotency-Key': (who, other) =>
    who.post(`/v1/users/${other.userId}/suspend`, undefined, {
      headers: { 'Idempotency-Key': 'once' },
    }),
  'visits, which are not in D1': (who, other) => who.get(`/v1/users/${other.userId}/visits`),
}

/** Changes of one column each, past the API, so that no access revision says that there was one. */
const LOSSES: Readonly<Record<string, (userId: string) => Promise<unknown>>> = {
  status: (id) => change("update users set status = 'suspended' where id = ?", id),
  roles: (id) => change('delete from user_roles where user_id = ?', id),
  'which member it is': async (id) => {
    const [stranger] = await rowsOf<{ id: string }>(
      "select id from users where display_name = 'Stranger'",
    )
    await change('update identities set user_id = ? where user_id = ?', stranger?.id, id)
  },
  'the access revision, together with roles': async (id) => {
    await change('update users set access_revision = access_revision + 1 where id = ?', id)
    await change('delete from user_roles where user_id = ?', id)
  },
}

async function moderated() {
  const site = testSite()
  await site.member('stranger', { name: 'Stranger' })
  const [other, who] = [await site.member('other'), await site.memberWith('moderator')]
  expect((await who.get('/v1/users')).status).toBe(200)
  return { site, other, who }
}

describe.each(Object.entries(ACTS))('%s', (_, act) => {
  test.each(Object.entries(LOSSES))(
    'is refused as soon as this is another: %s',
    async (_, lose) => {
      const { other, who } = await moderated()
      await lose(who.userId)
      const before = await rowsOf('select * from audit_log order by id')
      expect((await act(who, other)).status).toBe(403)
      expect(await rowsOf('select * from audit_log order by id')).toEqual(before)
      expect((await other.get('/v1/me')).body).toMatchObject({ bio: null, status: 'active' })
    },
  )

  test('is allowed, and done once, as soon as its right is there', async () => {
    const { site, other } = await moderated()
    const late = await site.member('late')
    expect((await act(late, other)).status).toBe(403)
    const give = `insert into user_roles (user_id, role, assigned_at, assigned_by)
      values (?, 'moderator', ?, 'nobody')`
    await change(give, late.userId, new Date().toISOString())
    expect((await act(late, other)).status).toBe(200)
    const acts = await rowsOf(
      'select 1 from audit_log where actor = ? and target = ?',
      late.userId,
      other.userId,
    )
    expect(acts.length).toBeLessThan(2)
  })
})

test('a custom role is what it is now', async () => {
  const site = testSite()
  const [root, ada] = [await site.root(), await site.member('ada')]
  const permissions = [{ permission: 'profile:list', reach: 'any' }]
  await root.put('/v1/roles/reader', { permissions })
  await root.put(`/v1/users/${ada.userId}/roles/reader`)
  expect((await ada.get('/v1/users')).status).toBe(200)
  await change("update roles set permissions = '{}' where name = 'reader'")
  expect((await ada.get('/v1/users')).status).toBe(403)
})

test('nobody is refused for what they may do by now', async () => {
  const site = testSite()
  const [root, ada] = [await site.root(), await site.member('ada')]
  expect((await ada.get('/v1/users')).status).toBe(403)
  // Another isolate does it, so nothing here hears of it.
  const elsewhere = testSite().bearer(root.token)
  await elsewhere.put(`/v1/users/${ada.userId}/roles/moderator`)
  expect((await ada.get('/v1/users')).status).toBe(200)
  await elsewhere.delete(`/v1/users/${ada.userId}`)
  for (const path of ['/v1/whoami', '/v1/users', '/v1/badges', '/v1/nothing']) {
    expect((await site.bearer(ada.token).get(path)).body.code, path).toBe('session_revoked')
  }
})

test('what is wrong with a request is told to nobody who may not make it', async () => {
  const { other, who } = await moderated()
  await change('delete from user_roles where user_id = ?', who.userId)
  const { status } = await who.patch(`/v1/users/${other.userId}`, { bio: 1 })
  expect(status).toBe(403)
})

test('the shard of a member is the one that is stored', async () => {
  const site = testSite()
  const ada = await site.member('ada')
  await ada.post('/v1/me/visits')
  await change('update users set visit_shard = (visit_shard + 1) % 4 where id = ?', ada.userId)
  expect((await ada.get('/v1/me/visits')).body.total).toBe(0)
})

test('an identity that went to another member acts for that one', async () => {
  const site = testSite()
  const [ada, ben] = [await site.member('ada'), await site.member('ben')]
  await change('update identities set user_id = ? where subject = ?', ben.userId, 'ada')
  expect((await ada.patch('/v1/me', { bio: 'Mine' })).body.id).toBe(ben.userId)
  const changed = await rowsOf<{ id: string }>("select id from users where bio = 'Mine'")
  expect(changed).toEqual([{ id: ben.userId }])
})

describe('a session of this site', () => {
  /** Two sessions of one person, of which the isolate has met the one that is asked for last. */
  async function twoSessions() {
    const site = loginSite()
    const one = await site.account('ada@example.com')
    const other = site.browser('192.0.2.9')
    const form = { email: 'ada@example.com', password: 'violet kettle drums afternoon' }
    expect((await other.post('/auth/sign-in', form)).status).toBe(303)
    return { site, one, other }
  }
  const signOut = async (browser: Browser) => browser.post('/auth/sign-out')

  test('that has ended is none, though another one of the same member was met since', async () => {
    const { site, one, other } = await twoSessions()
    const [first, second] = [site.bearer(await one.token()), site.bearer(await other.token())]
    expect((await first.patch('/v1/me', { bio: 'One' })).status).toBe(200)
    await signOut(one)
    expect((await second.patch('/v1/me', { bio: 'Two' })).status).toBe(200)
    const { status, body } = await first.patch('/v1/me', { bio: 'Three' })
    expect([status, body.code]).toEqual([401, 'session_revoked'])
    expect((await second.get('/v1/me')).body.bio).toBe('Two')
  })

  test('that has ended is none as a cookie either', async () => {
    const { one, other } = await twoSessions()
    const patch = async (browser: Browser, bio: string) =>
      browser.send('PATCH', '/v1/me', {
        body: JSON.stringify({ bio }),
        headers: { 'Content-Type': 'application/json', Origin: LOGIN_SETTINGS.PUBLIC_URL },
      })
    expect((await patch(one, 'One')).status).toBe(200)
    expect((await patch(one, 'Again')).status).toBe(200)
    const kept = [...one.jar]
    await signOut(one)
    for (const [name, value] of kept) one.jar.set(name, value)
    expect((await patch(other, 'Two')).status).toBe(200)
    expect((await patch(one, 'Three')).status).toBe(401)
    expect(await rowsOf('select bio from users')).toEqual([{ bio: 'Two' }])
  })
})

test('a badge is made once by a request that had to be decided anew', async () => {
  const site = testSite()
  const [root, boss] = [await site.root(), await site.memberWith('admin', 'boss')]
  const make = (slug: string) =>
    boss.post('/v1/badges', { title: 'Made', slug }, { headers: { 'Idempotency-Key': slug } })
  expect((await make('first')).status).toBe(201)
  await root.put(`/v1/users/${boss.userId}/roles/moderator`)
  expect((await make('second')).status).toBe(201)
  expect((await make('second')).headers.get('Idempotency-Replayed')).toBe('true')
  expect(await rowsOf("select 1 from audit_log where action = 'badge.create'")).toHaveLength(2)
})

test('a token of somebody unknown makes a member, and it is remembered as that one', async () => {
  const site = testSite()
  const token = await ISSUER.sign({ sub: 'new' })
  const ids = []
  for (let time = 0; time < 3; time++) {
    ids.push((await site.bearer(token).get('/v1/whoami')).body.userId)
  }
  expect(new Set(ids).size).toBe(1)
})

test('what goes by nobody asks the nearest replica, or one that is as new as its bookmark', async () => {
  const { storage } = countingStorage()
  const withSession = vi.spyOn(storage.DB, 'withSession')
  const { anonymous } = testSite(storage)
  expect((await anonymous.get('/v1/badges')).status).toBe(200)
  expect(withSession.mock.lastCall).toEqual(['first-unconstrained'])
  const bookmark = `00000001-00000001-00000001-${'0'.repeat(32)}`
  const headers = { 'X-D1-Bookmark': bookmark }
  expect((await anonymous.get('/v1/badges', { headers })).status).toBe(200)
  expect(withSession.mock.lastCall).toEqual([bookmark])
})
