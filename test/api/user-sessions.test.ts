/** Sessions and identities of members: seen and ended by themselves, and by who looks after them. */
import { describe, expect, test } from 'vitest'
import { loginSite, PASSWORD } from '../support/login.ts'
import { rowsOf } from '../support/population.ts'
import { sessionOf } from '../support/sessions.ts'
import { ISSUER, testSite } from '../support/site.ts'

const ADA = 'ada@example.com'

describe('sessions of a member', () => {
  test('are listed with what they began with, to their own member and to a moderator', async () => {
    const site = loginSite()
    const ada = await site.account(ADA)
    const other = site.browser()
    await other.post('/auth/sign-in', { email: ADA, password: PASSWORD }, { 'User-Agent': 'Lynx' })
    const me = site.bearer(await other.token())
    const { userId } = (await me.get('/v1/whoami')).body
    const moderator = await site.memberWith('moderator')
    const path = `/v1/users/${userId}/sessions`
    const { items } = (await me.get(path)).body
    expect(items).toMatchObject([{ current: false }, { current: true, userAgent: 'Lynx' }])
    expect(JSON.stringify(items)).not.toMatch(/token|192\.0\.2/)
    const seen = (await moderator.get(path)).body.items
    expect(seen.map(({ id }: { id: string }) => id)).toEqual(
      items.map(({ id }: { id: string }) => id),
    )
    expect(JSON.parse((await ada.get(path)).text).items).toMatchObject([
      { current: true },
      { current: false },
    ])
    await rowsOf("update auth_sessions set expires_at = '2020-01-01T00:00:00.000Z'")
    expect((await moderator.get(path)).body.items).toEqual([])
  })

  test('that is ended opens nothing from then on, and the others stay', async () => {
    const site = loginSite()
    const [ada, other] = [await site.account(ADA), site.browser()]
    await other.post('/auth/sign-in', { email: ADA, password: PASSWORD })
    const [lost, kept] = [site.bearer(await ada.token()), site.bearer(await other.token())]
    const { userId } = (await lost.get('/v1/whoami')).body
    const moderator = await site.memberWith('moderator')
    const [first, second] = (await moderator.get(`/v1/users/${userId}/sessions`)).body.items
    const path = `/v1/users/${userId}/sessions/${first.id}`
    expect((await moderator.delete(path)).status).toBe(204)
    expect((await moderator.delete(path)).status).toBe(404)
    expect((await lost.get('/v1/me')).body).toMatchObject({ code: 'session_revoked' })
    expect((await kept.get('/v1/me')).status).toBe(200)
    expect((await kept.delete(`/v1/users/${userId}/sessions`)).status).toBe(204)
    expect((await kept.get('/v1/me')).body).toMatchObject({ code: 'session_revoked' })
    expect((await moderator.delete(`/v1/users/${userId}/sessions`)).status).toBe(204)
    const log = await rowsOf(
      `select actor, changes from audit_log where action = 'session.end' and target = ? order by id`,
      userId,
    )
    expect(log).toEqual([
      { actor: moderator.userId, changes: JSON.stringify({ sessionId: first.id }) },
      { actor: userId, changes: JSON.stringify({ all: true }) },
    ])
    expect(second.id).not.toBe(first.id)
  })

  test('are nobody else’s: one is not ended by the path of another member', async () => {
    const site = testSite()
    const [root, ada, bob] = [await site.root(), await site.member('ada'), await site.member('bob')]
    const session = await sessionOf(ada.userId)
    for (const caller of [root, bob]) {
      const path = `/v1/users/${bob.userId}/sessions/${session}`
      expect((await caller.delete(path)).status).toBe(404)
    }
    expect((await bob.delete(`/v1/users/${ada.userId}/sessions`)).status).toBe(403)
    expect((await root.get(`/v1/users/usr_${'0'.repeat(26)}/sessions`)).status).toBe(404)
    expect((await root.get(`/v1/users/${ada.userId}/sessions`)).body.items).toHaveLength(1)
  })
})

describe('identities of a member', () => {
  test('are seen by an admin, who unlinks all but the last, and none of their own', async () => {
    const site = testSite()
    const [root, ada] = [await site.root(), await site.member('ada')]
    const stranger = await ISSUER.sign({ sub: 'thief' })
    await ada.post('/v1/me/identities', { token: stranger })
    const path = `/v1/users/${ada.userId}/identities`
    const [mine, thiefs] = (await root.get(path)).body.items
    expect([mine, thiefs]).toMatchObject([
      { subject: 'ada', current: false },
      { subject: 'thief', current: false },
    ])
    expect((await site.bearer(stranger).get('/v1/whoami')).body.userId).toBe(ada.userId)
    expect((await root.delete(`${path}/${thiefs.id}`)).status).toBe(204)
    expect((await site.bearer(stranger).get('/v1/whoami')).body.userId).not.toBe(ada.userId)
    expect((await ada.get('/v1/whoami')).body.userId).toBe(ada.userId)
    const last = await root.delete(`${path}/${mine.id}`)
    expect([last.status, last.body.code]).toEqual([409, 'invalid_state'])
    expect((await root.delete(`${path}/${thiefs.id}`)).status).toBe(404)
    const [own] = (await root.get('/v1/me/identities')).body.items
    const self = await root.delete(`/v1/users/${root.userId}/identities/${own.id}`)
    expect([self.status, self.body.stage]).toEqual([403, 'ownership'])
    const moderator = await site.memberWith('moderator')
    expect((await moderator.get(path)).body.required).toBe('identity:manage')
  })
})
