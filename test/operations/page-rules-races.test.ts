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
