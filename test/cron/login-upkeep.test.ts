import { env } from 'cloudflare:workers'
import { expect, test } from 'vitest'
import { countingStorage } from '../support/counting.ts'
import { loginSite } from '../support/login.ts'

const ADA = 'ada@example.com'
const DAY_MS = 86_400_000
const TABLES = [
  'auth_sessions',
  'auth_tickets',
  'auth_verifications',
  'auth_attempts',
  'auth_places',
  'token_keys',
] as const

async function counts(): Promise<Record<string, number>> {
  const found = TABLES.map(async (table) => {
    // Keys that have sealed the audit log are kept.
    const only = table === 'token_keys' ? ` where use <> 'audit'` : ''
    const sql = `select count(*) as n from ${table}${only}`
    return [table, await env.DB.prepare(sql).first<number>('n')] as const
  })
  return Object.fromEntries((await Promise.all(found)).map(([table, n]) => [table, n ?? 0]))
}

/** Somebody signed in, a link under way, a passkey ceremony, attempts and a key. */
async function siteInUse() {
  const site = loginSite()
  const ada = await site.account(ADA)
  await ada.post('/auth/forgot', { email: ADA })
  await ada.get('/auth/passkey/generate-register-options')
  await ada.token()
  return { site, ada }
}

test('what the login still needs is kept', async () => {
  const { site, ada } = await siteInUse()
  const before = await counts()
  expect(Math.min(...Object.values(before))).toBeGreaterThan(0)
  await site.tick()
  expect(await counts()).toEqual(before)
  expect((await ada.get('/auth/account')).status).toBe(200)
})

test('what is over is forgotten, each at its time', async () => {
  const { site } = await siteInUse()
  const now = Date.now()
  const signsUntil = await env.DB.prepare('select signs_until from token_keys').first<number>(
    'signs_until',
  )
  await site.tick(now + 2 * DAY_MS)
  const kept = { auth_tickets: 0, auth_verifications: 0, auth_attempts: 0 }
  expect(await counts()).toMatchObject({ auth_sessions: 1, ...kept, token_keys: 1 })
  await site.tick(now + 15 * DAY_MS)
  expect(await counts()).toMatchObject({ auth_sessions: 0, auth_places: 2, token_keys: 1 })
  await site.tick(now + 91 * DAY_MS)
  expect((await counts())['auth_places']).toBe(0)
  await site.tick((signsUntil ?? 0) + 60 * DAY_MS)
  expect((await counts())['token_keys']).toBe(1)
  await site.tick((signsUntil ?? 0) + 62 * DAY_MS)
  expect((await counts())['token_keys']).toBe(0)
})

test('a flood of attempts is forgotten in parts', async () => {
  const { storage, traced } = countingStorage()
  const site = loginSite(storage)
  await env.DB.prepare(
    `with recursive n(i) as (select 1 union all select i + 1 from n where i < 1200)
     insert into auth_attempts (subject, attempts, ends_at) select 'flood ' || i, 1, 1 from n`,
  ).run()
  const { calls } = await traced(() => site.tick())
  expect((await counts())['auth_attempts']).toBe(0)
  const deleting = calls.filter(({ text }) => text.includes('delete from "auth_attempts"'))
  expect(deleting).toHaveLength(3)
  expect(deleting.every(({ text }) => /limit \?/.test(text))).toBe(true)
})
