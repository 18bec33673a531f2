import { describe, expect, it } from 'vitest'
import { routes } from '../../src/api/index.ts'
import { fieldsOf } from '../../src/http/answer-fields.ts'
import { bookingOf, bookingScene } from '../support/bookings.ts'
import { furnish } from '../support/every-route.ts'
import { type Client, type Member, testSite } from '../support/site.ts'

/** A thing with a revision: how it comes to be, and a change of it. */
const RESOURCES = {
  'your own profile': async (root: Member) => ({
    path: '/v1/me',
    patch: { bio: 'New' },
    tag: (await root.get('/v1/me')).headers.get('ETag') ?? '',
  }),
  "a member's profile": async (root: Member) => ({
    path: `/v1/users/${root.userId}`,
    patch: { bio: 'New' },
    tag: (await root.get(`/v1/users/${root.userId}`)).headers.get('ETag') ?? '',
  }),
  'a badge': async (root: Member) => {
    const { body, headers } = await root.post('/v1/badges', { title: 'Regular' })
    const [path, tag] = [`/v1/badges/${body.id}`, headers.get('ETag') ?? '']
    return { path, patch: { title: 'New' }, tag }
  },
  'a badge rule': async (root: Member) => {
    const badgeId = (await root.post('/v1/badges', { title: 'Regular' })).body.id
    const rule = { badgeId, metric: 'visits', threshold: 1 }
    const { body, headers } = await root.post('/v1/badge-rules', rule)
    const [path, tag] = [`/v1/badge-rules/${body.id}`, headers.get('ETag') ?? '']
    return { path, patch: { threshold: 2 }, tag }
  },
  'an API key': async (root: Member) => {
    const { body } = await root.post('/v1/api-keys', { name: 'Partner', scopes: [] })
    const path = `/v1/api-keys/${body.id}`
    return { path, patch: { name: 'New' }, tag: (await root.get(path)).headers.get('ETag') ?? '' }
  },
  'a service': async (root: Member) => {
    const { body, headers } = await root.post('/v1/services', { name: 'Haircut' })
    const [path, tag] = [`/v1/services/${body.id}`, headers.get('ETag') ?? '']
    return { path, patch: { name: 'New' }, tag }
  },
} as const

const resources = Object.entries(RESOURCES)

async function resource(make: (typeof resources)[number][1]) {
  const site = testSite()
  const root = await site.root()
  const { path, patch, tag } = await make(root)
  const read = async () => (await root.get(path)).body
  const change = async (ifMatch: string) =>
    root.patch(path, patch, { headers: { 'If-Match': ifMatch } })
  return { root, path, patch, tag, read, change }
}

/** The revision with which a tag of ours begins. */
function revisionIn(tag: string | null): number {
  return Number(/^"(\d+)(\.[\w-]{16})?"$/.exec(tag ?? '')?.[1])
}

describe.each(resources)('RFC 9110, section 13.1.1: If-Match on %s', (_, make) => {
  it('the ETag begins with the revision, in every answer, and moves with each change', async () => {
    const { root, path, patch, tag, read } = await resource(make)
    const { revision } = await read()
    expect(revisionIn(tag)).toBe(revision)
    const changed = await root.patch(path, patch)
    expect(revisionIn(changed.headers.get('ETag'))).toBe(changed.body.revision)
    expect(changed.body.revision).toBe(revision + 1)
    // A change is answered with the full profile, whichever view was read before.
    const same = path.startsWith('/v1/users/') ? `${path}?view=full` : path
    expect((await root.get(same)).headers.get('ETag')).toBe(changed.headers.get('ETag'))
  })

  it.each([
    ['the current tag', (tag: string) => tag],
    ['*', () => '*'],
    ['the current tag as networks weaken it', (tag: string) => `W/${tag}`],
    ['the revision alone', (tag: string) => `"${revisionIn(tag)}"`],
    ['the revision alone, weakened', (tag: string) => `W/"${revisionIn(tag)}"`],
    ['the revision with another digest', (tag: string) => `"${revisionIn(tag)}.${'A'.repeat(16)}"`],
    ['a list with the current tag', (tag: string) => `"0", ${tag} ,"x", W/"7"`],
    ['a list with empty elements', (tag: string) => `,, ${tag},`],
  ])('%s lets the change through', async (_, ifMatch) => {
    const { tag, change } = await resource(make)
    expect((await change(ifMatch(tag))).status).toBe(200)
  })

  it.each([
    ['a tag of another revision', () => '"99"'],
    ['the current tag, weakened by nobody we know', (tag: string) => `w/${tag}`],
    ['the current tag, weakened twice', (tag: string) => `W/W/${tag}`],
    ['the revision with a digest that is none', (tag: string) => `"${revisionIn(tag)}.x"`],
    ['the current tag without quotes', (tag: string) => tag.slice(1, -1)],
    ['the current tag in single quotes', (tag: string) => tag.replaceAll('"', "'")],
    ['the current tag with leading zeros', (tag: string) => tag.replace('"', '"00')],
    ['the current number spelled otherwise', (tag: string) => tag.replace(/"$/, '.0"')],
    ['a list without it', () => '"98", "99"'],
    ['an empty tag', () => '""'],
    ['nothing', () => ''],
    ['garbage', () => `"'; drop table users; --"`],
    ['a tag no number can hold', () => `"${'9'.repeat(400)}"`],
    ['a negative one', () => '"-1"'],
    ['a star among others', () => '"99", *'],
  ])('%s is 412 and changes nothing', async (_, ifMatch) => {
    const { tag, change, read } = await resource(make)
    const before = await read()
    const { status, body } = await change(ifMatch(tag))
    expect([status, body.code]).toEqual([412, 'precondition_failed'])
    expect(await read()).toEqual(before)
  })

  it('of two changes meant for the same revision one gets through', async () => {
    const { tag, change } = await resource(make)
    const statuses = (await Promise.all([1, 2, 3, 4].map(() => change(tag)))).map(
      ({ status }) => status,
    )
    expect(statuses.filter((status) => status === 200).length).toBe(1)
    expect(statuses.filter((status) => status === 412).length).toBe(3)
  })
})

describe('If-Match on a deletion', () => {
  it.each(['badges', 'badge-rules', 'users'])('of %s is honoured', async (kind) => {
    const site = testSite()
    const [root, ada] = [await site.root(), await site.member('ada')]
    const badgeId = (await root.post('/v1/badges', { title: 'Regular' })).body.id
    const rule = { badgeId, metric: 'visits', threshold: 1 }
    const ruleId = (await root.post('/v1/badge-rules', rule)).body.id
    const path = `/v1/${kind}/${{ badges: badgeId, 'badge-rules': ruleId, users: ada.userId }[kind]}`
    const remove = (tag: string) => root.delete(path, { headers: { 'If-Match': tag } })
    expect((await remove('"99"')).status).toBe(412)
    const read = await root.get(path)
    expect(read.status).toBe(200)
    expect((await remove(read.headers.get('ETag') ?? '')).status).toBe(204)
    expect((await remove(read.headers.get('ETag') ?? '')).status).toBe(404)
  })

  it('takes a list of any length that fits into a header', async () => {
    const ada = await testSite().member('ada')
    const tags = (from: number) =>
      Array.from({ length: 500 }, (_, index) => `"${from + index}"`).join(', ')
    const change = (ifMatch: string) =>
      ada.patch('/v1/me', { bio: 'x' }, { headers: { 'If-Match': ifMatch } })
    expect((await change(tags(2))).status).toBe(412)
    expect((await change(tags(1))).status).toBe(200)
  })
})

describe.each(resources)('RFC 9110, section 13.1.2: If-None-Match on %s', (_, make) => {
  it.each([
    ['the current tag', (tag: string) => tag],
    ['the current tag as networks weaken it', (tag: string) => `W/${tag}`],
    ['a list with the current tag', (tag: string) => `"0", ${tag} ,"x"`],
    ['*', () => '*'],
  ])('%s is 304 without a body, to GET and HEAD', async (_, ifNoneMatch) => {
    const { root, path, tag } = await resource(make)
    const headers = { 'If-None-Match': ifNoneMatch(tag) }
    for (const method of ['GET', 'HEAD']) {
      const { status, text, headers: answered } = await root.call(method, path, { headers })
      expect([method, status, text, answered.get('ETag')]).toEqual([method, 304, '', tag])
      expect(answered.get('X-D1-Bookmark')).not.toBeNull()
      expect(answered.get('Cache-Control')).toBe('no-store, no-transform')
    }
  })

  it.each([
    ['a tag of another revision', () => '"99"'],
    ['the current tag without quotes', (tag: string) => tag.slice(1, -1)],
    ['a foreign tag', () => '"x"'],
    ['nothing', () => ''],
  ])('%s is 200', async (_, ifNoneMatch) => {
    const { root, path, tag } = await resource(make)
    const { status, body } = await root.get(path, {
      headers: { 'If-None-Match': ifNoneMatch(tag) },
    })
    expect([status, body.revision]).toEqual([200, revisionIn(tag)])
  })

  it('a change that is meant for nothing, or for another state, is 412', async () => {
    const { root, path, patch, tag, read } = await resource(make)
    const before = await read()
    for (const ifNoneMatch of ['*', tag, `W/${tag}`, `"99", ${tag}`]) {
      const { status } = await root.patch(path, patch, {
        headers: { 'If-None-Match': ifNoneMatch },
      })
      expect([ifNoneMatch, status]).toEqual([ifNoneMatch, 412])
    }
    expect(await read()).toEqual(before)
    const { status } = await root.patch(path, patch, { headers: { 'If-None-Match': '"99"' } })
    expect(status).toBe(200)
  })
})

it('every route with an ETag answers 304 for it', async () => {
  const { root, calls } = await furnish(testSite())
  const tagged = calls.filter(
    ({ method, route }) => method === 'GET' && fieldsOf(route.output).etag !== undefined,
  )
  expect(tagged.map(({ route }) => route.path).sort()).toEqual([
    '/v1/api-keys/:keyId',
    '/v1/badge-rules/:ruleId',
    '/v1/badges/:badgeId',
    '/v1/bookings/:bookingId',
    '/v1/me',
    '/v1/page-rules/:ruleId',
    '/v1/services/:serviceId',
    '/v1/users/:userId',
    '/v1/webhooks/:webhookId',
  ])
  for (const { path } of tagged) {
    const tag = (await root.get(path)).headers.get('ETag') ?? ''
    expect([path, (await root.get(path, { headers: { 'If-None-Match': tag } })).status]).toEqual([
      path,
      304,
    ])
  }
})

describe('an ETag moves when the answer moves, although the revision stays', () => {
  async function tagOf(client: Client, path: string) {
    const { headers, body } = await client.get(path)
    return { tag: headers.get('ETag') ?? '', revision: body.revision as number }
  }

  it.each(['', '?view=full'])('of a profile%s, with its badges', async (query) => {
    const site = testSite()
    const [root, ada] = [await site.root(), await site.member('ada')]
    const path = `/v1/users/${ada.userId}${query}`
    const badgeId = (await root.post('/v1/badges', { title: 'Regular' })).body.id
    const tags = [await tagOf(ada, path)]
    for (const act of [
      () => root.put(`/v1/users/${ada.userId}/badges/${badgeId}`),
      () => root.patch(`/v1/badges/${badgeId}`, { title: 'Stranger' }),
      () => root.delete(`/v1/users/${ada.userId}/badges/${badgeId}`),
    ]) {
      const before = tags.at(-1)?.tag ?? ''
      await act()
      tags.push(await tagOf(ada, path))
      const read = await ada.get(path, { headers: { 'If-None-Match': before } })
      expect(read.status).toBe(200)
    }
    expect(new Set(tags.map(({ revision }) => revision)).size).toBe(1)
    expect(new Set(tags.slice(0, 3).map(({ tag }) => tag)).size).toBe(3)
    // What is shown again as it was has its tag again.
    expect(tags[3]).toEqual(tags[0])
  })

  it('and an award makes nobody’s change 412', async () => {
    const site = testSite()
    const [root, ada] = [await site.root(), await site.member('ada')]
    const { tag } = await tagOf(ada, '/v1/me')
    const badgeId = (await root.post('/v1/badges', { title: 'Regular' })).body.id
    await root.put(`/v1/users/${ada.userId}/badges/${badgeId}`)
    const changed = await ada.patch('/v1/me', { bio: 'x' }, { headers: { 'If-Match': tag } })
    expect(changed.status).toBe(200)
  })

  it('of a booking, with what the caller may do with it', async () => {
    const { site, root, slot } = await bookingScene()
    const [ada, manager] = [await site.member('ada'), await site.memberWith('bookings-manager')]
    const path = `/v1/bookings/${(await bookingOf(ada, await slot())).id}`
    const [hers, theirs] = [await tagOf(ada, path), await tagOf(manager, path)]
    expect(hers.revision).toBe(theirs.revision)
    expect(hers.tag).not.toBe(theirs.tag)
    await root.delete(`/v1/users/${manager.userId}/roles/bookings-manager`)
    await root.put(`/v1/users/${ada.userId}/roles/bookings-manager`)
    const asManager = await ada.get(path, { headers: { 'If-None-Match': theirs.tag } })
    // Nobody confirms their own, so the new role adds nothing to what she may do with it.
    expect([asManager.status, asManager.headers.get('ETag')]).toEqual([200, hers.tag])
  })

  it('and the views of a profile have tags of their own', async () => {
    const ada = await testSite().member('ada')
    const path = `/v1/users/${ada.userId}`
    const [less, more] = [await tagOf(ada, path), await tagOf(ada, `${path}?view=full`)]
    expect(less.tag).not.toBe(more.tag)
    const headers = { 'If-None-Match': less.tag }
    expect((await ada.get(`${path}?view=full`, { headers })).status).toBe(200)
  })
})

it('who lost the right gets 403 with the current tag, and 404 what is gone', async () => {
  const site = testSite()
  const [root, ada] = [await site.root(), await site.member('ada')]
  const moderator = await site.memberWith('moderator')
  const path = `/v1/users/${ada.userId}?view=full`
  const headers = { 'If-None-Match': (await moderator.get(path)).headers.get('ETag') ?? '' }
  expect((await moderator.get(path, { headers })).status).toBe(304)
  expect((await site.bearer('x').get(path, { headers })).status).toBe(401)
  expect((await moderator.get(path, { headers: { ...headers, Accept: 'text/html' } })).status).toBe(
    406,
  )
  await root.delete(`/v1/users/${moderator.userId}/roles/moderator`)
  expect((await moderator.get(path, { headers })).status).toBe(403)
  await root.delete(`/v1/users/${ada.userId}`)
  expect((await root.get(path, { headers: { 'If-None-Match': '*' } })).status).toBe(404)
})

describe('PUT of a role', () => {
  const path = '/v1/roles/greeter'
  const define = async (root: Member, headers: Record<string, string>, permission: string) =>
    (await root.put(path, { permissions: [{ permission, reach: 'any' }] }, { headers })).status

  it('with If-None-Match: * makes one, and overwrites none', async () => {
    const root = await testSite().root()
    const headers = { 'If-None-Match': '*' }
    expect(await define(root, headers, 'profile:list')).toBe(201)
    expect(await define(root, headers, 'profile:list')).toBe(412)
    expect(await define(root, headers, 'visit:read')).toBe(412)
    expect(await define(root, {}, 'visit:read')).toBe(200)
  })

  it('with If-None-Match: * is made once by many at a time', async () => {
    const root = await testSite().root()
    const headers = { 'If-None-Match': '*' }
    const made = await Promise.all(
      ['visit:read', 'profile:list', 'booking:read'].map((each) => define(root, headers, each)),
    )
    expect(made.toSorted((a, b) => a - b)).toEqual([201, 412, 412])
  })

  it('with If-Match: * makes none', async () => {
    const root = await testSite().root()
    const headers = { 'If-Match': '*' }
    expect(await define(root, headers, 'profile:list')).toBe(412)
    await define(root, {}, 'profile:list')
    expect(await define(root, headers, 'visit:read')).toBe(200)
  })
})

it('every PATCH and DELETE that answers with an ETag honours If-Match', () => {
  const writes = routes.filter(({ method }) => method === 'PATCH' || method === 'DELETE')
  const outputs = writes.filter(({ output }) => output !== 'nothing' && fieldsOf(output).etag)
  expect(outputs.filter(({ conditional }) => !conditional).map(({ path }) => path)).toEqual([])
})
