import { describe, expect, it } from 'vitest'
import { ORIGIN, testSite } from '../support/site.ts'
import { ISSUER } from '../support/site.ts'

/** The syntax of one challenge with quoted parameters (RFC 9110, section 11.6.1). */
const CHALLENGE =
  /^Bearer (\w+="[\x20\x21\x23-\x5b\x5d-\x7e]*")(, \w+="[\x20\x21\x23-\x5b\x5d-\x7e]*")*$/

describe('RFC 6750, section 3: WWW-Authenticate', () => {
  it('has no error code if the request carried no credential', async () => {
    const { status, headers } = await testSite().anonymous.get('/v1/me')
    expect([status, headers.get('WWW-Authenticate')]).toEqual([401, 'Bearer realm="guildhall"'])
  })

  it.each([
    ['a malformed token', 'x', 'invalid_token'],
    ['an expired token', ISSUER.sign({ exp: 1_600_000_000 }), 'invalid_token'],
    ['an API key nobody has', 'guild_x', 'invalid_api_key'],
  ])('says error="invalid_token" for %s, with a description', async (_, token, code) => {
    const { status, headers, body } = await testSite()
      .bearer(await token)
      .get('/v1/badges')
    const challenge = headers.get('WWW-Authenticate') ?? ''
    expect([status, body.code]).toEqual([401, code])
    expect(challenge).toMatch(CHALLENGE)
    expect(challenge).toContain('realm="guildhall", error="invalid_token", error_description="')
  })

  it('says error="insufficient_scope" and the permission it takes', async () => {
    const ada = await testSite().member('ada')
    const { status, headers } = await ada.get('/v1/audit')
    expect([status, headers.get('WWW-Authenticate')]).toEqual([
      403,
      'Bearer realm="guildhall", error="insufficient_scope", scope="audit:read"',
    ])
  })

  it('is not sent where another credential would not help', async () => {
    const site = testSite()
    const ada = await site.member('ada')
    const answers = [
      await ada.get('/v1/me'),
      await ada.get('/v1/nothing'),
      await site.anonymous.get('/v1/badges?limit=0'),
    ]
    expect(answers.map(({ headers }) => headers.get('WWW-Authenticate'))).toEqual([
      null,
      null,
      null,
    ])
  })

  it('section 2.3: a token in the query is no credential', async () => {
    const site = testSite()
    const { token } = await site.member('ada')
    const asMember = await site.anonymous.get(`/v1/me?access_token=${token}`)
    expect([asMember.status, asMember.body.code]).toEqual([401, 'unauthenticated'])
    // No route has such a parameter, so where nobody has to be known it is refused as one.
    const open = await site.anonymous.get(`/v1/whoami?access_token=${token}`)
    expect([open.status, open.text.includes(token)]).toEqual([422, false])
  })

  it('section 2.2: a token in a form body is no credential', async () => {
    const site = testSite()
    const { token } = await site.member('ada')
    const answer = await site.fetch(
      new Request(`${ORIGIN}/v1/me/visits`, {
        method: 'POST',
        headers: { 'Content-Type': 'application/x-www-form-urlencoded' },
        body: `access_token=${token}`,
      }),
    )
    expect(answer.status).toBe(401)
  })
})
