import { describe, expect, it } from 'vitest'
import { type Member, testSite } from '../support/site.ts'

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

describe.each(resources)('RFC 9110, section 13.1.1: If-Match on %s', (_, make) => {
  it('the ETag is the revision, in every answer, and moves with each change', async () => {
    const { root, path, patch, tag, read } = await resource(make)
    expect(tag).toBe(`"${(await read()).revision}"`)
    const changed = await root.patch(path, patch)
    expect(changed.headers.get('ETag')).toBe(`"${changed.body.revision}"`)
    expect(changed.body.revision).toBe(Number(tag.slice(1, -1)) + 1)
    expect((await root.get(path)).headers.get('ETag')).toBe(changed.headers.get('ETag'))
  })

  it.each([
    ['the current tag', (tag: string) => tag],
    ['*', () => '*'],
    ['a list with the current tag', (tag: string) => `"0", ${tag} ,"x", W/"7"`],
    ['a list with empty elements', (tag: string) => `,, ${tag},`],
  ])('%s lets the change through', async (_, ifMatch) => {
    const { tag, change } = await resource(make)
    expect((await change(ifMatch(tag))).status).toBe(200)
  })

  it.each([
    ['a tag of another revision', () => '"99"'],
    ['the current tag, weak (section 8.8.3.2)', (tag: string) => `W/${tag}`],
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
