/** Partners can rely on what draft-ietf-httpapi-idempotency-key-header says. */
import { describe, expect, it } from 'vitest'
import { type Member, testSite } from '../support/site.ts'

const UUID = '8e03978e-40d5-43dd-bc93-6894a57f9324'

const create = (who: Member, key: string, title = 'Early bird') =>
  who.post('/v1/badges', { title }, { headers: { 'Idempotency-Key': key } })

const badgesSeenBy = async (who: Member) => (await who.get('/v1/badges')).body.items

describe('The Idempotency-Key HTTP header field', () => {
  it('section 2.1: its value is a string, as in "8e03978e-…"; and bare, as it is sent elsewhere, it is the same key', async () => {
    const root = await testSite().root()
    const first = await create(root, `"${UUID}"`)
    expect([first.status, first.headers.get('Idempotency-Replayed')]).toEqual([201, null])
    const again = await create(root, UUID)
    expect(again).toMatchObject({ status: 201, body: first.body })
    expect(again.headers.get('Idempotency-Replayed')).toBe('true')
  })

  it('section 2.2: a UUID or another random identifier is recommended, and taken up to 255 characters', async () => {
    const root = await testSite().root()
    for (const key of [UUID, 'A'.repeat(255)]) expect((await create(root, key)).status).toBe(201)
    expect(await badgesSeenBy(root)).toHaveLength(2)
  })

  it('section 2.6: a retry of a request that was completed answers with its result, and has no effect', async () => {
    const root = await testSite().root()
    const [first, retried] = [await create(root, UUID), await create(root, UUID)]
    expect(retried.text).toBe(first.text)
    expect(await badgesSeenBy(root)).toHaveLength(1)
  })

  it('section 2.6: of concurrent requests one has the effect', async () => {
    const root = await testSite().root()
    const replies = await Promise.all(Array.from({ length: 10 }, () => create(root, UUID)))
    expect(new Set(replies.map(({ text }) => text)).size).toBe(1)
    expect(await badgesSeenBy(root)).toHaveLength(1)
  })

  it('section 2.7: reused with a different payload it is 422, with a link to what that means', async () => {
    const root = await testSite().root()
    await create(root, UUID)
    const { status, body } = await create(root, UUID, 'Night owl')
    expect({ status, code: body.code }).toEqual({ status: 422, code: 'idempotency_mismatch' })
    const { pathname } = new URL(body.type)
    expect((await root.get(pathname)).status).toBe(200)
    expect(await badgesSeenBy(root)).toHaveLength(1)
  })

  it('section 5: a key says nothing to anybody else: the same one of another caller is another', async () => {
    const site = testSite()
    const [root, other] = [await site.root(), await site.memberWith('admin', 'other')]
    const [mine, theirs] = [await create(root, UUID), await create(other, UUID)]
    expect(theirs.headers.get('Idempotency-Replayed')).toBeNull()
    expect(theirs.body.id).not.toBe(mine.body.id)
  })
})
