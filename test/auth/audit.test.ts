/** The audit log has every act on an account: what, by whom and to whom, and never a value. */
import { expect, test } from 'vitest'
import { loginSite, PASSWORD } from '../support/login.ts'
import { add, ADA, signIn as usePasskey } from '../support/passkeys.ts'
import { makeAuthenticator } from '../support/authenticator.ts'
import { rowsOf } from '../support/population.ts'
import { ORIGIN } from '../support/site.ts'

const NEWER = 'marble lantern cobweb thunder'
const NEW_ADDRESS = 'ada@example.org'

/** The acts on record since the member was made, oldest first. */
const acts = async () =>
  (
    await rowsOf<{ act: string }>(
      `select action || ': ' || reason as act from audit_log where action <> 'user.create'
       order by id`,
    )
  ).map(({ act }) => act)

test('everything that changes an account is there, once, and none of its values', async () => {
  const site = loginSite()
  const ada = await site.account(ADA)
  const key = await makeAuthenticator(ORIGIN)
  await add(ada, key)
  const [passkey] = await rowsOf<{ id: string }>('select id from auth_passkeys')
  await ada.post('/auth/passkeys/remove', { id: passkey?.id ?? '', current: PASSWORD })
  await ada.post('/auth/passkeys/remove', { id: 'none', current: PASSWORD })
  await ada.post('/auth/password', { current: PASSWORD, password: NEWER })
  await ada.post('/auth/forgot', { email: ADA })
  const form = { token: site.secretFor(ADA), password: PASSWORD }
  await ada.post('/auth/reset', form)
  await ada.post('/auth/reset', form)
  await ada.post('/auth/sign-in', { email: ADA, password: PASSWORD })
  await ada.post('/auth/email', { email: NEW_ADDRESS, current: PASSWORD })
  await ada.post('/auth/email/confirm', { token: site.secretFor(NEW_ADDRESS) })
  await ada.post('/auth/sign-in', { email: NEW_ADDRESS, password: PASSWORD })
  await ada.post('/auth/sign-out')
  await ada.post('/auth/sign-in', { email: NEW_ADDRESS, password: PASSWORD })
  await ada.post('/auth/sign-out-everywhere')
  expect((await usePasskey(ada, key)).status).toBe(401)

  expect(await acts()).toEqual([
    'passkey.create: added a passkey',
    'passkey.delete: removed a passkey',
    'password.update: changed the password',
    'password.update: reset the password by mail',
    'user.update: confirmed a new address',
    'session.delete: ended a session',
    'session.delete: ended all sessions',
  ])
  const [member] = await rowsOf<{ id: string }>('select id from users')
  const rows = await rowsOf<{ actor: string; target: string }>('select * from audit_log')
  expect(new Set(rows.flatMap(({ actor, target }) => [actor, target]))).toEqual(
    new Set([member?.id]),
  )
  for (const value of [
    ADA,
    NEW_ADDRESS,
    PASSWORD,
    NEWER,
    passkey?.id ?? '',
    '192.0.2.1',
    'scrypt',
  ]) {
    expect(JSON.stringify(rows)).not.toContain(value)
  }
})

test('too many wrong passwords are there once in a while, by nobody, about whose account it is', async () => {
  const site = loginSite()
  await site.account(ADA)
  const eve = site.browser('198.51.100.7')
  const guess = (email: string) => eve.post('/auth/sign-in', { email, password: 'x' })
  for (let n = 0; n < 10; n += 1) await guess(ADA)
  expect(await acts()).toEqual([])
  for (let n = 0; n < 3; n += 1) expect((await guess(ADA)).status).toBe(429)
  for (let n = 0; n < 12; n += 1) await guess('nobody@example.com')
  expect(await acts()).toEqual(['password.refuse: too many wrong passwords'])
  const rows = await rowsOf("select actor, target from audit_log where action = 'password.refuse'")
  expect(rows).toEqual([
    { actor: 'anonymous', target: (await rowsOf<{ id: string }>('select id from users'))[0]?.id },
  ])
})

test('a refused change is not there', async () => {
  const site = loginSite()
  const ada = await site.account(ADA)
  await ada.post('/auth/password', { current: 'x', password: NEWER })
  await ada.post('/auth/email/confirm', { token: 'a'.repeat(43) })
  await ada.post('/auth/sessions/revoke', { id: 'none' })
  expect(await acts()).toEqual([])
})
