import { describe, expect, it } from 'vitest'
import { idOf, TIME } from '../support/shapes.ts'
import { type Client, testSite } from '../support/site.ts'

const ABSENT = 'bdg_01jqz00000000000000000000x'

async function titlesOf(client: Client): Promise<string[]> {
  const { body } = await client.get('/v1/badges')
  return body.items.map(({ title }: { title: string }) => title)
}

describe('POST /v1/badges', () => {
  it('makes a badge of a title alone, with every other field by default', async () => {
    const root = await testSite().root()
    const { status, headers, body } = await root.post('/v1/badges', { title: 'Early bird' })
    expect(status).toBe(201)
    expect(body).toEqual({
      id: idOf('bdg'),
      slug: 'early-bird',
      title: 'Early bird',
      description: '',
      backgroundColor: '#334155',
      textColor: '#ffffff',
      iconUrl: null,
      position: 1,
      revision: 1,
      createdAt: TIME,
      updatedAt: body.createdAt,
    })
    expect(headers.get('ETag')).toBe('"1"')
    expect(headers.get('Location')).toBe(`/v1/badges/${body.id}`)
    const read = await testSite().anonymous.get(`/v1/badges/${body.id}`)
    expect(read.body).toEqual(body)
  })

  it('takes every writable field as sent', async () => {
    const root = await testSite().root()
    const badge = {
      slug: 'no-1',
      title: '😀'.repeat(50),
      description: 'Line one\n\tand two'.padEnd(1500, '.'),
      backgroundColor: '#0a1B2c',
      textColor: '#FFFFFF',
      iconUrl: 'https://cdn.example/1.svg',
      position: 0,
    }
    expect(await root.post('/v1/badges', badge)).toMatchObject({ status: 201, body: badge })
  })

  it.each([
    ['Early Bird!', 'early-bird'],
    ['  100 Visits  ', '100-visits'],
    ['Ünïcödé naïveté', 'unicode-naivete'],
    ['--C++ & Rust--', 'c-rust'],
    ['常連', 'badge'],
    ['😀', 'badge'],
  ])('makes the slug of the title "%s"', async (title, slug) => {
    const root = await testSite().root()
    expect((await root.post('/v1/badges', { title })).body.slug).toBe(slug)
  })

  it('makes slugs of any title that PATCH accepts', async () => {
    const root = await testSite().root()
    for (const title of ['㎯'.repeat(50), '㎯'.repeat(50), '½'.repeat(50)]) {
      const { body } = await root.post('/v1/badges', { title })
      const { status } = await root.patch(`/v1/badges/${body.id}`, { slug: body.slug })
      expect({ slug: body.slug, status }).toMatchObject({ status: 200 })
    }
  })

  it('makes another slug if the one of the title is taken; one that was sent is a conflict', async () => {
    const root = await testSite().root()
    await root.post('/v1/badges', { title: 'Regular' })
    const second = await root.post('/v1/badges', { title: 'Regular' })
    expect(second.status).toBe(201)
    expect(second.body.slug).toMatch(/^regular-[0-9a-z]{6}$/)
    expect(await root.post('/v1/badges', { title: 'Other', slug: 'regular' })).toMatchObject({
      status: 409,
      body: { code: 'conflict', detail: 'Another badge has this slug.' },
    })
    expect(await titlesOf(root)).toEqual(['Regular', 'Regular'])
  })

  it.each([
    ['title', undefined],
    ['title', ''],
    ['title', 'x'.repeat(51)],
    ['title', null],
    ['description', 'x'.repeat(1501)],
    ['description', null],
    ['backgroundColor', 'red'],
    ['backgroundColor', '#fff'],
    ['textColor', '#gggggg'],
    ['textColor', '#ffffff00'],
    ['iconUrl', 'http://cdn.example/1.svg'],
    ['iconUrl', 'data:image/svg+xml,<svg/>'],
    ['position', -1],
    ['position', 1.5],
    ['position', '1'],
    ['slug', 'Regular'],
    ['slug', 'a--b'],
    ['slug', '-a'],
    ['slug', 'a/b'],
    ['slug', ''],
    ['id', ABSENT],
    ['revision', 1],
  ])('refuses %s (%#), names it, and makes nothing', async (path, value) => {
    const root = await testSite().root()
    const { status, body } = await root.post('/v1/badges', { title: 'Fine', [path]: value })
    expect(status).toBe(422)
    expect(new Set(body.errors.map((error: { path: string }) => error.path))).toEqual(
      new Set([path]),
    )
    expect(await titlesOf(root)).toEqual([])
  })
})

describe('GET /v1/badges', () => {
  it('lists by position, new ones at the end, and pages in that order', async () => {
    const site = testSite()
    const root = await site.root()
    for (const badge of [
      { title: 'b', position: 7 },
      { title: 'a', position: 3 },
      { title: 'd' },
      { title: 'c', position: 7 },
    ]) {
      await root.post('/v1/badges', badge)
    }
    expect(await titlesOf(site.anonymous)).toEqual(['a', 'b', 'c', 'd'])
    const first = (await site.anonymous.get('/v1/badges?limit=2')).body
    const rest = await site.anonymous.get(`/v1/badges?limit=2&cursor=${first.nextCursor}`)
    const titles = [...first.items, ...rest.body.items].map(({ title }) => title)
    expect(titles).toEqual(['a', 'b', 'c', 'd'])
    expect(rest.body.nextCursor).toBeNull()
  })

  it.each([ABSENT, 'bdg_1', ABSENT.replace('bdg', 'rul')])('has no badge %s', async (id) => {
    expect((await testSite().anonymous.get(`/v1/badges/${id}`)).status).toBe(404)
  })
})

describe('PATCH /v1/badges/{badgeId}', () => {
  it('merges the given fields, counts the revision up, and shows at once', async () => {
    const site = testSite()
    const root = await site.root()
    const { body: badge } = await root.post('/v1/badges', {
      title: 'Regular',
      iconUrl: 'https://cdn.example/1.svg',
    })
    const path = `/v1/badges/${badge.id}`
    const patched = await root.patch(path, { title: 'Patron', iconUrl: null })
    expect(patched.status).toBe(200)
    expect(patched.headers.get('ETag')).toBe('"2"')
    expect(patched.body).toEqual({
      ...badge,
      title: 'Patron',
      iconUrl: null,
      revision: 2,
      updatedAt: TIME,
    })
    expect((await site.anonymous.get(path)).body).toEqual(patched.body)
  })

  it('refuses the slug of another badge, a stale revision, and a badge that is not there', async () => {
    const root = await testSite().root()
    await root.post('/v1/badges', { title: 'Taken' })
    const { body: badge } = await root.post('/v1/badges', { title: 'Mine' })
    const path = `/v1/badges/${badge.id}`
    const stale = { headers: { 'If-Match': '"7"' } }
    expect((await root.patch(path, { slug: 'taken' })).body.code).toBe('conflict')
    expect((await root.patch(path, { title: 'x' }, stale)).body.code).toBe('precondition_failed')
    expect((await root.delete(path, stale)).body.code).toBe('precondition_failed')
    expect((await root.patch(`/v1/badges/${ABSENT}`, { title: 'x' })).status).toBe(404)
    expect((await root.get(path)).body).toEqual(badge)
    expect((await root.patch(path, { slug: 'mine' })).status).toBe(200)
  })
})

describe('DELETE /v1/badges/{badgeId}', () => {
  it('takes its assignments and rules with it, and leaves others', async () => {
    const site = testSite()
    const [root, ada] = [await site.root(), await site.member('ada')]
    const [gone, kept] = [
      (await root.post('/v1/badges', { title: 'Gone' })).body,
      (await root.post('/v1/badges', { title: 'Kept' })).body,
    ]
    const rules: string[] = []
    for (const badge of [gone, kept]) {
      await root.put(`/v1/users/${ada.userId}/badges/${badge.id}`)
      const rule = { badgeId: badge.id, metric: 'visits', threshold: 9 }
      rules.push((await root.post('/v1/badge-rules', rule)).body.id)
    }
    const path = `/v1/badges/${gone.id}`
    expect((await root.delete(path)).status).toBe(204)
    expect((await root.get(path)).status).toBe(404)
    expect((await root.delete(path)).status).toBe(404)
    expect((await root.get(`/v1/badge-rules/${rules[0]}`)).status).toBe(404)
    expect((await root.get(`/v1/badge-rules/${rules[1]}`)).status).toBe(200)
    expect((await ada.get('/v1/me')).body.badges).toMatchObject([{ id: kept.id }])
    const held = await ada.get(`/v1/users/${ada.userId}/badges`)
    expect(held.body.items).toMatchObject([{ badge: { id: kept.id } }])
    expect((await ada.get('/v1/me/progress')).body.items).toHaveLength(1)
    expect((await root.post('/v1/badges', { title: 'Gone' })).body.slug).toBe('gone')
  })
})
