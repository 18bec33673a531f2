import { describe, expect, test } from 'vitest'
import { env } from 'cloudflare:workers'
import { loginSite } from '../support/login.ts'
import { rowsOf } from '../support/population.ts'
import { ISSUER, testSite } from '../support/site.ts'

const seconds = (ago: number) => Math.floor(Date.now() / 1000) - ago
const signedIn = async (sub: string, ago: number) =>
  testSite().bearer(await ISSUER.sign({ sub, auth_time: seconds(ago) }))
const members = () => rowsOf('select id from users')

describe('a member deletes themselves', () => {
  test('with a token that says that they have signed in just now, and is on record for it', async () => {
    const ada = await signedIn('ada', 590)
    const { id } = (await ada.get('/v1/me')).body
    expect((await ada.delete('/v1/me')).status).toBe(204)
    expect(await members()).toEqual([])
    expect(
      await rowsOf("select actor, target from audit_log where action = 'user.delete'"),
    ).toEqual([{ actor: id, target: id }])
    expect((await ada.get('/v1/me')).body.code).toBe('session_revoked')
  })

  test('with a session of the built-in login, by cookie or token, and with it their account', async () => {
    const site = loginSite()
    const ada = await site.account('ada@example.com')
    expect((await ada.send('DELETE', '/v1/me')).status).toBe(204)
    const ben = await site.account('ben@example.com')
    expect((await site.bearer(await ben.token()).delete('/v1/me')).status).toBe(204)
    for (const table of ['users', 'auth_users', 'auth_sessions', 'auth_accounts']) {
      expect(await rowsOf(`select 1 from ${table}`)).toEqual([])
    }
  })

  test.each([
    ['ten minutes ago', { auth_time: seconds(601) }],
    ['in the future', { auth_time: seconds(-120) }],
    ['at no time that the token says', {}],
    ['at a time that is none', { auth_time: 'now' }],
  ])('but not having signed in %s', async (_, claims) => {
    const site = testSite()
    const ada = site.bearer(await ISSUER.sign({ sub: 'ada', ...claims }))
    const { status, body } = await ada.delete('/v1/me')
    expect([status, body.code, body.stage]).toEqual([403, 'session_too_old', 'session'])
    expect(await members()).toHaveLength(1)
  })

  test('but not with a session from a while ago, however new its token', async () => {
    const site = loginSite()
    const ada = await site.account('ada@example.com')
    const begun = new Date(Date.now() - 601_000).toISOString()
    await env.DB.prepare('update auth_sessions set created_at = ?').bind(begun).run()
    expect((await ada.send('DELETE', '/v1/me')).status).toBe(403)
    expect((await site.bearer(await ada.token()).delete('/v1/me')).status).toBe(403)
    expect(await members()).toHaveLength(1)
  })

  test('but not as the last admin, nor at a revision of before', async () => {
    const root = await signedIn('root', 1)
    expect((await root.delete('/v1/me')).body.code).toBe('last_admin')
    const ada = await signedIn('ada', 1)
    await ada.patch('/v1/me', { bio: 'New' })
    const stale = { headers: { 'If-Match': '"1"' } }
    expect((await ada.delete('/v1/me', stale)).status).toBe(412)
    expect(await members()).toHaveLength(2)
  })

  test('and nobody else: a member with that right does not delete others by their id', async () => {
    const [ada, ben] = [await signedIn('ada', 1), await testSite().member('ben')]
    const { status, body } = await ada.delete(`/v1/users/${ben.userId}`)
    expect([status, body.required, body.reach]).toEqual([403, 'profile:delete', 'any'])
  })

  test.each(['off', ''])(
    'only where the site allows it: SELF_DELETION=%s',
    async (SELF_DELETION) => {
      const site = testSite({ SELF_DELETION })
      const ada = site.bearer(await ISSUER.sign({ sub: 'ada', auth_time: seconds(1) }))
      const { status, body } = await ada.delete('/v1/me')
      expect([status, body.code]).toEqual([409, 'invalid_state'])
      expect(await members()).toHaveLength(1)
    },
  )
})
