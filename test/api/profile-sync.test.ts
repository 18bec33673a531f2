/** What a provider says of a member reaches their profile, and never over what a person wrote there. */
import { describe, expect, test } from 'vitest'
import { audited } from '../support/bookings.ts'
import { countingStorage } from '../support/counting.ts'
import { aged } from '../support/identities.ts'
import { type LoginSite, loginSite, PASSWORD } from '../support/login.ts'
import { ISSUER, SETTINGS, type Site, testSite } from '../support/site.ts'
import { makeIssuer, type TestIssuer } from '../support/tokens.ts'

type Claims = Readonly<Record<string, unknown>>

const NOW = Math.floor(Date.now() / 1000)

/** The member's profile after a request with a token that was issued `age` seconds ago. */
async function told(site: Site, age: number, claims: Claims, issuer: TestIssuer = ISSUER) {
  const token = await issuer.sign({ sub: 'ada', iat: NOW - age, exp: NOW + 300, ...claims })
  const ada = site.bearer(token)
  await ada.get('/v1/whoami')
  const { body } = await ada.get('/v1/me')
  return { ada, body, name: body.displayName, email: body.email }
}

const following = async (site: Site, userId: string) => {
  const rows = await audited(await site.root(), userId)
  return rows.filter(({ reason }) => reason === 'told by the provider')
}

describe('a later token of the identity that made the member', () => {
  test('brings a first name and a first or newly confirmed address, with the fields in the audit log', async () => {
    const site = testSite()
    const { body } = await told(site, 100, { email: 'ada@example.com', email_verified: false })
    expect(body).toMatchObject({ displayName: 'New member', email: null })
    const later = await told(site, 90, {
      name: ' Ada\nLovelace ',
      email: 'ada@example.com',
      email_verified: true,
    })
    expect(later).toMatchObject({ name: 'Ada Lovelace', email: 'ada@example.com' })
    expect(await following(site, body.id)).toEqual([
      expect.objectContaining({
        actor: body.id,
        action: 'user.update',
        changes: { fields: ['displayName', 'email'] },
      }),
    ])
    expect(later.body.revision).toBe(body.revision + 1)
    const { body: found } = await (await site.root()).get('/v1/users?q=ada')
    expect(found.items.map(({ id }: { id: string }) => id)).toEqual([body.id])
  })

  test('brings a changed name and address, and is no news once it is written', async () => {
    const site = testSite()
    await told(site, 100, { name: 'Ada', email: 'ada@example.com' })
    const claims = { name: 'Ada King', email: 'ada@example.org' }
    const { body } = await told(site, 50, claims)
    expect(body).toMatchObject({ displayName: 'Ada King', email: 'ada@example.org' })
    await told(site, 50, claims)
    const again = await told(site, 40, claims)
    expect(again.body.revision).toBe(body.revision)
    expect(await following(site, body.id)).toHaveLength(1)
  })

  test('takes nothing away by saying nothing, or something that is no name and no address', async () => {
    const site = testSite()
    await told(site, 100, { name: 'Ada', email: 'ada@example.com' })
    for (const claims of [
      {},
      { name: '', email: '' },
      { name: ' \n', email: null },
      { name: 7, email: 'ada@\nexample.com' },
      { name: 'Ada', email: 'eve@example.com', email_verified: false },
    ]) {
      const { name, email } = await told(site, 10, claims)
      expect({ name, email }).toEqual({ name: 'Ada', email: 'ada@example.com' })
    }
  })

  test('counts only if it is newer: an older one, one as old and one without a time change nothing', async () => {
    const site = testSite()
    await told(site, 100, { name: 'Ada', email: 'ada@example.com' })
    await told(site, 50, { name: 'Ada King', email: 'ada@example.org' })
    for (const [age, claims] of [
      [60, {}],
      [50, {}],
      [0, { iat: undefined }],
    ] as const) {
      const stale = { name: 'Old', email: 'old@example.com', ...claims }
      const { name, email } = await told(site, age, stale)
      expect({ name, email }).toEqual({ name: 'Ada King', email: 'ada@example.org' })
    }
  })

  test('costs no round trip that is waited for, and none at all once it is written', async () => {
    const { storage, costOf } = countingStorage()
    const site = testSite(storage)
    await told(site, 100, { name: 'Ada' })
    const token = await ISSUER.sign({ sub: 'ada', iat: NOW - 50, name: 'Ada King' })
    const ada = site.bearer(token)
    const { body } = await ada.get('/v1/me')
    expect(body.displayName).toBe('Ada')
    expect(await costOf(async () => ada.get('/v1/whoami'))).toEqual({ d1: 1, objects: 0 })
    expect((await ada.get('/v1/me')).body.displayName).toBe('Ada King')
  })

  test('is written once by many requests at once', async () => {
    const site = testSite()
    const { body } = await told(site, 100, { name: 'Ada' })
    const token = await ISSUER.sign({ sub: 'ada', iat: NOW - 50, name: 'Ada King' })
    const calls = Array.from({ length: 10 }, () => site.bearer(token).get('/v1/whoami'))
    const statuses = (await Promise.all(calls)).map(({ status }) => status)
    expect(new Set(statuses)).toEqual(new Set([200]))
    expect(await following(site, body.id)).toHaveLength(1)
  })
})

test('a word that is taken back is followed, too, whoever wrote it meanwhile', async () => {
  const [site, elsewhere] = [testSite(), testSite()]
  await told(site, 100, { name: 'Ada' })
  expect((await told(elsewhere, 90, { name: 'Ada King' })).name).toBe('Ada King')
  expect((await told(site, 80, { name: 'Ada' })).name).toBe('Ada')
})

describe('what a person wrote', () => {
  test('stays: a display name of their own, or of a moderator’s', async () => {
    const site = testSite()
    const { ada, body } = await told(site, 100, { name: 'Ada' })
    await ada.patch('/v1/me', { displayName: 'Countess' })
    const later = await told(site, 50, { name: 'Ada King', email: 'ada@example.com' })
    expect(later).toMatchObject({ name: 'Countess', email: 'ada@example.com' })
    expect((await following(site, body.id)).map(({ changes }) => changes)).toEqual([
      { fields: ['email'] },
    ])
    const bob = await site.member('bob', { iat: NOW - 100, name: 'Bob' })
    const moderator = await site.memberWith('moderator')
    await moderator.patch(`/v1/users/${bob.userId}`, { displayName: 'Robert' })
    await site.member('bob', { iat: NOW - 50, name: 'Bobby' })
    expect((await bob.get('/v1/me')).body.displayName).toBe('Robert')
  })

  test('stays also if it is what the provider had said, and nobody here has heard of it', async () => {
    const [site, elsewhere] = [testSite(), testSite()]
    const { ada } = await told(site, 100, { name: 'Ada' })
    await elsewhere
      .bearer(await ISSUER.sign({ sub: 'ada' }))
      .patch('/v1/me', { displayName: 'Ada' })
    expect((await told(site, 50, { name: 'Ada King' })).name).toBe('Ada')
    expect((await ada.get('/v1/me')).body.displayName).toBe('Ada')
  })

  test('is about its field: another that they wrote keeps nothing out', async () => {
    const site = testSite()
    const { ada } = await told(site, 100, { name: 'Ada' })
    await ada.patch('/v1/me', { bio: 'Countess' })
    expect((await told(site, 50, { name: 'Ada King' })).name).toBe('Ada King')
  })

  test('stays: an address that was confirmed at the login of this site', async () => {
    const site = loginSite()
    const { ada } = await told(site, 100, { name: 'Ada', email: 'ada@example.com' })
    const { person, token } = await unlinkedAccount(site)
    expect((await ada.post('/v1/me/identities', { token })).status).toBe(201)
    await person.post('/auth/email', { current: PASSWORD, email: 'ada@example.org' })
    const confirmed = { token: site.secretFor('ada@example.org') }
    expect((await person.post('/auth/email/confirm', confirmed)).status).toBe(200)
    const later = await told(site, 50, { name: 'Ada King', email: 'ada@example.net' })
    expect(later).toMatchObject({ name: 'Ada King', email: 'ada@example.org' })
  })
})

describe('a linked identity', () => {
  test('tells nothing, so two issuers do not flip a profile', async () => {
    const other = await makeIssuer({ issuer: 'https://other.example' })
    const [{ issuer, audience, jwks }] = [other]
    const trusted = [...JSON.parse(SETTINGS.TRUSTED_ISSUERS), { issuer, audience, jwks }]
    const site = testSite({ TRUSTED_ISSUERS: JSON.stringify(trusted) })
    const { ada, body } = await told(site, 100, { name: 'Ada', email: 'ada@example.com' })
    const token = await other.sign({ sub: 'ada' })
    expect((await ada.post('/v1/me/identities', { token })).status).toBe(201)
    const claims = { name: 'Eve', email: 'eve@example.com' }
    const linked = await told(site, 50, claims, other)
    expect(linked.body).toEqual(body)
    const later = await told(site, 40, { name: 'Ada King' })
    expect(later.name).toBe('Ada King')
  })
})

/** A built-in account that is a member of its own no more. */
async function unlinkedAccount(site: LoginSite) {
  const person = await site.account('ada@example.com')
  const token = await person.token()
  const outside = await ISSUER.sign({ sub: 'first' })
  await site.bearer(token).post('/v1/me/identities', { token: outside })
  const first = site.bearer(outside)
  const [builtIn] = (await first.get('/v1/me/identities')).body.items
  await aged(8 * 86_400_000)
  expect((await first.delete(`/v1/me/identities/${builtIn.id}`)).status).toBe(204)
  return { person, token }
}
