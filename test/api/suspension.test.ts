import { describe, expect, it, test } from 'vitest'
import { rowsOf } from '../support/population.ts'
import { testSite } from '../support/site.ts'

const ABSENT = 'usr_01jqz00000000000000000000x'

describe('POST /v1/users/{userId}/suspend and /reinstate', () => {
  it('answer the full profile with its new status and revision', async () => {
    const site = testSite()
    const [mod, ada] = [await site.memberWith('moderator'), await site.member('ada')]
    const { body: before } = await ada.get('/v1/me')
    const suspended = await mod.post(`/v1/users/${ada.userId}/suspend`)
    expect(suspended).toMatchObject({ status: 200 })
    expect(suspended.body).toEqual({
      ...before,
      status: 'suspended',
      revision: 2,
      updatedAt: expect.any(String),
    })
    expect(suspended.headers.get('ETag')).toMatch(/^"2\.[\w-]{16}"$/)
    const { body } = await mod.post(`/v1/users/${ada.userId}/reinstate`, {})
    expect(body).toMatchObject({ status: 'active', revision: 3 })
  })

  it.each(['suspend', 'reinstate'])(
    '%s is idempotent: repeated, it changes and logs nothing',
    async (act) => {
      const site = testSite()
      const [root, ada] = [await site.root(), await site.member('ada')]
      await root.post(`/v1/users/${ada.userId}/suspend`)
      const first = await root.post(`/v1/users/${ada.userId}/${act}`)
      const again = await root.post(`/v1/users/${ada.userId}/${act}`)
      expect(again.status).toBe(200)
      expect(again.body).toEqual(first.body)
      const audit = await root.get(`/v1/audit?action=user.${act}`)
      expect(audit.body.items).toHaveLength(1)
    },
  )

  it.each(['suspend', 'reinstate'])('%s answers 404 for nobody, 422 for a body', async (act) => {
    const site = testSite()
    const [mod, ada] = [await site.memberWith('moderator'), await site.member('ada')]
    expect((await mod.post(`/v1/users/${ABSENT}/${act}`)).status).toBe(404)
    const { status, body } = await mod.post(`/v1/users/${ada.userId}/${act}`, { why: 'spam' })
    expect({ status, errors: body.errors }).toEqual({
      status: 422,
      errors: [{ in: 'json', path: 'why', message: 'this field is not known here' }],
    })
  })

  it('refuses to suspend the last active admin', async () => {
    const site = testSite()
    const root = await site.root()
    const mod = await site.memberWith('moderator')
    expect(await root.post(`/v1/users/${root.userId}/suspend`)).toMatchObject({
      status: 409,
      body: { code: 'last_admin' },
    })
    expect((await mod.post(`/v1/users/${root.userId}/suspend`)).status).toBe(403)
    expect((await root.get('/v1/me')).body).toMatchObject({ status: 'active', revision: 1 })
  })
})

describe('a suspended member', () => {
  it('has the open routes and whoami left; all else is 403 with stage session', async () => {
    const site = testSite()
    const [root, mod] = [await site.root(), await site.memberWith('moderator')]
    await root.post(`/v1/users/${mod.userId}/suspend`)
    const open = ['/v1/whoami', '/v1/badges', `/v1/users/${mod.userId}`, '/v1/permissions']
    for (const path of open) expect((await mod.get(path)).status).toBe(200)
    const own = `/v1/users/${mod.userId}`
    const refused = await Promise.all([
      mod.get('/v1/me'),
      mod.patch('/v1/me', { bio: 'x' }),
      mod.get('/v1/me/visits'),
      mod.post('/v1/me/visits'),
      mod.get('/v1/me/progress'),
      mod.get(`${own}?view=full`),
      mod.patch(own, { bio: 'x' }),
      mod.get(`${own}/visits`),
      mod.post(`${own}/reinstate`),
      mod.get('/v1/users'),
      mod.get('/v1/audit'),
    ])
    for (const reply of refused) {
      expect(reply).toMatchObject({
        status: 403,
        body: { code: 'suspended', stage: 'session', required: expect.any(String) },
      })
    }
    expect((await root.get(`${own}/visits`)).body.total).toBe(0)
  })

  it('gets everything back when reinstated, with the token they had', async () => {
    const site = testSite()
    const [root, mod] = [await site.root(), await site.memberWith('moderator')]
    await root.post(`/v1/users/${mod.userId}/suspend`)
    await root.post(`/v1/users/${mod.userId}/reinstate`)
    expect((await mod.get('/v1/users')).status).toBe(200)
    expect((await mod.get('/v1/whoami')).body.roles).toEqual(['member', 'moderator'])
  })

  it('gets what visits had earned only once reinstated', async () => {
    const site = testSite()
    const [root, ada] = [await site.root(), await site.member('ada')]
    const badge = await root.post('/v1/badges', { title: 'Regular' })
    const rule = { badgeId: badge.body.id, metric: 'visits', threshold: 1 }
    await root.post('/v1/badge-rules', rule)
    await ada.post('/v1/me/visits')
    await root.post(`/v1/users/${ada.userId}/suspend`)
    const badges = async () => (await ada.get(`/v1/users/${ada.userId}/badges`)).body.items
    await site.tick()
    expect(await badges()).toEqual([])
    await root.post(`/v1/users/${ada.userId}/reinstate`)
    await site.tick()
    expect(await badges()).toMatchObject([{ assignedBy: 'rule' }])
  })

  it('may still be given a badge and a role by an admin', async () => {
    const site = testSite()
    const [root, ada] = [await site.root(), await site.member('ada')]
    const badge = await root.post('/v1/badges', { title: 'Thanks' })
    await root.post(`/v1/users/${ada.userId}/suspend`)
    expect((await root.put(`/v1/users/${ada.userId}/badges/${badge.body.id}`)).status).toBe(201)
    await root.put(`/v1/users/${ada.userId}/roles/moderator`)
    expect((await ada.get('/v1/users')).body.code).toBe('suspended')
  })
})

describe('the reason for a suspension', () => {
  const reason = 'Advertised <b>in</b> every comment'

  test('is shown to the member and to whoever reads their profile, until they are reinstated', async () => {
    const site = testSite()
    const [ada, moderator] = [await site.member('ada'), await site.memberWith('moderator')]
    const path = `/v1/users/${ada.userId}`
    const once = { headers: { 'Idempotency-Key': 'suspend-1' } }
    const answers = [
      await moderator.post(`${path}/suspend`, { reason }, once),
      await moderator.post(`${path}/suspend`, { reason }, once),
      await moderator.post(`${path}/suspend`, { reason: 'Another one' }),
      await moderator.get(`${path}?view=full`),
    ]
    for (const { body } of answers) {
      expect(body).toMatchObject({ status: 'suspended', suspensionReason: reason })
    }
    expect((await ada.get('/v1/whoami')).body.suspension).toEqual({ reason })
    expect((await ada.get('/v1/me')).status).toBe(403)
    expect(Object.keys((await site.anonymous.get(path)).body)).not.toContain('suspensionReason')

    expect((await moderator.post(`${path}/reinstate`)).body.suspensionReason).toBeNull()
    expect((await ada.get('/v1/whoami')).body.suspension).toBeUndefined()
    const log = await rowsOf<{ changes: string }>(
      `select changes from audit_log where target = ? and action like 'user.%' order by id`,
      ada.userId,
    )
    expect(log.map(({ changes }) => changes)).toEqual(['{}', '{"fields":["reason"]}', '{}'])
  })

  test('is up to 500 characters of text, and nobody has to give one', async () => {
    const site = testSite()
    const [root, ada] = [await site.root(), await site.member('ada')]
    const path = `/v1/users/${ada.userId}/suspend`
    for (const wrong of ['', 'x'.repeat(501), 'a\u0000b', 7, ['x']]) {
      expect((await root.post(path, { reason: wrong })).status).toBe(422)
    }
    expect((await root.post(path)).body).toMatchObject({ suspensionReason: null })
    expect((await ada.get('/v1/whoami')).body.suspension).toEqual({ reason: null })
  })
})
