import { afterEach, describe, expect, it, vi } from 'vitest'
import { bookingOf } from '../support/bookings.ts'
import { claim } from '../support/claims.ts'
import { furnish } from '../support/every-route.ts'
import { intercepted } from '../support/intercept.ts'
import {
  type Client,
  type Member,
  ORIGIN,
  type Site,
  testSite,
  type Visitor,
} from '../support/site.ts'
import { sized } from '../support/size.ts'

const DAY = 24 * 60 * 60 * 1000

interface Sent {
  readonly path: string
  readonly body: unknown
  /** A second valid body; undefined where there is none. */
  readonly other: unknown
  /** The path of the act on another thing, if it is possible only once on this one. */
  readonly elsewhere?: string
}

const BADGE = { path: '/v1/badges', body: { title: 'A' }, other: { title: 'B' } }

type Make = (root: Member, site: Site) => Promise<Sent>

/** POSTs that create something; whatever they need is made on the way. */
const CREATIONS: Readonly<Record<string, Make>> = {
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
  'POST /v1/page-rules': async () => ({
    path: '/v1/page-rules',
    body: { path: '/a/*', access: 'members' },
    other: { path: '/b/*', access: 'members' },
  }),
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
    const body = { slotId: await slotFor(root) }
    return { path: '/v1/bookings', body, other: { ...body, note: 'x' } }
  },
  'POST /v1/api-keys': async () => ({
    path: '/v1/api-keys',
    body: { name: 'A', scopes: ['profile:read'] },
    other: { name: 'B', scopes: [] },
  }),
  'POST /v1/api-keys/{keyId}/rotate': async (root) => {
    const { id } = (await root.post('/v1/api-keys', { name: 'A', scopes: [] })).body
    return { path: `/v1/api-keys/${id}/rotate`, body: {}, other: { graceSeconds: 60 } }
  },
  'POST /v1/badge-assignments/bulk': async (root, site) => {
    const badgeId = (await root.post('/v1/badges', { title: 'Regular' })).body.id
    const [ada, grace] = [await site.member('ada'), await site.member('grace')]
    const path = '/v1/badge-assignments/bulk'
    const body = { badgeId, userIds: [ada.userId] }
    return { path, body, other: { badgeId, userIds: [grace.userId] } }
  },
  'POST /v1/me/visits': async () => ({ path: '/v1/me/visits', body: {}, other: undefined }),
}

const NO_BODY = { body: {}, other: undefined }

/** POSTs that change the state of something. */
const CHANGES: Readonly<Record<string, Make>> = {
  'POST /v1/bookings/{bookingId}/confirm': async (root, site) => ({
    ...(await toBookings(root, site, 'confirm')),
    ...NO_BODY,
  }),
  'POST /v1/bookings/{bookingId}/decline': async (root, site) => ({
    ...(await toBookings(root, site, 'decline')),
    body: { reason: 'A' },
    other: { reason: 'B' },
  }),
  'POST /v1/bookings/{bookingId}/cancel': async (root, site) => ({
    ...(await toBookings(root, site, 'cancel')),
    body: {},
    other: { reason: 'B' },
  }),
  'POST /v1/me/bookings/claim': async (root, site) => {
    const [visitor, another] = [await site.visitor(), await site.visitor()]
    for (const each of [visitor, another]) await bookingOf(each, await slotFor(root))
    const of = ({ token }: Visitor) => ({ visitorToken: token })
    return { path: '/v1/me/bookings/claim', body: of(visitor), other: of(another) }
  },
  'POST /v1/users/{userId}/suspend': async (_, site) => {
    const { userId } = await site.member('ada')
    return { path: `/v1/users/${userId}/suspend`, ...NO_BODY }
  },
  'POST /v1/users/{userId}/reinstate': async (root, site) => {
    const { userId } = await site.member('ada')
    await root.post(`/v1/users/${userId}/suspend`)
    return { path: `/v1/users/${userId}/reinstate`, ...NO_BODY }
  },
}

/** Somebody's pending bookings, one for each of two callers. */
async function toBookings(root: Member, site: Site, act: string) {
  const ada = await site.member('ada')
  const booked = async () => (await bookingOf(ada, await slotFor(root))).id
  const [one, another] = [await booked(), await booked()]
  return { path: `/v1/bookings/${one}/${act}`, elsewhere: `/v1/bookings/${another}/${act}` }
}

async function slotFor(root: Client) {
  const { id } = (await root.post('/v1/services', { name: 'Haircut' })).body
  return (await root.post(`/v1/services/${id}/slots`, { ...slotAt('10'), capacity: 9 })).body.id
}

function slotAt(hour: string) {
  return { startsAt: `2040-01-01T${hour}:00:00.000Z`, endsAt: `2040-01-01T${hour}:59:00.000Z` }
}

const POSTS = Object.entries({ ...CREATIONS, ...CHANGES })

async function start<S extends Sent>(make: (root: Member, site: Site) => Promise<S>) {
  const site = testSite()
  const root = await site.root()
  return { site, root, ...(await make(root, site)) }
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

/** The number of things done: rows of the audit log and visits counted. */
async function effects(site: Site, member: Member): Promise<number> {
  const row = await site.env.DB.prepare('select count(*) as count from audit_log').first('count')
  return Number(row) + (await member.get('/v1/me/visits')).body.total
}

afterEach(() => {
  vi.useRealTimers()
})

describe.each(POSTS)('Idempotency-Key on %s', (_, make) => {
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

  it('many at once have one effect and one answer', async () => {
    const { site, root, path, body } = await start(make)
    const before = await effects(site, root)
    const all = await Promise.all(
      Array.from({ length: sized(50, 12) }, () => post(site, root, path, body, 'k1')),
    )
    expect(await effects(site, root)).toBe(before + 1)
    expect(new Set(all.map(({ answer }) => JSON.stringify(answer))).size).toBe(1)
    expect(all.filter(({ replayed }) => replayed === null).length).toBe(1)
  })

  it('the same key of another caller is another key', async () => {
    const { site, root, path, body, other = body, elsewhere = path } = await start(make)
    const somebody = await site.memberWith('admin', 'somebody')
    const mine = await post(site, root, path, body, 'k1')
    const theirs = await post(site, somebody, elsewhere, other, 'k1')
    expect([theirs.replayed, theirs.answer.status]).toEqual([null, mine.answer.status])
    expect((await post(site, root, path, body, 'k1')).answer).toEqual(mine.answer)
    expect((await post(site, somebody, elsewhere, other, 'k1')).answer).toEqual(theirs.answer)
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

const OTHER_BODIES = POSTS.filter(
  ([name]) => !/visits$|run$|confirm$|suspend$|reinstate$/.test(name),
)

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

it('every route that takes the key stores its answer with what it does', async () => {
  const { root, calls } = await furnish(testSite())
  const forgetful: string[] = []
  const done: string[] = []
  for (const { route, method, path, json } of calls) {
    if (!route.idempotent) continue
    const once = { headers: { 'Idempotency-Key': path }, json }
    const first = await root.call(method, path, once)
    const again = await root.call(method, path, once)
    if (first.status >= 300) continue
    done.push(route.path)
    if (again.headers.get('Idempotency-Replayed') !== 'true')
      forgetful.push(`${method} ${route.path} does not hand on what \`request.remember\` gave it`)
  }
  expect(forgetful).toEqual([])
  expect(done.length).toBeGreaterThan(10)
})

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

it('a change of state that was refused stores nothing: once it is possible, it is done', async () => {
  const site = testSite()
  const root = await site.root()
  const suspend = () => post(site, root, `/v1/users/${root.userId}/suspend`, {}, 'k1')
  expect((await suspend()).answer.status).toBe(409)
  await site.memberWith('admin', 'another')
  expect(await suspend()).toMatchObject({ replayed: null, answer: { status: 200 } })
})

it('what was so already is answered again as it was, and not done after all', async () => {
  const { site, root, path, body } = await start(async (_, site) => {
    const { userId } = await site.member('ada')
    await (await site.root()).post(`/v1/users/${userId}/suspend`)
    return { path: `/v1/users/${userId}/suspend`, body: {}, other: undefined }
  })
  const first = await post(site, root, path, body, 'k1')
  await root.post(path.replace('suspend', 'reinstate'))
  expect(await post(site, root, path, body, 'k1')).toEqual({ ...first, replayed: 'true' })
  expect((await root.get('/v1/audit?action=user.suspend')).body.items).toHaveLength(1)
})

describe('what is changed by somebody else just before the write', () => {
  interface Meddled extends Sent {
    readonly meddle: () => Promise<unknown>
    readonly expected: object
  }

  const MEDDLED: Readonly<Record<string, (root: Member, site: Site) => Promise<Meddled>>> = {
    'a booking that is confirmed': async (root, site) => {
      const [ada, visitor] = [await site.member('ada'), await site.visitor()]
      const { id } = await bookingOf(visitor, await slotFor(root))
      return {
        path: `/v1/bookings/${id}/confirm`,
        ...NO_BODY,
        meddle: () => claim(ada, visitor),
        expected: { status: 'confirmed', owner: ada.userId, revision: 3 },
      }
    },
    'a member who is suspended': async (_, site) => {
      const ada = await site.member('ada')
      return {
        path: `/v1/users/${ada.userId}/suspend`,
        ...NO_BODY,
        meddle: () => ada.patch('/v1/me', { bio: 'New' }),
        expected: { status: 'suspended', bio: 'New', revision: 3 },
      }
    },
    'a member who is suspended, by another one': async (_, site) => {
      const [ada, mod] = [await site.member('ada'), await site.memberWith('moderator')]
      return {
        path: `/v1/users/${ada.userId}/suspend`,
        ...NO_BODY,
        meddle: () => mod.post(`/v1/users/${ada.userId}/suspend`),
        expected: { status: 'suspended', revision: 2 },
      }
    },
    'bookings that are claimed': async (root, site) => {
      const [ada, visitor] = [await site.member('ada'), await site.visitor()]
      await bookingOf(visitor, await slotFor(root))
      return {
        path: '/v1/me/bookings/claim',
        body: { visitorToken: visitor.token },
        other: undefined,
        meddle: () => claim(ada, visitor),
        expected: { claimed: 0 },
      }
    },
    'members who are given a badge': async (root, site) => {
      const { id: badgeId } = (await root.post('/v1/badges', { title: 'Regular' })).body
      const [ada, grace] = [await site.member('ada'), await site.member('grace')]
      return {
        path: '/v1/badge-assignments/bulk',
        body: { badgeId, userIds: [ada.userId, grace.userId] },
        other: undefined,
        meddle: () => root.put(`/v1/users/${grace.userId}/badges/${badgeId}`),
        expected: {
          results: [
            { userId: ada.userId, status: 'created', created: true },
            { userId: grace.userId, status: 'held', created: false },
          ],
        },
      }
    },
  }

  it.each(Object.entries(MEDDLED))(
    '%s: the answer says so, and so does its replay',
    async (_, make) => {
      const { site, root, path, body, meddle, expected } = await start(make)
      let isMeddled = false
      const slow = testSite(
        intercepted(async ({ text }, proceed) => {
          if (text.includes('insert into acting') && !isMeddled) {
            isMeddled = true
            await meddle()
          }
          return proceed()
        }),
      )
      const first = await post(slow, root, path, body, 'k1')
      expect(first.answer.status).toBe(200)
      expect(JSON.parse(first.answer.text)).toMatchObject(expected)
      const again = await post(site, root, path, body, 'k1')
      expect(again).toEqual({ replayed: 'true', answer: first.answer })
    },
  )
})

describe('what is changed by somebody else before every write', () => {
  interface Unsteady extends Sent {
    /** SQL that changes what the answer was foreseen from, each time it is run. */
    readonly change: string
  }

  const UNSTEADY: Readonly<Record<string, (root: Member, site: Site) => Promise<Unsteady>>> = {
    'a service whose slot is booked': async (root) => ({
      path: '/v1/bookings',
      body: { slotId: await slotFor(root) },
      other: undefined,
      change: 'update services set revision = revision + 1',
    }),
    'a booking that is confirmed': async (root, site) => ({
      ...(await toBookings(root, site, 'confirm')),
      ...NO_BODY,
      change: 'update bookings set revision = revision + 1',
    }),
    'a member who is suspended': async (_, site) => ({
      path: `/v1/users/${(await site.member('ada')).userId}/suspend`,
      ...NO_BODY,
      change: 'update users set revision = revision + 1',
    }),
    'bookings that are claimed': async (root, site) => {
      const visitor = await site.visitor()
      await bookingOf(visitor, await slotFor(root))
      return {
        path: '/v1/me/bookings/claim',
        body: { visitorToken: visitor.token },
        other: undefined,
        change: "update bookings set id = 'bkg_' || lower(hex(randomblob(13)))",
      }
    },
    'members who are given a badge': async (root, site) => {
      const { id: badgeId } = (await root.post('/v1/badges', { title: 'Regular' })).body
      const { userId } = await site.member('ada')
      await root.put(`/v1/users/${userId}/badges/${badgeId}`)
      return {
        path: '/v1/badge-assignments/bulk',
        body: { badgeId, userIds: [userId] },
        other: undefined,
        change: `update badge_assignments
          set removed_at = iif(removed_at is null, assigned_at, null)`,
      }
    },
  }

  it.each(Object.entries(UNSTEADY))('%s: 409, and nothing is done or stored', async (_, make) => {
    const { site, root, path, body, change } = await start(make)
    const before = await effects(site, root)
    let rounds = 0
    const unsteady = testSite(
      intercepted(async ({ text }, proceed) => {
        if (text.includes('insert into acting')) {
          rounds++
          await site.env.DB.prepare(change).run()
        }
        return proceed()
      }),
    )
    const { answer } = await post(unsteady, root, path, body, 'k1')
    expect([answer.status, JSON.parse(answer.text).code]).toEqual([409, 'conflict'])
    expect(rounds).toBeGreaterThan(1)
    expect(await effects(site, root)).toBe(before)
    const steady = await post(site, root, path, body, 'k1')
    expect(steady).toMatchObject({
      replayed: null,
      answer: { status: expect.toBeOneOf([200, 201]) },
    })
  })
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
