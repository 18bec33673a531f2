import { runInDurableObject } from 'cloudflare:test'
import { env } from 'cloudflare:workers'
import { describe, expect, it } from 'vitest'
import { bookingOf, bookingScene } from '../support/bookings.ts'
import { rowsOf } from '../support/population.ts'
import { ISSUER, testSite } from '../support/site.ts'

const ABSENT = 'usr_01jqz00000000000000000000x'
const CANARY = 'canary'

/** Every row that is stored anywhere, with the table it is in. */
async function everythingStored(): Promise<string[]> {
  const stored: string[] = []
  const tables = await env.DB.prepare(
    "select name from sqlite_master where type = 'table' and name not like '%\\_cf\\_%' escape '\\'",
  ).all<{ name: string }>()
  for (const { name } of tables.results) {
    const { results } = await env.DB.prepare(`select * from "${name}"`).all()
    stored.push(...results.map((row) => `${name} ${JSON.stringify(row)}`))
  }
  for (const shard of [0, 1, 2, 3]) {
    await runInDurableObject(env.VISITS.getByName(`visits-${shard}`), (_, { storage }) => {
      const names = storage.sql
        .exec<{ name: string }>("select name from sqlite_master where type = 'table'")
        .toArray()
      for (const { name } of names.filter((table) => !table.name.includes('_cf_'))) {
        const rows = storage.sql.exec(`select * from "${name}"`).toArray()
        stored.push(...rows.map((row) => `visits/${name} ${JSON.stringify(row)}`))
      }
    })
  }
  return stored
}

async function memberWithEverything() {
  const site = testSite()
  const [root, moderator] = [await site.root(), await site.memberWith('moderator')]
  const ada = await site.member('ada', { name: CANARY, email: `${CANARY}@example.com` })
  await ada.patch('/v1/me', {
    bio: CANARY,
    avatarUrl: `https://${CANARY}.example/`,
    phone: '+4930123456',
    address: { line1: CANARY },
  })
  const badge = await root.post('/v1/badges', { title: 'Regular' })
  await root.post('/v1/badge-rules', { badgeId: badge.body.id, metric: 'visits', threshold: 1 })
  await ada.post('/v1/me/visits', undefined, { headers: { 'Idempotency-Key': 'once' } })
  await site.tick()
  await root.put(`/v1/users/${ada.userId}/roles/moderator`)
  return { site, root, moderator, ada, badge: badge.body }
}

describe('DELETE /v1/users/{userId}', () => {
  it('takes the answers along that show their data to others, who get none of them again', async () => {
    const { site, root, moderator, ada } = await memberWithEverything()
    const { slot } = await bookingScene(site)
    const booked = await bookingOf(ada, await slot())
    const headers = { 'Idempotency-Key': 'once' }
    const acts = () => [
      root.post(`/v1/bookings/${booked.id}/confirm`, {}, { headers }),
      moderator.post(`/v1/users/${ada.userId}/suspend`, {}, { headers }),
    ]
    for (const again of ['', 'true']) {
      const answers = await Promise.all(acts())
      expect(answers.map(({ status }) => status)).toEqual([200, 200])
      for (const { headers: sent } of answers)
        expect(sent.get('Idempotency-Replayed') ?? '').toBe(again)
    }
    await root.delete(`/v1/users/${ada.userId}`)
    const answers = await Promise.all(acts())
    expect(answers.map(({ status }) => status)).toEqual([409, 404])
    expect(await rowsOf('select * from idempotency_keys')).toEqual([])
  })

  it('erases the member everywhere: what is left is who did what to which id', async () => {
    const { root, ada } = await memberWithEverything()
    const before = await everythingStored()
    expect(before.filter((row) => row.includes(CANARY))).not.toEqual([])
    expect(before.some((row) => row.startsWith('visits/days') && row.includes(ada.userId))).toBe(
      true,
    )
    expect(await root.delete(`/v1/users/${ada.userId}`)).toMatchObject({ status: 204 })
    const after = await everythingStored()
    for (const trace of [CANARY, '4930123456', '"ada"']) {
      expect(after.filter((row) => row.includes(trace))).toEqual([])
    }
    const left = after.filter((row) => row.includes(ada.userId))
    expect(new Set(left.map((row) => row.split(' ')[0]))).toEqual(
      new Set(['audit_log', 'feed', 'visits/erased']),
    )
  })

  it('answers 404 about the member from then on, on every route that names them', async () => {
    const { site, root, ada, badge } = await memberWithEverything()
    const path = `/v1/users/${ada.userId}`
    await root.delete(path)
    const replies = await Promise.all([
      site.anonymous.get(path),
      site.anonymous.get(`${path}/badges`),
      root.get(`${path}?view=full`),
      root.get(`${path}/visits`),
      root.patch(path, { bio: 'x' }),
      root.post(`${path}/suspend`),
      root.post(`${path}/reinstate`),
      root.put(`${path}/roles/moderator`),
      root.delete(`${path}/roles/moderator`),
      root.put(`${path}/badges/${badge.id}`),
      root.delete(`${path}/badges/${badge.id}`),
      root.delete(path),
    ])
    expect(replies.map(({ status }) => status)).toEqual(replies.map(() => 404))
  })

  it('takes the member out of lists, searches and bulk awards', async () => {
    const { site, root, moderator, ada, badge } = await memberWithEverything()
    await root.delete(`/v1/users/${ada.userId}`)
    expect((await moderator.get(`/v1/users?q=${CANARY}`)).body.items).toEqual([])
    const all = await moderator.get('/v1/users')
    expect(JSON.stringify(all.body)).not.toContain(ada.userId)
    const bulk = await root.post('/v1/badge-assignments/bulk', {
      badgeId: badge.id,
      userIds: [ada.userId],
    })
    expect(bulk.body.results).toEqual([{ userId: ada.userId, status: 'not_found', created: false }])
    await site.tick()
    const stored = await everythingStored()
    expect(stored.filter((row) => row.startsWith('badge_assignments '))).toEqual([])
  })

  it('ends the sessions of the member; a later token makes a new one', async () => {
    const { site, root, ada } = await memberWithEverything()
    await root.delete(`/v1/users/${ada.userId}`)
    expect(await ada.get('/v1/me')).toMatchObject({
      status: 401,
      body: { code: 'session_revoked', stage: 'session' },
    })
    expect((await ada.get('/v1/whoami')).status).toBe(401)
    expect((await ada.post('/v1/me/visits')).status).toBe(401)
    const later = await ISSUER.sign({ sub: 'ada', iat: Math.floor(Date.now() / 1000) + 2 })
    const { body } = await site.bearer(later).get('/v1/me')
    expect(body).toMatchObject({ displayName: 'New member', badges: [], roles: ['member'] })
    expect(body.id).not.toBe(ada.userId)
    expect((await site.bearer(later).get('/v1/me/visits')).body.total).toBe(0)
  })

  it('is refused for the last active admin, and for a stale revision', async () => {
    const site = testSite()
    const root = await site.root()
    const ada = await site.memberWith('admin', 'ada')
    await root.post(`/v1/users/${ada.userId}/suspend`)
    expect(await root.delete(`/v1/users/${root.userId}`)).toMatchObject({
      status: 409,
      body: { code: 'last_admin' },
    })
    expect(
      await root.delete(`/v1/users/${ada.userId}`, { headers: { 'If-Match': '"1"' } }),
    ).toMatchObject({ status: 412, body: { code: 'precondition_failed' } })
    expect((await root.delete(`/v1/users/${ada.userId}`)).status).toBe(204)
    expect((await root.delete(`/v1/users/${ABSENT}`)).status).toBe(404)
  })

  it('lets an admin delete themselves while there is another', async () => {
    const site = testSite()
    const root = await site.root()
    await site.memberWith('admin', 'ada')
    expect((await root.delete(`/v1/users/${root.userId}`)).status).toBe(204)
    expect((await root.get('/v1/me')).status).toBe(401)
  })
})
