import { env } from 'cloudflare:workers'
import { describe, expect, test } from 'vitest'
import { loginSite, PASSWORD } from '../support/login.ts'

const ADA = 'ada@example.com'

describe('the way in', () => {
  test('leads from a mailed link and a password of one’s own to a member', async () => {
    const site = loginSite()
    const ada = site.browser()
    expect(
      (await ada.post('/auth/sign-up', { name: 'Ada', email: 'Ada@Example.com' })).status,
    ).toBe(200)
    const verified = await ada.post('/auth/verify', {
      token: site.secretFor(ADA),
      password: PASSWORD,
    })
    expect(verified).toMatchObject({ status: 303, location: '/auth/account' })
    expect((await ada.get('/auth/account')).text).toContain(ADA)

    const member = site.bearer(await ada.token())
    const { body } = await member.get('/v1/me')
    expect(body).toMatchObject({ displayName: 'Ada', email: ADA })
    const identities = 'select 1 from identities join auth_users on subject = auth_users.id'
    expect((await env.DB.prepare(identities).all()).results).toHaveLength(1)
  })
})
