/** A member takes with them everything that is stored about them, and nothing about others. */
import { env } from 'cloudflare:workers'
import { describe, expect, test } from 'vitest'
import { BUILT_IN } from '../../src/db/issuers.ts'
import { EXPORT_PARTS } from '../../src/repositories/member-export.ts'
import { directly, ISSUER, ORIGIN, type Member, type Site, testSite } from '../support/site.ts'
import { FATES, furnish } from '../support/member-rows.ts'
import { failingStorage } from '../support/failing.ts'
import { partner } from '../support/keys.ts'
import { rowsOf } from '../support/population.ts'

const MINUTE = 60

const signedIn = async (site: Site, subject: string, secondsAgo = 0) => {
  const now = Math.floor(Date.now() / 1000)
  const token = await ISSUER.sign({ sub: subject, auth_time: now - secondsAgo })
  return site.bearer(token)
}

/** Entries of the audit log about the member. */
async function writeLog({ userId }: Pick<Member, 'userId'>, entries: number) {
  await env.DB.prepare(
    `insert into audit_log (id, at, actor, action, target, changes)
      with recursive n (i) as (select 1 union all select i + 1 from n where i < ?2)
      select 'aud_' || printf('%05d', i), '2026-01-01T00:00:00.000Z', ?1, 'user.update', ?1, '{}' from n`,
  )
    .bind(userId, entries)
    .run()
}

/** Columns about a member that an export leaves out, and why. */
const LEFT_OUT: Readonly<Record<string, string>> = {
  'user_roles.assigned_by': 'of others it tells what they are',
  'audit_log.on_behalf_of': 'it is the member, whose entries these are',
  'idempotency_keys.about': 'an answer to somebody else, sealed',
  'idempotency_keys.target': 'what an answer was about, kept for a day',
  'bookings.booked_by': 'of others it tells what they are',
  'bookings.confirmed_by': 'of others it tells what they are',
  'events.key_ids': 'keys of events under way, which the member’s are among',
  'auth_accounts.account_id': 'it is a credential',
  'feed.subject': 'the feed tells of the audit log, whose entries these are, and of visits',
  'feed.about': 'as ids of what the audit log tells',
  'auth_sessions.subject': 'it is among the identities',
}

/** Columns of the member’s own row that an export leaves out, and why. */
const LEFT_OUT_OF_USERS: Readonly<Record<string, string>> = {
  nameKey: 'the name, as it is sorted by',
  ownName: 'it has another name there',
  ownEmail: 'it has another name there',
  accessRevision: 'how often rights have changed',
  visitShard: 'in which object the visits are',
}

/** Which part tells of a table. */
const TOLD: Readonly<Record<string, string>> = {
  identities: 'identities',
  user_roles: 'roles',
  badge_assignments: 'badges',
  audit_log: 'auditLog',
  job_runs: 'jobRuns',
  idempotency_keys: 'answersKept',
  api_keys: 'apiKeys',
  api_key_usage: 'apiKeyUsage',
  bookings: 'bookings',
  events: 'eventsUnderWay',
  calendar_feeds: 'calendarFeeds',
  webhooks: 'webhooks',
  refusals: 'refusals',
  refusal_counts: 'refusalCounts',
  auth_sessions: 'sessions',
  auth_accounts: 'signInMethods',
  auth_passkeys: 'passkeys',
  auth_tickets: 'mailedLinks',
  auth_places: 'places',
}

describe('an export', () => {
  test('tells of every table that can hold a member: nothing is left out', () => {
    const held = Object.entries(FATES)
      .filter(([, fate]) => fate === 'goes' || 'stays' in fate)
      .map(([column]) => column)
    const untold = held.filter(
      (column) => !(column in LEFT_OUT) && !(TOLD[column.split('.')[0] ?? ''] ?? ''),
    )
    expect(untold, 'in src/repositories/member-export.ts, and in TOLD or LEFT_OUT here').toEqual([])
    expect(
      Object.values(TOLD).filter((part) => !EXPORT_PARTS.some((each) => each === part)),
    ).toEqual([])
  })

  test('has what is stored about a member who is in every table, and nothing secret', async () => {
    const site = testSite()
    const ada = await site.member('ada', { email: 'ada-canary@example.com', name: 'Ada Canary' })
    await ada.patch('/v1/me', { phone: '+4930734100734', address: { city: 'canary-city' } })
    await ada.post('/v1/me/visits')
    await furnish({ userId: ada.userId, account: 'acc-4711', keyId: 'key_0815' })
    await env.DB.batch([
      env.DB.prepare(`insert into session_ends values ('hash', 1, '')`),
      env.DB.prepare(`insert into signals (id, issuer, kind, action, subject, happened_at,
          issued_until, received_at)
        values ('sig', '${BUILT_IN}', 'logout', 'end-sessions', 'acc-4711', 1, 1, '2026-01-01')`),
    ])
    const { status, body, text } = await (await signedIn(site, 'ada')).get('/v1/me/export')
    expect(status).toBe(200)
    for (const part of EXPORT_PARTS) expect([part, body[part].length > 0]).toEqual([part, true])
    for (const canary of ['ada-canary@example.com', '+4930734100734', 'canary-city', 'Ada Canary'])
      expect(text).toContain(canary)
    const ofUsers = await rowsOf<{ name: string }>(`select name from pragma_table_info('users')`)
    const shown = { ...body.profile, ...body.settings[0], ...LEFT_OUT_OF_USERS }
    for (const { name } of ofUsers)
      expect(Object.keys(shown), name).toContain(
        name.replaceAll(/_(.)/g, (_, c) => c.toUpperCase()),
      )
    expect(body.sessions).toHaveLength(2)
    expect(body.visits).toMatchObject({ total: 1, days: 1 })
    expect(body.apiKeys).toMatchObject([{ id: 'key_0815', name: 'Till' }])
    for (const secret of ['secret_hash', 'secretHash', '"token"', '"hash"', 'public_key'])
      expect(text).not.toContain(secret)
    expect(text).not.toMatch(/usr_other/)
    const kinds = new Set(body.auditLog.map(({ actor }: { actor: string }) => actor))
    expect(kinds).toContain('you')
  })

  test('has nothing of others, whatever they have done to the member', async () => {
    const site = testSite()
    const [root, ada, eve] = [await site.root(), await site.member('ada'), await site.member('eve')]
    await eve.patch('/v1/me', { bio: 'bio-of-eve' })
    await root.put(`/v1/users/${ada.userId}/roles/moderator`)
    await root.patch(`/v1/users/${ada.userId}`, { bio: 'written by an admin' })
    const { body, text } = await (await signedIn(site, 'ada')).get('/v1/me/export')
    expect(body.roles).toMatchObject([{ role: 'moderator', assignedBy: 'member' }])
    expect(body.auditLog.map(({ actor }: { actor: string }) => actor)).toContain('member')
    for (const other of [root.userId, eve.userId, 'bio-of-eve']) expect(text).not.toContain(other)
  })

  test('is as long as what there is, in pages', async () => {
    const site = testSite()
    await writeLog(await site.member('ada'), 450)
    const { body } = await (await signedIn(site, 'ada')).get('/v1/me/export')
    const ids = body.auditLog.map(({ id }: { id: string }) => id)
    expect(new Set(ids).size).toBe(ids.length)
    expect(ids.filter((id: string) => /^aud_\d{5}$/.test(id))).toHaveLength(450)
  })

  test('that storage breaks off is no JSON, and nobody takes it for whole', async () => {
    const { storage, arm } = failingStorage()
    const site = testSite(storage)
    await writeLog(await site.member('ada'), 250)
    const token = await ISSUER.sign({ sub: 'ada', auth_time: Math.floor(Date.now() / 1000) })
    const headers = { Authorization: `Bearer ${token}` }
    const request = new Request(`${ORIGIN}/v1/me/export`, { headers })
    // The first page of each part is read before the answer begins.
    arm({ fails: (_, { text }) => text.startsWith('select next, id, at') })
    const response = await directly(request, site.env)
    expect(response.status).toBe(200)
    await expect(response.text()).rejects.toThrow('Failed query')
  })
})

describe('who may', () => {
  test('is whoever has signed in within ten minutes, by what the provider says', async () => {
    const site = testSite()
    const ada = await site.member('ada', { auth_time: undefined })
    const tooOld = { status: 403, body: { code: 'session_too_old', stage: 'session' } }
    expect(await ada.get('/v1/me/export')).toMatchObject(tooOld)
    expect(await (await signedIn(site, 'ada', 10 * MINUTE)).get('/v1/me/export')).toMatchObject(
      tooOld,
    )
    expect((await (await signedIn(site, 'ada', 9 * MINUTE)).get('/v1/me/export')).status).toBe(200)
    const entries = await rowsOf(
      `select actor, target from audit_log where action = 'profile.export'`,
    )
    expect(entries).toEqual([{ actor: ada.userId, target: ada.userId }])
  })

  test('of others is an admin, on record, and never somebody with fewer rights', async () => {
    const site = testSite()
    const [root, ada, mod] = [
      await site.root(),
      await site.member('ada'),
      await site.memberWith('moderator', 'mod'),
    ]
    const path = (userId: string) => `/v1/users/${userId}/export`
    expect((await (await signedIn(site, 'mod')).get(path(ada.userId))).status).toBe(403)
    const { status, body } = await (await signedIn(site, 'root')).get(path(ada.userId))
    expect([status, body.profile.id]).toEqual([200, ada.userId])
    await root.put('/v1/roles/archivist', {
      permissions: [{ permission: 'profile:export', reach: 'any' }],
    })
    await root.put(`/v1/users/${mod.userId}/roles/archivist`)
    const archivist = await signedIn(site, 'mod')
    expect((await archivist.get(path(ada.userId))).status).toBe(200)
    expect(await archivist.get(path(root.userId))).toMatchObject({
      status: 403,
      body: { code: 'forbidden', stage: 'permission' },
    })
    expect((await archivist.get(path('usr_00000000000000000000000000'))).status).toBe(404)
    const entries = await rowsOf(
      `select actor, target from audit_log where action = 'profile.export'`,
    )
    expect(entries).toEqual([
      { actor: root.userId, target: ada.userId },
      { actor: mod.userId, target: ada.userId },
    ])
  })

  test('is no key', async () => {
    const site = testSite()
    const [ada, key] = [await site.member('ada'), await partner(site, { scopes: ['profile:read'] })]
    expect((await key.get(`/v1/users/${ada.userId}/export`)).status).toBe(403)
  })
})
