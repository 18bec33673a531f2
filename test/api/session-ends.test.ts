/** What an issuer says has ended is refused at the next request, and nothing else is. */
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { failingStorage, interruptedStorage } from '../support/failing.ts'
import type { StorageCall } from '../support/intercept.ts'
import { partner, rightsAtGate } from '../support/keys.ts'
import { rowsOf } from '../support/population.ts'
import { ISSUER, type Reply, SETTINGS } from '../support/site.ts'
import { logoutToken, seconds, securityEvent, tellingSite, TELLS } from '../support/signals.ts'
import { makeIssuer } from '../support/tokens.ts'

const DAY = 86_400
const REVOKED = { status: 401, body: { code: 'session_revoked', stage: 'session' } }

beforeEach(() => {
  vi.spyOn(console, 'warn').mockReturnValue()
})
afterEach(() => {
  vi.restoreAllMocks()
})

const outcome = ({ status, body }: Reply) => ({ status, body })
const endings = (userId: string) =>
  rowsOf<{ actor: string; reason: string; changes: string }>(
    "select actor, reason, changes from audit_log where action = 'session.end' and target = ?",
    userId,
  )

describe('after a logout token', () => {
  test('the very next call is refused, of whatever kind, by whoever has met the member or not', async () => {
    const site = tellingSite()
    const ada = await site.memberWith('moderator', 'ada')
    const other = await site.member('other')
    expect((await ada.get('/v1/users')).status).toBe(200)
    expect((await site.signOut('ada')).status).toBe(200)
    for (const { bearer } of [site, tellingSite()]) {
      const again = bearer(ada.token)
      const calls = [
        again.get('/v1/whoami'),
        again.get('/v1/badges'),
        again.get('/v1/nothing'),
        again.get('/v1/users'),
        again.get(`/v1/users/${other.userId}/visits`),
        again.patch('/v1/me', { bio: 'x' }),
        again.post('/v1/me/visits', {}, { headers: { 'Idempotency-Key': 'x' } }),
        again.post('/v1/explain', { call: { method: 'GET', path: '/v1/me' } }),
      ]
      for (const reply of await Promise.all(calls)) expect(reply).toMatchObject(REVOKED)
    }
    expect((await other.get('/v1/me')).status).toBe(200)
    expect(await rowsOf('select bio from users where bio is not null')).toEqual([])
  })

  test('it is on record who said so', async () => {
    const site = tellingSite()
    const { userId } = await site.member('ada')
    await site.signOut('ada')
    const [row, ...others] = await endings(userId)
    expect(others).toEqual([])
    expect(row).toMatchObject({
      actor: 'system:signal-follower',
      reason: `logout told by ${ISSUER.issuer}`,
    })
    expect(JSON.parse(row?.changes ?? '')).toMatchObject({ signal: 'logout' })
    // Whom it was about is nowhere but in the hash.
    expect(await rowsOf('select subject, sid from signals')).toEqual([{ subject: null, sid: null }])
  })

  test('what was issued until 3 s after it is refused, in whole seconds, and what is later is not', async () => {
    const site = tellingSite()
    const at = seconds()
    await site.member('ada', { iat: at - 60 })
    await site.signOut('ada', { iat: at })
    const statusOf = async (iat: number) =>
      (await site.bearer(await ISSUER.sign({ sub: 'ada', iat })).get('/v1/whoami')).status
    for (const iat of [at - 60, at, at + 3, at + 3.9])
      expect([iat, await statusOf(iat)]).toEqual([iat, 401])
    expect(await statusOf(at + 4)).toBe(200)
    // An older end does not bring anything back.
    await site.signOut('ada', { iat: at - 30 })
    expect(await statusOf(at)).toBe(401)
    expect(await statusOf(at + 4)).toBe(200)
  })

  test('with a session, it ends that one, and tokens that do not say which they are of', async () => {
    const site = tellingSite()
    const statusOf = async (claims: object) =>
      (await site.bearer(await ISSUER.sign({ sub: 'ada', ...claims })).get('/v1/whoami')).status
    expect(await statusOf({ sid: 'one' })).toBe(200)
    await site.signOut('ada', { sid: 'one' })
    expect(await statusOf({ sid: 'one' })).toBe(401)
    expect(await statusOf({})).toBe(401)
    expect(await statusOf({ sid: 7 })).toBe(401)
    expect(await statusOf({ sid: 'two' })).toBe(200)
    await site.signOut('ada')
    expect(await statusOf({ sid: 'two' })).toBe(401)
    // One end covers the other.
    expect(await rowsOf('select sid from session_ends')).toEqual([{ sid: '' }])
  })

  test('of somebody who was never here, an earlier token makes no member, and a later one does', async () => {
    const site = tellingSite()
    const at = seconds()
    await site.signOut('ada', { iat: at - 10 })
    const [early, late] = await Promise.all(
      [at - 20, at].map((iat) => ISSUER.sign({ sub: 'ada', iat })),
    )
    expect(await site.bearer(early ?? '').get('/v1/whoami')).toMatchObject(REVOKED)
    expect(await rowsOf("select 1 from identities where subject = 'ada'")).toEqual([])
    expect((await site.bearer(late ?? '').get('/v1/whoami')).status).toBe(200)
    expect(await site.bearer(early ?? '').get('/v1/whoami')).toMatchObject(REVOKED)
  })

  test('subjects of that name at other issuers go on', async () => {
    const other = await makeIssuer({ issuer: 'https://other.example' })
    const [trusted] = JSON.parse(SETTINGS.TRUSTED_ISSUERS)
    const issuers = [{ ...trusted, ...TELLS }, other.trusted]
    const site = tellingSite({ TRUSTED_ISSUERS: JSON.stringify(issuers) })
    const ada = site.bearer(await other.sign({ sub: 'ada' }))
    expect((await ada.get('/v1/whoami')).status).toBe(200)
    await site.signOut('ada')
    expect((await ada.get('/v1/whoami')).status).toBe(200)
    // Nor can that one speak for this one, or for itself, as long as nobody has said that it may.
    const theirs = await logoutToken({ iss: 'https://other.example' }, {}, other.privateKey)
    expect((await site.postLogout(theirs)).status).toBe(400)
    const forged = await logoutToken({}, {}, other.privateKey)
    expect((await site.postLogout(forged)).status).toBe(400)
  })

  test('a member comes in by an identity that has not ended, and cannot link one that has', async () => {
    const site = tellingSite()
    const [ada, at] = [await site.member('ada'), seconds()]
    const second = await ISSUER.sign({ sub: 'second', iat: at - 20 })
    await site.signOut('second', { iat: at - 10 })
    const refused = await ada.post('/v1/me/identities', { token: second })
    expect(refused).toMatchObject({ status: 422, body: { errors: [{ path: 'token' }] } })
    const fresh = await ISSUER.sign({ sub: 'second', iat: at })
    expect((await ada.post('/v1/me/identities', { token: fresh })).status).toBe(201)
    await site.signOut('ada')
    expect(await ada.get('/v1/me')).toMatchObject(REVOKED)
    expect((await site.bearer(fresh).get('/v1/me')).body.id).toBe(ada.userId)
  })
})

describe('an issuer that tells of ends', () => {
  test('has to say in tokens when they were issued, at most 90 days ago', async () => {
    const bearing = async (claims: object, tells = TELLS) => {
      const token = await ISSUER.sign({ sub: 'ada', ...claims })
      return tellingSite({}, { tells }).bearer(token).get('/v1/whoami')
    }
    const old = { iat: seconds() - 91 * DAY }
    for (const claims of [{ iat: undefined }, old]) {
      expect((await bearing(claims)).body.code).toBe('invalid_token')
      expect((await bearing(claims, {})).status).toBe(200)
    }
    expect((await bearing({ iat: seconds() - 89 * DAY })).status).toBe(200)
  })
})

describe('while a request is under way', () => {
  const isWrite = ({ text }: StorageCall) => text.includes('insert into acting')
  const isFirst = ({ text }: StorageCall) => text.includes('insert into users')

  test('a write that was admitted does not commit', async () => {
    const site = tellingSite()
    const ada = await site.member('ada')
    const slow = tellingSite(interruptedStorage(isWrite, () => site.signOut('ada')))
    expect(await slow.bearer(ada.token).patch('/v1/me', { bio: 'x' })).toMatchObject(REVOKED)
    expect(await rowsOf('select bio from users where bio is not null')).toEqual([])
  })

  test('a first request makes no member', async () => {
    const site = tellingSite()
    const token = await ISSUER.sign({ sub: 'ada' })
    const slow = tellingSite(interruptedStorage(isFirst, () => site.signOut('ada')))
    expect(await slow.bearer(token).get('/v1/whoami')).toMatchObject(REVOKED)
    expect(await rowsOf('select 1 from users')).toEqual([])
  })

  test('a first request that another one of the same person was before is refused as well', async () => {
    const site = tellingSite()
    const token = await ISSUER.sign({ sub: 'ada' })
    const meanwhile = async () => {
      await site.bearer(token).get('/v1/whoami')
      await site.signOut('ada')
    }
    const slow = tellingSite(interruptedStorage(isFirst, meanwhile))
    expect(await slow.bearer(token).get('/v1/whoami')).toMatchObject(REVOKED)
  })
})

describe('if what follows cannot be done at once', () => {
  /** Storage where the end is not written until `disarm`. */
  async function troubled() {
    const { storage, arm, disarm } = failingStorage()
    const site = tellingSite(storage)
    const ada = await site.member('ada')
    vi.spyOn(console, 'error').mockReturnValue()
    arm({ fails: (_, { text }) => text.includes('insert into session_ends') })
    return { site, ada, disarm }
  }

  test('it is 503, and the tick does it', async () => {
    const { site, ada, disarm } = await troubled()
    const { status, headers } = await site.signOut('ada')
    expect([status, headers.get('Retry-After')]).toEqual([503, '1'])
    expect((await ada.get('/v1/me')).status).toBe(200)
    disarm()
    await site.tick()
    expect(await ada.get('/v1/me')).toMatchObject(REVOKED)
    expect(await endings(ada.userId)).toHaveLength(1)
    await site.tick()
    expect(await endings(ada.userId)).toHaveLength(1)
  })

  test('whoever sends it again has it done, once', async () => {
    const { site, ada, disarm } = await troubled()
    const token = await logoutToken()
    expect((await site.postLogout(token)).status).toBe(503)
    expect((await site.postLogout(token)).status).toBe(503)
    disarm()
    expect((await site.postLogout(token)).status).toBe(200)
    expect(await ada.get('/v1/me')).toMatchObject(REVOKED)
    expect((await site.postLogout(token)).status).toBe(400)
    expect(await endings(ada.userId)).toHaveLength(1)
  })

  test('and nothing is written if it cannot be written at all', async () => {
    const { storage, arm, disarm } = failingStorage()
    const site = tellingSite(storage)
    vi.spyOn(console, 'error').mockReturnValue()
    arm({ fails: (_, { text }) => text.includes('insert into signals') })
    const token = await securityEvent('session-revoked', 'ada')
    expect((await site.postEvent(token)).status).toBeGreaterThanOrEqual(500)
    disarm()
    expect((await site.postEvent(token)).status).toBe(202)
    expect(await rowsOf('select 1 from session_ends')).toHaveLength(1)
  })
})

describe('an event for which members are suspended', () => {
  const statusOf = async (userId: string) =>
    (await rowsOf<{ status: string }>('select status from users where id = ?', userId))[0]?.status

  test('suspends, ends what was issued, and is on record with the issuer as its reason', async () => {
    const site = tellingSite()
    const [root, ada] = [await site.root(), await site.memberWith('moderator', 'ada')]
    await site.tell('account-disabled', 'ada')
    expect(await ada.get('/v1/me')).toMatchObject(REVOKED)
    const fresh = site.bearer(await ISSUER.sign({ sub: 'ada', iat: seconds() + 5 }))
    expect(await fresh.get('/v1/me')).toMatchObject({ status: 403, body: { code: 'suspended' } })
    const { body } = await root.get(`/v1/audit?target=${ada.userId}&action=user.suspend`)
    expect(body.items).toMatchObject([
      { actor: 'system:signal-follower', reason: `account-disabled told by ${ISSUER.issuer}` },
    ])
    await root.post(`/v1/users/${ada.userId}/reinstate`)
    expect((await fresh.get('/v1/me')).status).toBe(200)
    // What had ended stays so.
    expect(await ada.get('/v1/me')).toMatchObject(REVOKED)
  })

  test('stops the API keys of an admin before it is answered', async () => {
    const site = tellingSite()
    await site.root()
    const boss = await site.memberWith('admin', 'boss')
    const key = await partner(site, { scopes: ['profile:list'] }, boss)
    expect(await rightsAtGate(key)).toEqual(['profile:list'])
    expect((await site.tell('account-purged', 'boss')).status).toBe(202)
    expect(await rightsAtGate(key)).toBe('none')
  })

  test('suspends nobody who was reinstated since', async () => {
    const site = tellingSite()
    const [root, ada] = [await site.root(), await site.member('ada')]
    const iat = seconds() - 60
    await site.tell('account-disabled', 'ada', { iat })
    expect(await statusOf(ada.userId)).toBe('suspended')
    await root.post(`/v1/users/${ada.userId}/reinstate`)
    await site.tell('account-disabled', 'ada', { iat: iat + 30 })
    expect(await statusOf(ada.userId)).toBe('active')
    await site.tell('account-disabled', 'ada', { iat: seconds() + 20 })
    expect(await statusOf(ada.userId)).toBe('suspended')
  })

  test('leaves the last admin role and status, and deletes nobody', async () => {
    const site = tellingSite()
    const root = await site.root()
    expect((await site.tell('account-purged', 'root')).status).toBe(202)
    expect(await root.get('/v1/me')).toMatchObject(REVOKED)
    const fresh = site.bearer(await ISSUER.sign({ sub: 'root', iat: seconds() + 5 }))
    expect((await fresh.get('/v1/me')).body).toMatchObject({
      status: 'active',
      roles: ['member', 'admin'],
    })
  })

  test('of somebody who was never here, or who was deleted, ends what was issued', async () => {
    const site = tellingSite()
    const [root, ben] = [await site.root(), await site.member('ben')]
    await root.delete(`/v1/users/${ben.userId}`)
    for (const subject of ['ada', 'ben']) {
      const token = await ISSUER.sign({ sub: subject })
      expect((await site.tell('account-disabled', subject)).status).toBe(202)
      expect(await site.bearer(token).get('/v1/whoami')).toMatchObject(REVOKED)
    }
  })
})

describe('what was told is forgotten', () => {
  test('when no token can be taken by it any more, and not before', async () => {
    const site = tellingSite()
    const ada = await site.member('ada')
    await site.signOut('ada')
    await site.tick(Date.now() + 7 * DAY * 1000)
    expect(await rowsOf('select 1 from signals')).toHaveLength(1)
    await site.tick(Date.now() + 9 * DAY * 1000)
    expect(await rowsOf('select 1 from signals')).toHaveLength(0)
    await site.tick(Date.now() + 90 * DAY * 1000)
    expect(await ada.get('/v1/me')).toMatchObject(REVOKED)
    await site.tick(Date.now() + 92 * DAY * 1000)
    expect(await rowsOf('select 1 from session_ends')).toHaveLength(0)
  })
})

test('calls with nothing to do with it are answered as before', async () => {
  const site = tellingSite()
  const ada = await site.member('ada')
  const before = outcome(await ada.get('/v1/me'))
  await site.tell('credential-change', 'ada')
  expect(outcome(await ada.get('/v1/me'))).toEqual(before)
})
