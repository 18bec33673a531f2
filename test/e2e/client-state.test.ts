/** A client keeps its token, its bookmark and its place in a list from call to call. */
import { describe, expect, test } from 'vitest'
import { createClient } from '../../src/client/index.ts'
import { siteForFile } from './support/client-site.ts'

const site = siteForFile()
const EXPIRED = -3600

describe('a token that is asked for', () => {
  /** A `getToken` that gives one token after the other, and the refused tokens it was told. */
  function asking(...tokens: readonly string[]) {
    const asked: (string | undefined)[] = []
    const getToken = async (refused?: string) => {
      asked.push(refused)
      return tokens[asked.length - 1] ?? ''
    }
    return { asked, ...createClient({ baseUrl: site.url, getToken }) }
  }

  test('is asked for once and kept while it is good', async () => {
    const { v1, asked } = asking(await site.token('kept'))
    await Promise.all([v1.me.$get(), v1.me.$get()])
    await v1.me.$get()
    expect(asked).toEqual([undefined])
  })

  test('is asked for once more when it is refused, for all the calls that were on the way', async () => {
    const [old, fresh] = [await site.token('many', EXPIRED), await site.token('many')]
    const { v1, asked } = asking(old, fresh)
    const calls = Array.from({ length: 20 }, () => v1.me.$get())
    const ids = new Set((await Promise.all(calls)).map(({ id }) => id))
    expect(ids.size).toBe(1)
    expect(asked).toEqual([undefined, old])
    expect(site.seen).toHaveLength(40)
  })

  test('is taken as it is by a call that comes back late, when another has it already', async () => {
    const [old, fresh] = [await site.token('late', EXPIRED), await site.token('late')]
    const { v1, asked } = asking(old, fresh)
    const early = v1.me.$get()
    const late = v1.badges.$get()
    await early
    await late
    expect(asked).toEqual([undefined, old])
  })

  test('keeps the Idempotency-Key of the call, whose body is sent again', async () => {
    const { v1 } = asking(await site.token('root', EXPIRED), await site.token())
    const { title } = await v1.badges.$post({ json: { title: 'Refreshed' } })
    expect(title).toBe('Refreshed')
    const [first, second] = site.seen.map(({ headers }) => headers.get('Idempotency-Key'))
    expect(second).toBe(first)
  })

  test('that is no better than the one before ends the call', async () => {
    const { v1, asked } = asking(await site.token('x', EXPIRED), await site.token('y', EXPIRED))
    await expect(v1.me.$get()).rejects.toMatchObject({ code: 'invalid_token', stage: 'credential' })
    expect(asked).toHaveLength(2)
    expect(site.seen).toHaveLength(2)
  })

  test('that cannot be had ends the call with the reason, and the next call asks again', async () => {
    const reasons = [new Error('offline'), new Error('signed out')]
    const getToken = async () => Promise.reject(reasons.shift() ?? new Error('asked too often'))
    const { v1 } = createClient({ baseUrl: site.url, getToken })
    await expect(v1.me.$get()).rejects.toThrow('offline')
    await expect(v1.me.$get()).rejects.toThrow('signed out')
    expect(site.seen).toEqual([])
  })

  test('is no help against other refusals, and a given one cannot be renewed', async () => {
    const { v1, asked } = asking(await site.token('plain'))
    await expect(v1.users.$get()).rejects.toMatchObject({ code: 'forbidden' })
    expect(asked).toHaveLength(1)
    const given = createClient({ baseUrl: site.url, token: await site.token('x', EXPIRED) })
    await expect(given.v1.me.$get()).rejects.toMatchObject({ code: 'invalid_token' })
    expect(site.seen).toHaveLength(2)
  })
})

describe('the bookmark', () => {
  test('of the last answer goes with the next call, so that it reads what was written', async () => {
    const { v1 } = createClient({ baseUrl: site.url, token: await site.token() })
    const { id: badgeId } = await v1.badges.$post({ json: { title: 'Written' } })
    await v1.badges[':badgeId'].$get({ param: { badgeId } })
    const [write, read] = site.seen
    const bookmark = write?.answer?.headers.get('X-D1-Bookmark')
    expect(bookmark).toMatch(/^[\da-f-]+$/)
    expect(write?.headers.has('X-D1-Bookmark')).toBe(false)
    expect(read?.headers.get('X-D1-Bookmark')).toBe(bookmark)
  })

  test('that is kept is the newest, whichever answer came last, refusals included', async () => {
    const { v1 } = createClient({ baseUrl: site.url })
    const bookmarks = ['00000000-00000002-x', '00000000-00000001-x']
    site.fail(
      {
        status: 404,
        headers: { 'X-D1-Bookmark': bookmarks[0] ?? '' },
        body: '{"code":"not_found"}',
      },
      { status: 200, headers: { 'X-D1-Bookmark': bookmarks[1] ?? '' }, body: '{}' },
    )
    await expect(v1.whoami.$get()).rejects.toMatchObject({ code: 'not_found' })
    await v1.whoami.$get()
    await v1.whoami.$get()
    expect(site.seen.map(({ headers }) => headers.get('X-D1-Bookmark'))).toEqual([
      null,
      bookmarks[0],
      bookmarks[0],
    ])
  })
})

describe('a list', () => {
  async function fiveBadges() {
    const client = createClient({ baseUrl: site.url, token: await site.token() })
    const { items } = await client.v1.badges.$get()
    for (const { id: badgeId } of items)
      await client.v1.badges[':badgeId'].$delete({ param: { badgeId } })
    for (const title of ['a', 'b', 'c', 'd', 'e']) await client.v1.badges.$post({ json: { title } })
    return { ...client, from: site.seen.length }
  }

  test('is read to its end, page after page, each with what the first was asked for', async () => {
    const { v1, all, from } = await fiveBadges()
    const titles: string[] = []
    for await (const { title } of all(v1.badges.$get, { query: { limit: 2 } })) titles.push(title)
    expect(titles).toEqual(['a', 'b', 'c', 'd', 'e'])
    const paths = site.seen.slice(from).map(({ path }) => new URL(path, site.url).searchParams)
    expect(paths.map((query) => [query.get('limit'), query.has('cursor')])).toEqual([
      ['2', false],
      ['2', true],
      ['2', true],
    ])
  })

  test('is read no further than it is wanted', async () => {
    const { v1, all, from } = await fiveBadges()
    for await (const { title } of all(v1.badges.$get, { query: { limit: 2 } }))
      if (title === 'b') break
    expect(site.seen).toHaveLength(from + 1)
  })

  test('goes on over a failing page, and is aborted between two', async () => {
    const { v1, all } = await fiveBadges()
    const controller = new AbortController()
    const badges = all(v1.badges.$get, { query: { limit: 3 }, signal: controller.signal })
    site.fail('lost answer')
    expect((await badges.next()).value).toMatchObject({ title: 'a' })
    expect((await badges.next()).value).toMatchObject({ title: 'b' })
    expect((await badges.next()).value).toMatchObject({ title: 'c' })
    controller.abort(new Error('enough'))
    await expect(badges.next()).rejects.toThrow('enough')
  })
})
