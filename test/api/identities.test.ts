/** A member links identities by a token of each, never by what a token says of its bearer. */
import { env } from 'cloudflare:workers'
import { describe, expect, test } from 'vitest'
import { MAX_IDENTITIES } from '../../src/repositories/linked-identities.ts'
import { bookingScene } from '../support/bookings.ts'
import { dump } from '../support/dump.ts'
import { aged } from '../support/identities.ts'
import { interruptedStorage } from '../support/failing.ts'
import { partner } from '../support/keys.ts'
import { rowsOf } from '../support/population.ts'
import { type Client, ISSUER, type Reply, testSite } from '../support/site.ts'
import { makeIssuer } from '../support/tokens.ts'
import { TIME } from '../support/shapes.ts'

const PATH = '/v1/me/identities'
const OTHER = await makeIssuer({ issuer: 'https://other.example' })
const STRANGER = await makeIssuer({ issuer: 'https://stranger.example' })
const TRUSTED_ISSUERS = JSON.stringify([
  { issuer: ISSUER.issuer, audience: ISSUER.audience, jwks: ISSUER.jwks },
  { issuer: OTHER.issuer, audience: OTHER.audience, jwks: OTHER.jwks },
])

function siteOfTwo(overrides: Parameters<typeof testSite>[0] = {}) {
  const site = testSite({ TRUSTED_ISSUERS, ...overrides })
  /** A client with a token of the other issuer. */
  const by = async (sub: string, claims: object = {}) => {
    const token = await OTHER.sign({ sub, ...claims })
    return { ...site.bearer(token), token }
  }
  return { ...site, by }
}

const whoIs = async (client: Client) => (await client.get('/v1/whoami')).body.userId
const statusesOf = (answers: readonly Reply[]) =>
  answers.map(({ status }) => status).sort((a, b) => a - b)
const link = (client: Client, { token }: { token: string }) => client.post(PATH, { token })

/** Ada, who has linked her identity at the other issuer. */
async function linkedAda(overrides: Parameters<typeof testSite>[0] = {}) {
  const site = siteOfTwo(overrides)
  const [ada, elsewhere] = [await site.member('ada'), await site.by('a-d-a')]
  const { status, body } = await link(ada, elsewhere)
  expect(status).toBe(201)
  const { items } = (await ada.get(PATH)).body
  return { site, ada, elsewhere, second: `${PATH}/${body.id}`, first: `${PATH}/${items[0].id}` }
}

describe('linking', () => {
  test('makes two issuers lead to one member, who sees both and which one they came with', async () => {
    const { ada, elsewhere } = await linkedAda()
    expect(await whoIs(elsewhere)).toBe(ada.userId)
    const id = expect.stringMatching(/^idn_[0-9a-f]{32}$/)
    const here = { id, issuer: ISSUER.issuer, subject: 'ada', createdAt: TIME }
    const there = { id, issuer: OTHER.issuer, subject: 'a-d-a', createdAt: TIME }
    expect((await ada.get(PATH)).body).toEqual({
      items: [
        { ...here, current: true },
        { ...there, current: false },
      ],
      nextCursor: null,
    })
    expect((await elsewhere.get(PATH)).body.items).toMatchObject([
      { subject: 'ada', current: false },
      { subject: 'a-d-a', current: true },
    ])
  })

  test('changes neither profile nor rights, and is on record without the subject', async () => {
    const site = siteOfTwo()
    const ada = await site.member('ada', { email: 'ada@here.example', name: 'Ada' })
    const before = (await ada.get('/v1/me')).body
    const elsewhere = await site.by('a-d-a', { email: 'ada@other.example', name: 'Other' })
    await link(ada, elsewhere)
    expect((await elsewhere.get('/v1/me')).body).toEqual(before)
    const audit = await rowsOf(`select * from audit_log where action = 'identity.link'`)
    expect(audit).toMatchObject([{ actor: ada.userId, target: ada.userId }])
    expect(JSON.stringify(audit)).not.toContain('a-d-a')
  })

  test('answers 200 for what is theirs already, and a repeated request what it answered before', async () => {
    const { site, ada, elsewhere } = await linkedAda()
    expect(await link(ada, elsewhere)).toMatchObject({ status: 200, body: { current: false } })
    expect(await link(ada, ada)).toMatchObject({ status: 200, body: { current: true } })
    const [headers, { token }] = [{ 'Idempotency-Key': 'once' }, await site.by('third')]
    const made = await ada.post(PATH, { token }, { headers })
    const again = await ada.post(PATH, { token }, { headers })
    expect([made.status, again.status, again.body]).toEqual([201, 201, made.body])
    expect(again.headers.get('Idempotency-Replayed')).toBe('true')
    expect(await rowsOf(`select id from audit_log where action = 'identity.link'`)).toHaveLength(2)
  })

  test('is never done by an address, however verified: the same one at two issuers is two members', async () => {
    const site = siteOfTwo()
    const claims = { email: 'ada@example.com', email_verified: true }
    const [ada, elsewhere] = [await site.member('ada', claims), await site.by('a-d-a', claims)]
    expect(await whoIs(elsewhere)).not.toBe(ada.userId)
    expect(await rowsOf('select user_id from identities')).toHaveLength(2)
  })

  test('is refused for an identity of another member: nobody is merged', async () => {
    const { site, elsewhere } = await linkedAda()
    const ben = await site.member('ben')
    const before = await dump()
    for (const token of [elsewhere, await site.member('ada')]) {
      expect(await link(ben, token)).toMatchObject({ status: 409, body: { code: 'conflict' } })
    }
    expect(await dump()).toEqual(before)
  })

  test('by two members at once succeeds for one', async () => {
    const site = siteOfTwo()
    const [ada, ben] = [await site.member('ada'), await site.member('ben')]
    const elsewhere = await site.by('shared')
    const answers = await Promise.all([link(ada, elsewhere), link(ben, elsewhere)])
    expect(statusesOf(answers)).toEqual([201, 409])
    const winner = answers[0].status === 201 ? ada : ben
    expect(await whoIs(elsewhere)).toBe(winner.userId)
  })

  test('is done by members: not by keys, by the suspended, or by nobody', async () => {
    const site = siteOfTwo()
    const [root, ada] = [await site.root(), await site.member('ada')]
    const key = await partner(site, { scopes: ['profile:update', 'profile:read'] })
    const elsewhere = await site.by('a-d-a')
    await root.post(`/v1/users/${ada.userId}/suspend`)
    const refusals: readonly [Client, number, string][] = [
      [key, 403, 'members_only'],
      [ada, 403, 'suspended'],
      [site.anonymous, 401, 'unauthenticated'],
    ]
    for (const [client, status, code] of refusals) {
      expect(await link(client, elsewhere)).toMatchObject({ status, body: { code } })
      expect(await client.get(PATH)).toMatchObject({ status, body: { code } })
    }
    expect(await whoIs(elsewhere)).not.toBe(ada.userId)
  })

  test('ends at a number of identities that one answer can list', async () => {
    const site = siteOfTwo()
    const ada = await site.member('ada')
    for (let count = 1; count < MAX_IDENTITIES; count++) {
      expect((await link(ada, await site.by(`id-${count}`))).status).toBe(201)
    }
    const refused = await link(ada, await site.by('one too many'))
    expect(refused).toMatchObject({ status: 409, body: { code: 'invalid_state' } })
    expect((await ada.get(PATH)).body.items).toHaveLength(MAX_IDENTITIES)
  })
})

describe('a token that would be refused as a credential proves nothing here either: 422', () => {
  const now = Math.floor(Date.now() / 1000)
  const tokens: readonly [string, () => Promise<string>][] = [
    ['has expired', () => OTHER.sign({ exp: now - 60 })],
    ['is for another audience', () => OTHER.sign({ aud: 'elsewhere' })],
    ['is from an issuer nobody trusts', () => STRANGER.sign()],
    ['is signed by another key', () => OTHER.sign({}, {}, STRANGER.privateKey)],
    ['is of nobody', () => OTHER.sign({ sub: '' })],
    ['is issued in the future', () => OTHER.sign({ iat: now + 600 })],
    ['is no access token', () => OTHER.sign({}, { typ: 'dpop+jwt' })],
    ['is an API key', async () => `guild_${'0'.repeat(40)}`],
    ['looks like one', async () => 'guild_a.b.c'],
    ['is no token', async () => 'a.b.c'],
    ['would be two headers', async () => 'a.b.c\r\nX-API-Key: d'],
    ['would be two tokens', async () => `${await OTHER.sign()},${await OTHER.sign()}`],
    ['is empty', async () => ''],
  ]

  test.each(tokens)('one that %s', async (_, make) => {
    const site = siteOfTwo()
    const ada = await site.member('ada')
    const before = await dump()
    const { status, body } = await link(ada, { token: await make() })
    expect({ status, code: body.code, errors: body.errors }).toMatchObject({
      status: 422,
      code: 'validation_failed',
      errors: [{ in: 'json', path: 'token' }],
    })
    expect(await dump()).toEqual(before)
  })

  test('one of a visitor, who is nobody to be signed in as', async () => {
    const site = siteOfTwo()
    const ada = await site.member('ada')
    const { token } = (await site.anonymous.post('/v1/visitors')).body
    expect(await link(ada, { token })).toMatchObject({
      status: 422,
      body: { errors: [{ in: 'json', path: 'token' }] },
    })
  })

  test('one from before its member was deleted, but not one from after', async () => {
    const { site, ada, elsewhere } = await linkedAda()
    await (await site.root()).delete(`/v1/users/${ada.userId}`)
    const ben = await site.member('ben')
    expect((await link(ben, elsewhere)).status).toBe(422)
    expect((await elsewhere.get('/v1/whoami')).body.code).toBe('session_revoked')
    const later = await site.by('a-d-a', { iat: Math.floor(Date.now() / 1000) + 5 })
    expect((await link(ben, later)).status).toBe(201)
  })
})

const WEEK_MS = 7 * 86_400_000

describe('unlinking', () => {
  test('is not a new identity’s to do to an older one: a stolen token does not take the member along', async () => {
    const { ada, elsewhere, first } = await linkedAda()
    const refusal = { status: 409, body: { code: 'invalid_state' } }
    expect(await elsewhere.delete(first)).toMatchObject(refusal)
    await aged(WEEK_MS - 60_000)
    expect(await elsewhere.delete(first)).toMatchObject(refusal)
    expect(await whoIs(ada)).toBe(await whoIs(elsewhere))
    await aged(WEEK_MS + 60_000)
    expect((await elsewhere.delete(first)).status).toBe(204)
  })

  test('leaves the other identity to the member, and makes this one somebody new', async () => {
    const { ada, elsewhere, second } = await linkedAda()
    expect((await ada.delete(second)).status).toBe(204)
    expect((await ada.get(PATH)).body.items).toMatchObject([{ subject: 'ada', current: true }])
    const stranger = await elsewhere.get('/v1/me')
    expect(stranger).toMatchObject({ status: 200, body: { roles: ['member'] } })
    expect(stranger.body.id).not.toBe(ada.userId)
    expect((await ada.delete(second)).status).toBe(404)
    const audit = `select actor, target from audit_log where action = 'identity.unlink'`
    expect(await rowsOf(audit)).toEqual([{ actor: ada.userId, target: ada.userId }])
  })

  test('is refused for the identity one came with, so that nobody loses the last', async () => {
    const { ada, elsewhere, first, second } = await linkedAda()
    await aged(2 * WEEK_MS)
    const refusal = { status: 409, body: { code: 'invalid_state' } }
    expect(await ada.delete(first)).toMatchObject(refusal)
    expect(await elsewhere.delete(second)).toMatchObject(refusal)
    expect((await elsewhere.delete(first)).status).toBe(204)
    expect(await elsewhere.delete(second)).toMatchObject(refusal)
    expect(await whoIs(elsewhere)).toBe(ada.userId)
  })

  test('from both sides at once leaves one', async () => {
    const { ada, elsewhere, first, second } = await linkedAda()
    await aged(2 * WEEK_MS)
    const answers = await Promise.all([ada.delete(second), elsewhere.delete(first)])
    expect(statusesOf(answers)).toEqual([204, 404])
    const left = await rowsOf('select subject from identities where user_id = ?', ada.userId)
    expect(left).toHaveLength(1)
  })

  test('is nobody else’s to do', async () => {
    const { site, ada, first, second } = await linkedAda()
    const [root, before] = [await site.root(), await dump()]
    for (const path of [first, second]) expect((await root.delete(path)).status).toBe(404)
    expect(await dump()).toEqual(before)
    expect((await ada.get(PATH)).body.items).toHaveLength(2)
  })

  test('voids what was under way with the identity: it is decided anew, for whom it is now', async () => {
    const { site, ada, elsewhere, second } = await linkedAda()
    const root = await site.root()
    await root.put(`/v1/users/${ada.userId}/roles/moderator`)
    const storage = interruptedStorage(
      ({ text }) => text.includes('insert into acting'),
      () => ada.delete(second),
    )
    const late = siteOfTwo(storage).bearer(elsewhere.token)
    const answer = await late.patch(`/v1/users/${root.userId}`, { bio: 'mine' })
    expect(answer).toMatchObject({ status: 403, body: { code: 'forbidden' } })
    expect(await rowsOf(`select id from audit_log where action = 'profile.update'`)).toEqual([])
  })

  test('leaves what is made with it meanwhile, and the answer that is kept, to whom it is now', async () => {
    const { site, ada, elsewhere, second } = await linkedAda()
    const slotId = await (await bookingScene(site)).slot({}, { capacity: 2 })
    const storage = interruptedStorage(
      ({ text }) => text.includes('insert into acting'),
      () => ada.delete(second),
    )
    const book = (who: Client) =>
      who.post('/v1/bookings', { slotId }, { headers: { 'Idempotency-Key': 'once' } })
    const made = await book(siteOfTwo(storage).bearer(elsewhere.token))
    const stranger = await whoIs(elsewhere)
    expect(stranger).not.toBe(ada.userId)
    expect(made).toMatchObject({ status: 201, body: { owner: stranger } })
    expect(await rowsOf('select caller from idempotency_keys')).toEqual([{ caller: stranger }])
    expect((await book(elsewhere)).body).toEqual(made.body)
    const hers = await book(ada)
    expect(hers).toMatchObject({ status: 201, body: { owner: ada.userId } })
    expect(hers.headers.has('Idempotency-Replayed')).toBe(false)
  })
})

describe('BOOTSTRAP_ADMINS and linked identities', () => {
  const listed = { BOOTSTRAP_ADMINS: JSON.stringify([`${OTHER.issuer}|chief`]) }
  const admins = () => rowsOf(`select user_id from user_roles where role = 'admin'`)

  test('a listed identity makes its member an admin when it first comes, not by being linked', async () => {
    const site = siteOfTwo(listed)
    const [ada, chief] = [await site.member('ada'), await site.by('chief')]
    expect((await link(ada, chief)).status).toBe(201)
    expect(await admins()).toEqual([])
    expect((await chief.get('/v1/whoami')).body.roles).toEqual(['member', 'admin'])
    expect(await admins()).toEqual([{ user_id: ada.userId }])
    const audit = await rowsOf(`select * from audit_log where action = 'role.assign'`)
    expect(audit).toMatchObject([{ target: ada.userId, reason: 'listed in BOOTSTRAP_ADMINS' }])
  })

  /** A site where the chief was an admin and is one no more; everybody else came later. */
  async function demotedChief() {
    const site = siteOfTwo({
      BOOTSTRAP_ADMINS: JSON.stringify([`${ISSUER.issuer}|root`, `${OTHER.issuer}|chief`]),
    })
    const [root, chief] = [await site.root(), await site.by('chief')]
    const userId = await whoIs(chief)
    await root.delete(`/v1/users/${userId}/roles/admin`)
    expect(await admins()).toEqual([{ user_id: root.userId }])
    return { site, root, chief, userId }
  }

  test('a demotion lasts when the identity leaves its member and comes back, alone or linked anew', async () => {
    const { site, root, chief } = await demotedChief()
    const spare = await site.by('spare')
    await link(chief, spare)
    const { items } = (await spare.get(PATH)).body
    await aged(2 * WEEK_MS)
    await spare.delete(`${PATH}/${items[0].id}`)
    const ada = await site.member('ada')
    expect((await link(ada, chief)).status).toBe(201)
    expect((await chief.get('/v1/whoami')).body).toMatchObject({ roles: ['member'] })
    const mine = (await ada.get(PATH)).body.items
    await ada.delete(`${PATH}/${mine[1].id}`)
    expect((await chief.get('/v1/whoami')).body).toMatchObject({ roles: ['member'] })
    expect(await admins()).toEqual([{ user_id: root.userId }])
  })

  test('it lasts when the member is deleted and signs in again', async () => {
    const { site, root, userId } = await demotedChief()
    await root.delete(`/v1/users/${userId}`)
    const later = await site.by('chief', { iat: Math.floor(Date.now() / 1000) + 5 })
    expect((await later.get('/v1/whoami')).body).toMatchObject({ roles: ['member'] })
    expect(await admins()).toEqual([{ user_id: root.userId }])
  })

  test('one who was never an admin by the setting can still be listed later', async () => {
    const { ada, elsewhere, second } = await linkedAda()
    await ada.delete(second)
    const BOOTSTRAP_ADMINS = JSON.stringify([`${OTHER.issuer}|a-d-a`])
    const after = siteOfTwo({ BOOTSTRAP_ADMINS }).bearer(elsewhere.token)
    expect((await after.get('/v1/whoami')).body.roles).toEqual(['member', 'admin'])
  })
})

test('a deleted member’s identities are all erased, and their tokens refused', async () => {
  const { site, ada, elsewhere } = await linkedAda()
  const root = await site.root()
  expect((await root.delete(`/v1/users/${ada.userId}`)).status).toBe(204)
  for (const client of [ada, elsewhere]) {
    expect(await client.get('/v1/me')).toMatchObject({
      status: 401,
      body: { code: 'session_revoked' },
    })
  }
  const { results } = await env.DB.prepare('select subject from identities').all()
  expect(results).toEqual([{ subject: 'root' }])
  expect(await rowsOf('select identity_hash from erased_identities')).toHaveLength(2)
  expect(JSON.stringify(await dump())).not.toContain('a-d-a')
})
