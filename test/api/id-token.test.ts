/** An ID token fills in its bearer's profile, and does nothing else. */
import { describe, expect, test } from 'vitest'
import { audited } from '../support/bookings.ts'
import { idTokenFor } from '../support/identities.ts'
import { CLIENT_ID, ISSUER, type Member, SETTINGS, testSite } from '../support/site.ts'
import { makeIssuer } from '../support/tokens.ts'

type Claims = Readonly<Record<string, unknown>>

const NOW = Math.floor(Date.now() / 1000)
const SAYS = { name: 'Ada', email: 'ada@example.com', email_verified: true }

const send = async (member: Member, claims: Claims = SAYS) =>
  member.post('/v1/me/id-token', { idToken: await idTokenFor(member.token, claims) })

describe('an ID token about the caller', () => {
  test('fills in their name and address, by an act of theirs that names the fields', async () => {
    const site = testSite()
    const ada = await site.member('ada')
    const { status, body } = await send(ada)
    expect(status).toBe(200)
    expect(body).toMatchObject({
      displayName: 'Ada',
      email: 'ada@example.com',
      revision: 2,
    })
    expect((await ada.get('/v1/me')).body).toEqual(body)
    const rows = await audited(await site.root(), ada.userId)
    expect(rows).toContainEqual(
      expect.objectContaining({
        actor: ada.userId,
        action: 'profile.update',
        changes: { fields: ['displayName', 'email'] },
      }),
    )
    expect((await send(ada)).body.revision).toBe(2)
  })

  test('is good for one of the site’s clients among others, if it was issued to it', async () => {
    const ada = await testSite().member('ada')
    const { status } = await send(ada, { aud: ['other', CLIENT_ID], azp: CLIENT_ID, ...SAYS })
    expect(status).toBe(200)
  })

  test('may be older than the access token where nothing was said yet, but undoes nothing', async () => {
    const site = testSite()
    const ada = await site.member('ada', { iat: NOW - 10 })
    expect((await send(ada, { name: 'Ada', iat: NOW - 60 })).body.displayName).toBe('Ada')
    const older = { name: 'Old', email: 'ada@example.com', iat: NOW - 30 }
    const { body } = await send(ada, older)
    expect(body).toMatchObject({ displayName: 'Ada', email: 'ada@example.com' })
    const newer = { name: 'Ada King', email: 'ada@example.org', iat: NOW - 5 }
    expect((await send(ada, newer)).body).toMatchObject({
      displayName: 'Ada King',
      email: 'ada@example.org',
    })
    await site.member('ada', { iat: NOW - 7, name: 'Old' })
    expect((await ada.get('/v1/me')).body.displayName).toBe('Ada King')
  })

  test.each([{ name: 'Ada' }, { email: 'ada@example.com' }])(
    'is not undone by an older word where nobody has heard of it: %o',
    async (said) => {
      const [site, elsewhere] = [testSite(), testSite()]
      const ada = await site.member('ada', { iat: NOW - 10 })
      const idToken = await idTokenFor(ada.token, { ...said, iat: NOW - 60 })
      const { body } = await elsewhere.bearer(ada.token).post('/v1/me/id-token', { idToken })
      const [word] = Object.keys(said)
      await site.member('ada', { [String(word)]: 'Older', iat: NOW - 30 })
      expect((await ada.get('/v1/me')).body).toEqual(body)
    },
  )

  test('changes nothing that a person wrote, and takes no address that is not confirmed', async () => {
    const ada = await testSite().member('ada')
    await ada.patch('/v1/me', { displayName: 'Countess' })
    const { body } = await send(ada, { ...SAYS, email_verified: false })
    expect(body).toMatchObject({ displayName: 'Countess', email: null, revision: 2 })
  })

  test('is no credential, and links nobody', async () => {
    const site = testSite()
    const ada = await site.member('ada')
    const idToken = await idTokenFor(ada.token, SAYS)
    const { status, body } = await site.bearer(idToken).get('/v1/whoami')
    expect({ status, code: body.code }).toEqual({ status: 401, code: 'invalid_token' })
    const before = (await ada.get('/v1/me/identities')).body
    await ada.post('/v1/me/id-token', { idToken })
    expect((await ada.get('/v1/me/identities')).body).toEqual(before)
    const linked = await ada.post('/v1/me/identities', { token: idToken })
    expect(linked.status).toBe(422)
  })
})

/** Changes of the claims of a good one, and of its header. */
const WRONG: Readonly<Record<string, readonly [Claims, Claims?]>> = {
  'for a client that is not listed': [{ aud: 'another-client' }],
  'for nobody': [{ aud: undefined }],
  'for somebody who is no text': [{ aud: [CLIENT_ID, 7] }],
  'issued to a client that is not listed': [{ aud: [CLIENT_ID, 'other'], azp: 'other' }],
  'an access token': [{ aud: ISSUER.audience }],
  'an access token by its type': [{}, { typ: 'at+jwt' }],
  'an access token by its use': [{ token_use: 'access' }],
  'a logout token': [{ events: {} }],
  'a logout token by its type': [{}, { typ: 'logout+jwt' }],
  'about somebody else': [{ sub: 'eve' }],
  'by somebody else': [{ iss: 'https://other.example' }],
  expired: [{ exp: NOW - 60 }],
  'of tomorrow': [{ iat: NOW + 3600 }],
}

describe('refused, and nothing is changed', () => {
  test.each(Object.entries(WRONG))('%s', async (_, [claims, header]) => {
    const ada = await testSite().member('ada')
    const before = (await ada.get('/v1/me')).body
    const said = { aud: CLIENT_ID, sub: 'ada', ...SAYS, ...claims }
    const reply = await ada.post('/v1/me/id-token', { idToken: await ISSUER.sign(said, header) })
    expect(reply.status).toBe(422)
    expect(reply.body.errors).toMatchObject([{ in: 'json', path: 'idToken' }])
    expect((await ada.get('/v1/me')).body).toEqual(before)
  })

  test('signed by a key that is not its issuer’s', async () => {
    const ada = await testSite().member('ada')
    const forger = await makeIssuer()
    const idToken = await forger.sign({ aud: CLIENT_ID, sub: 'ada', ...SAYS })
    expect((await ada.post('/v1/me/id-token', { idToken })).status).toBe(422)
  })

  test('by another issuer, also if its clients are listed and its subject is called the same', async () => {
    const { site, other } = await withAnother({ clientIds: [CLIENT_ID] })
    const ada = await site.member('ada')
    const idToken = await other.sign({ aud: CLIENT_ID, sub: 'ada', ...SAYS })
    const { status, body } = await ada.post('/v1/me/id-token', { idToken })
    expect({ status, says: body.errors[0].message }).toMatchObject({
      status: 422,
      says: expect.stringMatching(/somebody else/),
    })
  })

  test('by an issuer without clients', async () => {
    const { site, other } = await withAnother({})
    const ada = site.bearer(await other.sign({ sub: 'ada' }))
    const idToken = await other.sign({ aud: CLIENT_ID, sub: 'ada', ...SAYS })
    expect((await ada.post('/v1/me/id-token', { idToken })).status).toBe(422)
  })

  test('by the caller’s issuer, if the caller has linked it later', async () => {
    const { site, other } = await withAnother({ clientIds: [CLIENT_ID] })
    const ada = await site.member('ada')
    const token = await other.sign({ sub: 'ada' })
    expect((await ada.post('/v1/me/identities', { token })).status).toBe(201)
    const idToken = await other.sign({ aud: CLIENT_ID, sub: 'ada', ...SAYS })
    const { status, body } = await site.bearer(token).post('/v1/me/id-token', { idToken })
    expect({ status, code: body.code }).toEqual({ status: 409, code: 'invalid_state' })
    expect((await ada.get('/v1/me')).body.displayName).toBe('New member')
  })
})

/** A site that trusts one more issuer, with these settings besides. */
async function withAnother(more: object) {
  const other = await makeIssuer({ issuer: 'https://other.example' })
  const { issuer, audience, jwks } = other
  const listed = [...JSON.parse(SETTINGS.TRUSTED_ISSUERS), { issuer, audience, jwks, ...more }]
  return { other, site: testSite({ TRUSTED_ISSUERS: JSON.stringify(listed) }) }
}
