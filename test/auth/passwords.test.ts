import { env } from 'cloudflare:workers'
import { beforeEach, describe, expect, test } from 'vitest'
import {
  hashPassword,
  isOutdated,
  passwordFault,
  verifyPassword,
} from '../../src/auth/passwords.ts'
import { interruptedStorage } from '../support/failing.ts'
import { loginSite, PASSWORD } from '../support/login.ts'
import { useRealScrypt } from '../support/scrypt.ts'

beforeEach(useRealScrypt)

describe('a password', () => {
  test('is kept as scrypt with its parameters, differently each time', async () => {
    const [one, two] = [await hashPassword(PASSWORD), await hashPassword(PASSWORD)]
    expect(one).toMatch(/^scrypt\$n=16384,r=8,p=5\$[\w-]{22}\$[\w-]{43}$/)
    expect(one).not.toBe(two)
    expect(await verifyPassword(PASSWORD, one)).toBe(true)
    expect(await verifyPassword(`${PASSWORD} `, one)).toBe(false)
  })

  test('made with other parameters is still right, and known to be outdated', async () => {
    // RFC 7914, section 12: the second test vector with p = 16, cut to 32 bytes.
    const key = Buffer.from(
      'fdbabe1c9d3472007856e7190d01e9fe7c6ad7cbc8237830e77376634b373162',
      'hex',
    ).toString('base64url')
    const stored = `scrypt$n=1024,r=8,p=16$${Buffer.from('NaCl').toString('base64url')}$${key}`
    expect(await verifyPassword('password', stored)).toBe(true)
    expect(isOutdated(stored)).toBe(true)
    expect(isOutdated(await hashPassword(PASSWORD))).toBe(false)
  })

  test.each([
    null,
    undefined,
    '',
    'plain',
    'scrypt$n=1,r=1,p=1$$',
    '$2b$10$abcdefghijklmnopqrstuv',
  ])('never matches %j, which is no hash', async (stored) => {
    expect(await verifyPassword('', stored)).toBe(false)
  })

  test('is the same however its characters are composed', async () => {
    const stored = await hashPassword('brûlée kettle drums')
    expect(await verifyPassword('brûlée kettle drums'.normalize('NFD'), stored)).toBe(true)
  })

  test.each([
    'short',
    'fourteen chars',
    'passwordpassword',
    'Password123456789',
    'P@ssw0rdP@ssw0rd!',
    'qwertyuiopasdfghjkl',
    '123456789012345',
    'aaaaaaaaaaaaaaaa',
    'abcabcabcabcabcabc',
    'iloveyou1iloveyou2',
    'correcthorsebatterystaple',
    'letmeinletmein2026',
    'ada.lovelace2026!!',
    'tiger-yellow-june-pepper',
    'password12345678901987',
    '!@#$%^&*()!@#$%^&*()',
    '-=-=-=-=-=password=-=-=-=-=-',
  ])('%j may not be chosen', (password) => {
    expect(passwordFault(password, ['ada.lovelace@example.com'])).toEqual(expect.any(String))
  })

  test.each([
    PASSWORD,
    'marble lantern cobweb',
    'x7#Kq!vT2&mZp9@w',
    '🦉🌵🪁🎻🧊🫧🪀🧭🛶🎐🪸🦚🧶🪕🫐',
    'Zürich ärgert grüne Frösche',
    '849271650382947165028374',
    '849245671650382947165028',
    'k7$2-91!4#88@05%63',
    'Xq7!2041-9938-4471-7720',
    '!?*#;:-_+(}&%/=§"~<>|',
  ])('%j may', (password) => {
    expect(passwordFault(password, ['ada@example.com'])).toBeUndefined()
  })

  test('has 15 to 256 characters, as people count them', () => {
    const long = Array.from({ length: 64 }, (_, n) => String.fromCodePoint(0x1f300 + n * 3)).join(
      '',
    )
    expect(passwordFault(long.repeat(4), [])).toBeUndefined()
    expect(passwordFault(`${long.repeat(4)}x`, [])).toMatch('at most 256')
    expect(passwordFault('kq zw vx jh pf', [])).toMatch('at least 15')
    expect(passwordFault('kq zw vx jh pfü', [])).toBeUndefined()
    expect(passwordFault('kq zw vx jh pü'.normalize('NFD'), [])).toMatch('at least 15')
  })
})

test('a hash with outdated parameters is replaced at the next right password', async () => {
  const site = loginSite()
  await site.account('ada@example.com')
  const outdated = await hashPassword(PASSWORD, { n: 1024, r: 8, p: 1 })
  await env.DB.prepare('update auth_accounts set password = ?').bind(outdated).run()
  const signIn = async (password: string) =>
    (await site.browser().post('/auth/sign-in', { email: 'ada@example.com', password })).status
  const stored = () =>
    env.DB.prepare('select password from auth_accounts').first<string>('password')

  expect(await signIn('marble lantern cobweb thunder')).toBe(401)
  expect(await stored()).toBe(outdated)
  expect(await signIn(PASSWORD)).toBe(303)
  expect(await stored()).toMatch(/^scrypt\$n=16384,r=8,p=5\$/)
  expect(await signIn(PASSWORD)).toBe(303)
})

test('of two sign-ins that replace an outdated hash at the same time, both are right', async () => {
  const email = 'ada@example.com'
  const site = loginSite()
  const ada = await site.account(email)
  await ada.post('/auth/sign-out')
  const outdated = await hashPassword(PASSWORD, { n: 1024, r: 8, p: 1 })
  await env.DB.prepare('update auth_accounts set password = ?').bind(outdated).run()
  const storage = interruptedStorage(
    ({ text }) => /update "?auth_accounts/i.test(text),
    () => ada.post('/auth/sign-in', { email, password: PASSWORD }),
  )
  const other = loginSite(storage).browser()
  expect((await other.post('/auth/sign-in', { email, password: PASSWORD })).status).toBe(303)
  for (const browser of [ada, other]) {
    expect((await browser.get('/auth/account')).status).toBe(200)
  }
})
