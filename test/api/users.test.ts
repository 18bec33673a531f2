import { describe, expect, it } from 'vitest'
import { idOf, TIME } from '../support/shapes.ts'
import { type Client, type Site, testSite } from '../support/site.ts'

const ABSENT = 'usr_01jqz00000000000000000000x'

/** Members with these display names, and a moderator who is found last in every list. */
async function population(names: readonly string[]): Promise<{ site: Site; moderator: Client }> {
  const site = testSite()
  const root = await site.root()
  const moderator = await site.memberWith('moderator')
  await root.patch('/v1/me', { displayName: '\u{10fffd}' })
  await moderator.patch('/v1/me', { displayName: '\u{10fffd}' })
  for (const [index, name] of names.entries()) await site.member(`m${index}`, { name })
  return { site, moderator }
}

async function namesIn(client: Client, query: string): Promise<string[]> {
  const { body } = await client.get(`/v1/users?${query}`)
  return body.items.map(({ displayName }: { displayName: string }) => displayName)
}

describe('GET /v1/users/{userId}', () => {
  it('shows everybody the public profile, and no private field of it', async () => {
    const site = testSite()
    const ada = await site.member('ada', { name: 'Ada', email: 'ada@example.com' })
    await ada.patch('/v1/me', { bio: 'Hi', phone: '+4930123456', address: { city: 'Berlin' } })
    const { status, headers, body } = await site.anonymous.get(`/v1/users/${ada.userId}`)
    expect(status).toBe(200)
    expect(headers.get('ETag')).toMatch(/^"2\.[\w-]{16}"$/)
    expect(body).toEqual({
      id: ada.userId,
      displayName: 'Ada',
      bio: 'Hi',
      avatarUrl: null,
      badges: [],
      createdAt: TIME,
      revision: 2,
    })
    const explicit = await site.anonymous.get(`/v1/users/${ada.userId}?view=public`)
    expect(explicit.body).toEqual(body)
  })

  it('shows a badge beside the name, in the order of the badges', async () => {
    const site = testSite()
    const [root, ada] = [await site.root(), await site.member('ada')]
    const second = await root.post('/v1/badges', { title: 'Second', position: 2 })
    const first = await root.post('/v1/badges', { title: 'First', position: 1 })
    for (const { body } of [second, first]) {
      await root.put(`/v1/users/${ada.userId}/badges/${body.id}`)
    }
    const { body } = await site.anonymous.get(`/v1/users/${ada.userId}`)
    const shown = { backgroundColor: '#334155', textColor: '#ffffff', iconUrl: null }
    expect(body.badges).toEqual([
      { id: first.body.id, slug: 'first', title: 'First', ...shown },
      { id: second.body.id, slug: 'second', title: 'Second', ...shown },
    ])
    expect(body.revision).toBe(1)
  })

  it('answers view=full with the profile that the member sees, or refuses it', async () => {
    const site = testSite()
    const ada = await site.member('ada', { email: 'ada@example.com' })
    const full = `/v1/users/${ada.userId}?view=full`
    const { body: mine } = await ada.get('/v1/me')
    expect((await ada.get(full)).body).toEqual(mine)
    expect((await (await site.memberWith('moderator')).get(full)).body).toEqual(mine)
    expect(await (await site.member('eve')).get(full)).toMatchObject({
      status: 403,
      body: { required: 'profile:read', reach: 'any', stage: 'ownership' },
    })
    expect((await site.anonymous.get(full)).status).toBe(401)
  })

  it.each([
    ['a view that does not exist', `${ABSENT}?view=secret`, 422],
    ['a member who does not exist', ABSENT, 404],
    ['an id of another kind', ABSENT.replace('usr', 'bdg'), 404],
    ['an id that is none', 'me', 404],
    ['an id in capitals', ABSENT.toUpperCase(), 404],
    ['an id beyond 128 bits', 'usr_8zzzzzzzzzzzzzzzzzzzzzzzzz', 404],
  ])('refuses %s', async (_, path, status) => {
    expect((await testSite().anonymous.get(`/v1/users/${path}`)).status).toBe(status)
  })
})

describe('PATCH /v1/users/{userId}', () => {
  it('is PATCH /v1/me for oneself, and works for others as a moderator', async () => {
    const site = testSite()
    const ada = await site.member('ada')
    const path = `/v1/users/${ada.userId}`
    const own = await ada.patch(path, { bio: 'by me', phone: '+4930123456' })
    expect(own.body).toEqual((await ada.get('/v1/me')).body)
    const moderated = await (await site.memberWith('moderator')).patch(path, { bio: null })
    expect(moderated).toMatchObject({
      status: 200,
      body: { id: ada.userId, bio: null, phone: '+4930123456', revision: 3 },
    })
  })

  it('answers 404 for a member who does not exist, to those who may', async () => {
    const moderator = await testSite().memberWith('moderator')
    expect((await moderator.patch(`/v1/users/${ABSENT}`, { bio: 'x' })).status).toBe(404)
  })
})

describe('GET /v1/users', () => {
  it('lists public profiles by display name, in any case, then by age', async () => {
    const { moderator } = await population(['bob', 'Zoe', 'alice', 'Bob', 'Émile', 'Álvaro'])
    const { body } = await moderator.get('/v1/users?limit=6')
    const names = body.items.map(({ displayName }: { displayName: string }) => displayName)
    expect(names).toEqual(['alice', 'bob', 'Bob', 'Zoe', 'Álvaro', 'Émile'])
    expect(body.items[0]).toEqual({
      id: idOf('usr'),
      displayName: 'alice',
      bio: null,
      avatarUrl: null,
      badges: [],
      createdAt: TIME,
      revision: 1,
    })
  })

  it('pages through everybody once, in the same order', async () => {
    const names = Array.from({ length: 7 }, (_, index) => `Same ${index % 2}`)
    const { moderator } = await population(names)
    const whole = (await moderator.get('/v1/users')).body
    expect(whole.nextCursor).toBeNull()
    expect(whole.items).toHaveLength(9)
    const seen: unknown[] = []
    let cursor = ''
    do {
      const { body } = await moderator.get(`/v1/users?limit=2${cursor}`)
      expect(body.items.length).toBeLessThanOrEqual(2)
      seen.push(...body.items)
      cursor = body.nextCursor && `&cursor=${body.nextCursor}`
    } while (cursor)
    expect(seen).toEqual(whole.items)
  })

  it.each([
    ['in any case', 'AN', ['Ana', 'andré', 'ANNA']],
    ['only at the start', 'na', []],
    ['with wild cards as what they are', '%25', ['%_*']],
    ['beyond ASCII', 'ångström', ['Ångström']],
    ['however it is composed', 'A%CC%8A', ['Ångström']],
    ['of one letter that has two small forms', 'ΟΔΟΣ', ['Οδοσα']],
    ['of the whole name', '😀 Li', ['😀 Li']],
  ])('finds the start of a display name %s', async (_, q, found) => {
    const { moderator } = await population([
      'Ana',
      'andré',
      'ANNA',
      'Bo an',
      '%_*',
      'Ångström',
      'Οδοσα',
      '😀 Li',
    ])
    expect(await namesIn(moderator, `q=${q}`)).toEqual(found)
  })

  it('pages through what a search finds', async () => {
    const { moderator } = await population(['ab 1', 'ab 2', 'ab 3', 'b'])
    const { body } = await moderator.get('/v1/users?q=ab&limit=2')
    expect(body.items).toHaveLength(2)
    expect(await namesIn(moderator, `q=ab&limit=2&cursor=${body.nextCursor}`)).toEqual(['ab 3'])
    expect((await moderator.get(`/v1/users?q=b&cursor=${body.nextCursor}`)).status).toBe(422)
  })

  it('finds a member by the new name and no longer by the old', async () => {
    const { site, moderator } = await population(['Old'])
    await (await site.member('m0')).patch('/v1/me', { displayName: 'New' })
    expect(await namesIn(moderator, 'q=old')).toEqual([])
    expect(await namesIn(moderator, 'q=new')).toEqual(['New'])
  })
})
