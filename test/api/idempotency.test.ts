import { afterEach, describe, expect, it, vi } from 'vitest'
import { type Member, ORIGIN, type Site, testSite } from '../support/site.ts'

const DAY = 24 * 60 * 60 * 1000

interface Sent {
  readonly path: string
  readonly body: unknown
  /** Valid as well, and different. */
  readonly other: unknown
}

const BADGE = { path: '/v1/badges', body: { title: 'A' }, other: { title: 'B' } }

/** The creating POSTs; what the first needs is made on the way. */
const CREATIONS: Readonly<Record<string, (root: Member) => Promise<Sent>>> = {
  'POST /v1/badges': async () => BADGE,
  'POST /v1/badges with a slug': async () => ({
    ...BADGE,
    body: { title: 'A', slug: 'a' },
    other: { title: 'A', slug: 'b' },
  }),
  'POST /v1/badge-rules': async (root) => {
    const badgeId = (await root.post('/v1/badges', { title: 'Regular' })).body.id
    const body = { badgeId, metric: 'visits', threshold: 1 }
    return { path: '/v1/badge-rules', body, other: { ...body, threshold: 2 } }
  },
  'POST /v1/jobs/{job}/run': async () => ({
    path: '/v1/jobs/prune-records/run',
    body: {},
    other: undefined,
  }),
  'POST /v1/services': async () => ({
    path: '/v1/services',
    body: { name: 'A' },
    other: { name: 'B' },
  }),
  'POST /v1/services/{serviceId}/slots': async (root) => {
    const { id } = (await root.post('/v1/services', { name: 'Haircut' })).body
    return { path: `/v1/services/${id}/slots`, body: slotAt('10'), other: slotAt('11') }
  },
  'POST /v1/bookings': async (root) => {
    const { id } = (await root.post('/v1/services', { name: 'Haircut' })).body
    const slot = await root.post(`/v1/services/${id}/slots`, { ...slotAt('10'), capacity: 9 })
    const body = { slotId: slot.body.id }
    return { path: '/v1/bookings', body, other: { ...body, note: 'x' } }
  },
  'POST /v1/api-keys': async () => ({
    path: '/v1/api-keys',
    body: { name: 'A', scopes: ['profile:read'] },
    other: { name: 'B', scopes: [] },
  }),
  'POST /v1/me/visits': async () => ({ path: '/v1/me/visits', body: {}, other: undefined }),
}

function slotAt(hour: string) {
  return { startsAt: `2040-01-01T${hour}:00:00.000Z`, endsAt: `2040-01-01T${hour}:59:00.000Z` }
}

const creations = Object.entries(CREATIONS)

async function start(make: (root: Member) => Promise<Sent>) {
  const site = testSite()
  const root = await site.root()
  return { site, root, ...(await make(root)) }
}

/** The whole answer as it came, for comparing bytes. */
async function post(site: Site, member: Member, path: string, body: unknown, key: string) {
  const response = await site.fetch(
    new Request(`${ORIGIN}${path}`, {
      method: 'POST',
      headers: {
        Authorization: `Bearer ${member.token}`,
        'Content-Type': 'application/json',
        'Idempotency-Key': key,
      },
      body: JSON.stringify(body),
    }),
  )
  const { status, headers } = response
  const replayed = headers.get('Idempotency-Replayed')
  const tags = [headers.get('ETag'), headers.get('Location'), headers.get('Content-Type')]
  return { replayed, answer: { status, tags, text: await response.text() } }
}

/** How often something was done: rows of the audit log and visits counted. */
async function effects(site: Site, member: Member): Promise<number> {
  const row = await site.env.DB.prepare('select count(*) as count from audit_log').first('count')
  return Number(row) + (await member.get('/v1/me/visits')).body.total
}

afterEach(() => {
  vi.useRealTimers()
})

describe.each(creations)('Idempotency-Key on %s', (_, make) => {
  it('the same key and body get the same answer, to the byte, marked as replayed', async () => {
    const { site, root, path, body } = await start(make)
    const first = await post(site, root, path, body, 'k1')
    expect(first.replayed).toBeNull()
    expect(first.answer.status).toBeLessThan(300)
    const before = await effects(site, root)
    for (const key of ['k1', '"k1"', 'k1']) {
      const again = await post(site, root, path, body, key)
      expect(again).toEqual({ replayed: 'true', answer: first.answer })
    }
    expect(await effects(site, root)).toBe(before)
  })

  it('50 at once have one effect and one answer', async () => {
    const { site, root, path, body } = await start(make)
    const before = await effects(site, root)
    const all = await Promise.all(
      Array.from({ length: 50 }, () => post(site, root, path, body, 'k1')),
    )
    expect(await effects(site, root)).toBe(before + 1)
    expect(new Set(all.map(({ answer }) => JSON.stringify(answer))).size).toBe(1)
    expect(all.filter(({ replayed }) => replayed === null).length).toBe(1)
  })

  it('the same key of another caller is another key', async () => {
    const { site, root, path, body, other = body } = await start(make)
    const somebody = await site.memberWith('admin', 'somebody')
    const mine = await post(site, root, path, body, 'k1')
    const theirs = await post(site, somebody, path, other, 'k1')
    expect([theirs.replayed, theirs.answer.status]).toEqual([null, mine.answer.status])
    expect((await post(site, root, path, body, 'k1')).answer).toEqual(mine.answer)
    expect((await post(site, somebody, path, other, 'k1')).answer).toEqual(theirs.answer)
  })

  it('is forgotten after 24 hours, and not before', async () => {
    const { site, path, body } = await start(make)
    const at = Date.now()
    const send = async (later: number) => {
      vi.setSystemTime(at + later)
      return (await post(site, await site.root(), path, body, 'k1')).replayed
    }
    expect([await send(0), await send(DAY - 1000), await send(DAY + 1000)]).toEqual([
      null,
      'true',
      null,
    ])
  })
})

const OTHER_BODIES = creations.filter(([name]) => !/visits|run$/.test(name))

it.each(OTHER_BODIES)(
  '%s: the same key with another body is 422 and does nothing',
  async (_, make) => {
    const { site, root, path, body, other } = await start(make)
    await post(site, root, path, body, 'k1')
    const before = await effects(site, root)
    const { replayed, answer } = await post(site, root, path, other, 'k1')
    const { code, errors } = JSON.parse(answer.text)
    expect([replayed, answer.status, code]).toEqual([null, 422, 'idempotency_mismatch'])
    expect(errors).toMatchObject([{ in: 'header', path: 'Idempotency-Key' }])
    expect(await effects(site, root)).toBe(before)
  },
)

it('of different bodies with one key at once, one is done and the others are 422', async () => {
  const { site, root, path } = await start(async () => BADGE)
  const before = await effects(site, root)
  const all = await Promise.all(
    Array.from({ length: 20 }, (_, i) => post(site, root, path, { title: `Badge ${i}` }, 'k1')),
  )
  expect(await effects(site, root)).toBe(before + 1)
  const statuses = all.map(({ answer }) => answer.status)
  expect(statuses.filter((status) => status === 201).length).toBe(1)
  expect(statuses.filter((status) => status === 422).length).toBe(19)
})

it('the same key on another route is 422', async () => {
  const { site, root } = await start(async () => BADGE)
  for (const job of ['prune-records', 'prune-visits']) {
    const { answer } = await post(site, root, `/v1/jobs/${job}/run`, {}, 'k1')
    expect(answer.status).toBe(job === 'prune-records' ? 202 : 422)
  }
})

it.each(['', '""', 'x'.repeat(256), `"${'x'.repeat(256)}"`, 'a b', '"a b"', 'é', 'a\tb'])(
  'a key that is not 1 to 255 visible ASCII characters is 422 (%#)',
  async (key) => {
    const { site, root } = await start(async () => BADGE)
    const { answer } = await post(site, root, BADGE.path, BADGE.body, key)
    const { status, text } = answer
    expect([status, JSON.parse(text).errors]).toEqual([
      422,
      [{ in: 'header', path: 'Idempotency-Key', message: expect.any(String) }],
    ])
    expect((await root.get('/v1/badges')).body.items).toEqual([])
  },
)

it.each(['x', 'x'.repeat(255), `"${'x'.repeat(255)}"`, '"', '!#$%&', 'a"b', '~'])(
  'a key of 1 to 255 visible ASCII characters is taken (%#)',
  async (key) => {
    const { site, root } = await start(async () => BADGE)
    expect((await post(site, root, BADGE.path, BADGE.body, key)).answer.status).toBe(201)
    expect((await post(site, root, BADGE.path, BADGE.body, key)).replayed).toBe('true')
  },
)

it('a request that failed stores nothing: corrected, it goes through under the same key', async () => {
  const { site, root } = await start(async () => BADGE)
  await root.post('/v1/badges', { title: 'Taken', slug: 'taken' })
  const attempts = [
    [{ title: '' }, 422],
    [{ title: 'A', slug: 'taken' }, 409],
    [{ title: 'A', slug: 'free' }, 201],
  ] as const
  for (const [body, status] of attempts) {
    expect((await post(site, root, '/v1/badges', body, 'k1')).answer.status).toBe(status)
  }
})

it('a replay is decided anew: who has lost the right gets nothing back', async () => {
  const { site, root } = await start(async () => BADGE)
  const other = await site.memberWith('admin', 'other')
  await post(site, other, BADGE.path, BADGE.body, 'k1')
  await root.delete(`/v1/users/${other.userId}/roles/admin`)
  expect((await post(site, other, BADGE.path, BADGE.body, 'k1')).answer.status).toBe(403)
})

it('a route that creates nothing takes no notice of the header', async () => {
  const ada = await testSite().member('ada')
  const headers = { 'Idempotency-Key': 'a b' }
  const patched = await ada.patch('/v1/me', { bio: 'x' }, { headers })
  expect([patched.status, patched.headers.get('Idempotency-Replayed')]).toEqual([200, null])
})
