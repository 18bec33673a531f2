/** Page rules that were fine when they were looked at, and are written when others have come between. */
import { describe, expect, test } from 'vitest'
import { interruptedStorage } from '../support/failing.ts'
import { type Client, testSite } from '../support/site.ts'

const BACK = { path: '/b/*', access: 'members', signInPath: '/a/login' }
const FORTH = { path: '/a/*', access: 'members', signInPath: '/b/login' }

const rulesOf = async (client: Client) => (await client.get('/v1/page-rules')).body.items

/** The first admin, and the same whose first write waits for what others do meanwhile. */
async function scene(meanwhile: (root: Client) => Promise<unknown>) {
  const root = await testSite().root()
  const storage = interruptedStorage(
    ({ text }) => /(insert into|update|delete from) "?page_rules/.test(text),
    () => meanwhile(root),
  )
  return { root, late: testSite(storage).bearer(root.token) }
}

describe('a rule that is moved a step', () => {
  const orderOf = async (client: Client) =>
    (await rulesOf(client)).map(({ path }: { path: string }) => path).join('')
  const make = async (root: Client, ...paths: string[]) => {
    const ids: string[] = []
    for (const path of paths) {
      ids.push((await root.post('/v1/page-rules', { path, access: 'members' })).body.id)
    }
    return ids
  }

  test('goes past the one that was named, or nowhere: whatever else is moved meanwhile', async () => {
    let ids: string[] = []
    const of = (at: number) => `/v1/page-rules/${ids[at]}`
    const { root, late } = await scene((root) =>
      root.patch(of(2), { step: { to: 'up', past: ids[1] } }),
    )
    ids = await make(root, '/a', '/b', '/c', '/d')
    // Meanwhile /c has come between the two, and the step would be one past it.
    const { status, body } = await late.patch(of(1), { step: { to: 'up', past: ids[0] } })
    expect([status, body.code, await orderOf(root)]).toEqual([409, 'conflict', '/a/c/b/d'])
  })

  test('is moved all the same if what came between were others', async () => {
    let ids: string[] = []
    const of = (at: number) => `/v1/page-rules/${ids[at]}`
    const { root, late } = await scene((root) =>
      root.patch(of(3), { step: { to: 'up', past: ids[2] } }),
    )
    ids = await make(root, '/a', '/b', '/c', '/d')
    expect((await late.patch(of(1), { step: { to: 'up', past: ids[0] } })).status).toBe(200)
    expect(await orderOf(root)).toBe('/b/a/d/c')
  })
})

describe('a rule that is made, changed or deleted', () => {
  test('does not complete a round with one that was made meanwhile', async () => {
    const { root, late } = await scene((root) => root.post('/v1/page-rules', FORTH))
    expect(await late.post('/v1/page-rules', BACK)).toMatchObject({
      status: 409,
      body: { detail: expect.stringContaining('sent round') },
    })
    expect(await rulesOf(root)).toMatchObject([FORTH])
  })

  test('does not complete one with a rule that was changed meanwhile', async () => {
    let id = ''
    const { root, late } = await scene((root) =>
      root.patch(`/v1/page-rules/${id}`, { signInPath: FORTH.signInPath }),
    )
    id = (await root.post('/v1/page-rules', { ...FORTH, signInPath: '/login' })).body.id
    expect((await late.post('/v1/page-rules', BACK)).status).toBe(409)
  })

  test('stays where it keeps one from being sent round that was made meanwhile', async () => {
    const { root, late } = await scene((root) =>
      root.post('/v1/page-rules', { ...FORTH, signInPath: '/a/login' }),
    )
    const open = { path: '/a/login', access: 'anyone' }
    const { body } = await root.post('/v1/page-rules', open)
    expect((await late.delete(`/v1/page-rules/${body.id}`)).status).toBe(409)
    expect(await rulesOf(root)).toHaveLength(2)
  })

  test('has no path that was taken meanwhile', async () => {
    const { root, late } = await scene((root) => root.post('/v1/page-rules', FORTH))
    const { status, body } = await late.post('/v1/page-rules', { ...FORTH, path: '/A/*' })
    expect({ status, code: body.code }).toEqual({ status: 409, code: 'conflict' })
    expect(await rulesOf(root)).toHaveLength(1)
  })

  test('names no badge that was deleted meanwhile', async () => {
    let id = ''
    const { root, late } = await scene((root) => root.delete(`/v1/badges/${id}`))
    id = (await root.post('/v1/badges', { title: 'Regular' })).body.id
    const rule = { path: '/club', access: { badge: id } }
    expect((await late.post('/v1/page-rules', rule)).status).toBe(404)
    expect(await rulesOf(root)).toEqual([])
  })

  test('is written when what came between has nothing to do with it, after all others', async () => {
    const { root, late } = await scene((root) => root.post('/v1/page-rules', FORTH))
    const other = { path: '/other', access: 'members' }
    expect(await late.post('/v1/page-rules', other)).toMatchObject({
      status: 201,
      body: { position: 2 },
    })
    expect(await rulesOf(root)).toHaveLength(2)
  })

  test('is at the revision that If-Match names when it is written, not before', async () => {
    let id = ''
    const { root, late } = await scene((root) =>
      root.patch(`/v1/page-rules/${id}`, { position: 5 }),
    )
    id = (await root.post('/v1/page-rules', FORTH)).body.id
    const headers = { 'If-Match': '"1"' }
    const changed = await late.patch(`/v1/page-rules/${id}`, { position: 6 }, { headers })
    expect(changed.status).toBe(412)
    expect(await rulesOf(root)).toMatchObject([{ position: 5, revision: 2 }])
  })
})
