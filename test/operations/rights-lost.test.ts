/**
 * Privileged requests race every way of losing a right: a request that is sent once the loss was
 * acknowledged fails, and no write that was under way commits after it.
 */
import { expect, test } from 'vitest'
import {
  type Browser,
  LOGIN_SETTINGS,
  type LoginSite,
  loginSite,
  PASSWORD,
} from '../support/login.ts'
import { withRaceStorage } from '../support/race-storage.ts'
import { type Contest, noteCommits, race, RACES, type Tally, writesBy } from '../support/races.ts'
import { SESSION_COOKIE, SESSION_SECONDS } from '../../src/security/callers/session-cookie.ts'
import { ISSUER, type Member, ORIGIN } from '../support/site.ts'
import { progress } from '../support/size.ts'

type Credential = Readonly<Record<string, string>>

/** Somebody who has the right, and how they lose it. */
interface Holder {
  readonly userId: string
  readonly credentials: readonly Credential[]
  readonly lose: Contest['lose']
}

interface Scene {
  readonly site: LoginSite
  readonly root: Member
}

interface Loss {
  readonly name: string
  readonly refusal: 401 | 403
  /** Sets the scene once. @returns a function that gives the right (back) before each round */
  readonly arrange: (scene: Scene) => Promise<() => Promise<Holder>>
}

/** A lifetime that is longer than any run. */
const LASTING = { exp: 4_000_000_000 }

const bearing = (token: string): Credential => ({ Authorization: `Bearer ${token}` })
const HELPER = [
  { permission: 'profile:update', reach: 'any' },
  { permission: 'audit:read', reach: 'any' },
]

/** A member who has the right by a role, which `give` gives and `take` takes. */
async function byRole(
  { site, root }: Scene,
  change: (userId: string) => {
    readonly give: readonly (() => Promise<{ status: number }>)[]
    readonly take: () => Promise<{ status: number }>
  },
) {
  const boss = await site.member('boss', LASTING)
  const { give, take } = change(boss.userId)
  const lose = async () => (await take()).status < 300
  await root.put(`/v1/users/${boss.userId}/roles/admin`)
  return async (): Promise<Holder> => {
    for (const step of give) expect((await step()).status).toBeLessThan(300)
    return { userId: boss.userId, credentials: [bearing(boss.token)], lose }
  }
}

/** An admin of the built-in login, who comes with a token of the session and with its cookie. */
async function bySession({ site, root }: Scene, end: (browser: Browser) => Contest['lose']) {
  const browser = await site.account('boss@example.com')
  const account = await onlyAccount(site.env.DB)
  return async (): Promise<Holder> => {
    const session = await signIn(site.env.DB, account)
    browser.jar.set(SESSION_COOKIE, session)
    const token = await browser.token()
    const { userId } = (await site.bearer(token).get('/v1/whoami')).body
    await root.put(`/v1/users/${userId}/roles/admin`)
    const Cookie = `${SESSION_COOKIE}=${session}`
    const cookie = { Cookie, Origin: ORIGIN, 'Sec-Fetch-Site': 'same-origin' }
    return { userId, credentials: [bearing(token), cookie], lose: end(browser) }
  }
}

async function onlyAccount(db: D1Database): Promise<string> {
  const [id, ...others] = (await db.prepare('select id from auth_users').raw<[string]>()).flat()
  if (id === undefined || others.length > 0) throw new Error('not one account')
  return id
}

/** A session as the login starts it, but without the price of a password. @returns its cookie */
async function signIn(db: D1Database, account: string): Promise<string> {
  const [token, now] = [crypto.randomUUID(), Date.now()]
  const [at, until] = [now, now + SESSION_SECONDS * 1000].map((ms) => new Date(ms).toISOString())
  await db.batch([
    db.prepare('delete from auth_attempts'),
    db
      .prepare(
        `insert into auth_sessions (id, token, user_id, expires_at, created_at, updated_at)
       values (?, ?, ?, ?, ?, ?)`,
      )
      .bind(crypto.randomUUID(), token, account, until, at, at),
  ])
  const secret = new TextEncoder().encode(LOGIN_SETTINGS.AUTH_SECRET)
  const hmac = { name: 'HMAC', hash: 'SHA-256' }
  const key = await crypto.subtle.importKey('raw', secret, hmac, false, ['sign'])
  const signature = await crypto.subtle.sign('HMAC', key, new TextEncoder().encode(token))
  const signed = btoa(String.fromCharCode(...new Uint8Array(signature)))
  return encodeURIComponent(`${token}.${signed}`)
}

const leadsToSignIn = async (answer: Promise<{ location: string | null }>) =>
  (await answer).location === '/auth/sign-in'

const LOSSES: readonly Loss[] = [
  {
    name: 'a role is removed',
    refusal: 403,
    arrange: (scene) =>
      byRole(scene, (userId) => ({
        give: [() => scene.root.put(`/v1/users/${userId}/roles/admin`)],
        take: () => scene.root.delete(`/v1/users/${userId}/roles/admin`),
      })),
  },
  {
    name: 'a member is suspended',
    refusal: 403,
    arrange: (scene) =>
      byRole(scene, (userId) => ({
        give: [() => scene.root.post(`/v1/users/${userId}/reinstate`)],
        take: () => scene.root.post(`/v1/users/${userId}/suspend`),
      })),
  },
  {
    name: 'a session is signed out everywhere',
    refusal: 401,
    arrange: (scene) =>
      bySession(scene, (browser) => () => leadsToSignIn(browser.post('/auth/sign-out-everywhere'))),
  },
  {
    name: 'a custom role is narrowed',
    refusal: 403,
    arrange: (scene) => byCustomRole(scene, () => scene.root.put('/v1/roles/helper', NOTHING)),
  },
  {
    name: 'a custom role is deleted',
    refusal: 403,
    arrange: (scene) => byCustomRole(scene, () => scene.root.delete('/v1/roles/helper')),
  },
  {
    name: 'a member is deleted',
    refusal: 401,
    arrange: async ({ site, root }) => {
      let count = 0
      return async () => {
        const { userId, token } = await site.memberWith('admin', `boss-${++count}`)
        const lose = async () => (await root.delete(`/v1/users/${userId}`)).status === 204
        return { userId, credentials: [bearing(token)], lose }
      }
    },
  },
  {
    name: 'a password is changed',
    refusal: 401,
    arrange: async (scene) => {
      const passwords = [PASSWORD, 'marble lantern cobweb thunder']
      return bySession(scene, (browser) => () => {
        const [current = '', password = ''] = passwords
        passwords.reverse()
        return leadsToSignIn(browser.post('/auth/password', { current, password }))
      })
    },
  },
  {
    name: 'an identity is unlinked',
    refusal: 403,
    arrange: async ({ site, root }) => {
      const boss = await site.member('boss', LASTING)
      await root.put(`/v1/users/${boss.userId}/roles/admin`)
      return async () => {
        const token = await ISSUER.sign({ sub: crypto.randomUUID() })
        const { body } = await boss.post('/v1/me/identities', { token })
        const lose = async () => (await boss.delete(`/v1/me/identities/${body.id}`)).status === 204
        return { userId: boss.userId, credentials: [bearing(token)], lose }
      }
    },
  },
]

const whoami = (headers: Credential) => new Request(`${ORIGIN}/v1/whoami`, { headers })
const NOTHING = { permissions: [] }

function byCustomRole(scene: Scene, take: () => Promise<{ status: number }>) {
  const { root } = scene
  return byRole(scene, (userId) => ({
    give: [
      () => root.delete(`/v1/users/${userId}/roles/admin`),
      () => root.put('/v1/roles/helper', { permissions: HELPER }),
      () => root.put(`/v1/users/${userId}/roles/helper`),
    ],
    take,
  }))
}

const timeout = 60_000 + RACES.rounds * (RACES.requests + 10) * 60

test.each(LOSSES)('once $name, nothing succeeds', { timeout }, async (loss) => {
  const { wrong, written, committed, ...counts } = await withRaceStorage((DB) => raced(loss, DB))
  console.info(JSON.stringify({ ...RACES, ...counts, written, wrong: wrong.length }))
  expect(wrong).toEqual([])
  // The database has every write that was answered, and no other.
  expect(committed).toBe(written)
  // If one side had won every time, nothing would have raced.
  for (const count of Object.values(counts)) expect(count).toBeGreaterThan(0)
})

async function raced({ refusal, arrange }: Loss, DB: D1Database) {
  const site = loginSite({ DB })
  const [root, ada] = [await site.member('root', LASTING), await site.member('ada')]
  const give = await arrange({ site, root })
  await noteCommits(DB)
  const tally: Tally = { done: 0, overtaken: 0, late: 0, wrong: [] }
  let [written, committed] = [0, 0]

  /** A read and a write with the credential, which both take reach `any`. */
  const actsWith = (credential: Credential) => {
    const send = async (method: string, path: string, body?: string) => {
      const headers = { ...credential, ...(body && { 'Content-Type': 'application/json' }) }
      const answer = await site.fetch(
        new Request(`${ORIGIN}${path}`, { method, headers, ...(body && { body }) }),
      )
      await answer.text()
      return answer.status
    }
    const write = async () => {
      const status = await send('PATCH', `/v1/users/${ada.userId}`, JSON.stringify({ bio: 'x' }))
      if (status === 200) written += 1
      return status
    }
    return [() => send('GET', '/v1/audit?limit=1'), write]
  }

  // Which side wins is chance, so a few more are run where one has never won.
  const isOneSided = () => [tally.done, tally.overtaken, tally.late].includes(0)
  const goesOn = (round: number) =>
    round < RACES.rounds || (isOneSided() && round < 4 * RACES.rounds)
  for (let round = 0; goesOn(round); round++) {
    const { userId, credentials, lose } = await give()
    // The isolate knows who they are by the time the race begins.
    for (const credential of credentials) await site.fetch(whoami(credential))
    const before = await writesBy(DB, userId)
    await race({ acts: credentials.flatMap(actsWith), lose, refusal }, round, tally)
    const after = await writesBy(DB, userId)
    committed += after.all - before.all
    if (after.void > 0) tally.wrong.push({ round, committedAfterTheLoss: after.void })
    progress(round + 1, RACES.rounds)
  }

  return { ...tally, written, committed }
}
