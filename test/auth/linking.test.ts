/** The built-in login and an outside issuer, with real tokens of both, lead to one member. */
import { describe, expect, test } from 'vitest'
import { BUILT_IN } from '../../src/db/issuers.ts'
import { interruptedStorage } from '../support/failing.ts'
import { aged } from '../support/identities.ts'
import { type LoginSite, loginSite } from '../support/login.ts'
import { rowsOf } from '../support/population.ts'
import { ISSUER } from '../support/site.ts'

const ADA = 'ada@example.com'
const PATH = '/v1/me/identities'

test('the same member is reached with a built-in token, its cookie, and a linked issuer’s token', async () => {
  const site = loginSite()
  const ada = await site.account(ADA)
  const builtIn = site.bearer(await ada.token())
  const outside = await ISSUER.sign({ sub: 'ada-elsewhere' })
  const linked = await builtIn.post(PATH, { token: outside })
  expect(linked).toMatchObject({ status: 201, body: { issuer: ISSUER.issuer } })
  const mine = { kind: 'member', userId: (await builtIn.get('/v1/whoami')).body.userId }
  expect((await site.bearer(outside).get('/v1/whoami')).body).toMatchObject(mine)
  expect(JSON.parse((await ada.get('/v1/whoami')).text)).toMatchObject(mine)
  // A cookie, too, comes with an identity, and a request cannot unlink the one it comes with.
  const [first] = JSON.parse((await ada.get(PATH)).text).items
  expect(first).toMatchObject({ issuer: BUILT_IN, current: true })
  expect(await ada.send('DELETE', `${PATH}/${first.id}`, POSTED)).toMatchObject({ status: 409 })
  expect(await rowsOf('select id from users')).toHaveLength(1)
})

const POSTED = { headers: { Origin: 'https://members.example' } }

/** A built-in account whose identity was unlinked from the member it made. */
async function unlinkedAccount(site: LoginSite) {
  const ada = await site.account(ADA)
  const token = await ada.token()
  const outside = await ISSUER.sign({ sub: 'first' })
  await site.bearer(token).post(PATH, { token: outside })
  const [first] = (await site.bearer(outside).get(PATH)).body.items
  await aged(8 * 86_400_000)
  expect((await site.bearer(outside).delete(`${PATH}/${first.id}`)).status).toBe(204)
  return { ada, token }
}

const builtInIdentities = () => rowsOf('select user_id from identities where issuer = ?', BUILT_IN)

test('a member of an outside issuer links the built-in login', async () => {
  const site = loginSite()
  const [member, { ada, token }] = [await site.member('second'), await unlinkedAccount(site)]
  expect(await member.post(PATH, { token })).toMatchObject({ status: 201 })
  expect((await site.bearer(token).get('/v1/me')).body.id).toBe(member.userId)
  expect(JSON.parse((await ada.get('/v1/me')).text).id).toBe(member.userId)
  // The address is the account's; the member's stays what it was.
  expect((await member.get('/v1/me')).body.email).toBeNull()
})

describe('a built-in token proves something while its session lasts', () => {
  test('and nothing after', async () => {
    const site = loginSite()
    const [member, { ada, token }] = [await site.member('second'), await unlinkedAccount(site)]
    await ada.post('/auth/sign-out')
    const { status, body } = await member.post(PATH, { token })
    expect({ status, errors: body.errors }).toMatchObject({
      status: 422,
      errors: [{ in: 'json', path: 'token' }],
    })
    expect(await builtInIdentities()).toEqual([])
  })

  test('and nothing if it ends between the check and the write', async () => {
    const site = loginSite()
    const [member, { ada, token }] = [await site.member('second'), await unlinkedAccount(site)]
    const storage = interruptedStorage(
      ({ text }) => text.includes('insert into acting'),
      () => ada.post('/auth/sign-out-everywhere'),
    )
    const late = loginSite(storage).bearer(member.token)
    expect((await late.post(PATH, { token })).status).toBe(422)
    expect(await builtInIdentities()).toEqual([])
  })
})

test('signing out voids what is under way as the member, whichever identity it came with', async () => {
  const site = loginSite()
  const [member, { ada, token }] = [await site.member('second'), await unlinkedAccount(site)]
  await member.post(PATH, { token })
  const storage = interruptedStorage(
    ({ text }) => text.includes('insert into acting'),
    () => ada.post('/auth/sign-out'),
  )
  const late = loginSite(storage)
  const ofSession = await late.bearer(token).patch('/v1/me', { bio: 'late' })
  expect(ofSession).toMatchObject({ status: 401, body: { code: 'session_revoked' } })
  expect((await member.get('/v1/me')).body.bio).toBeNull()
})

test('deleting a member deletes the built-in account that was linked to it', async () => {
  const site = loginSite()
  const [root, member] = [await site.root(), await site.member('second')]
  const { token } = await unlinkedAccount(site)
  await member.post(PATH, { token })
  expect((await root.delete(`/v1/users/${member.userId}`)).status).toBe(204)
  for (const table of ['auth_users', 'auth_sessions', 'auth_accounts']) {
    expect(await rowsOf(`select 1 from ${table}`)).toEqual([])
  }
  for (const old of [token, member.token]) {
    expect((await site.bearer(old).get('/v1/me')).body).toMatchObject({ code: 'session_revoked' })
  }
})
