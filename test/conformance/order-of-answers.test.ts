import { describe, expect, it } from 'vitest'
import { type Client, testSite } from '../support/site.ts'

const JSON_TYPE = { 'Content-Type': 'application/json' }
const ABSENT_USER = 'usr_00000000000000000000000000'
const ABSENT_BADGE = 'bdg_00000000000000000000000000'
const HUGE = 'x'.repeat(70_000)

/** Flaws of a request, from the first to be answered to the last. */
const FLAWS = [
  'credential',
  'permission',
  'media type',
  'size',
  'validity',
  'existence',
  'state',
] as const
type Flaw = (typeof FLAWS)[number]

const STATUS: Readonly<Record<Flaw, number>> = {
  credential: 401,
  permission: 403,
  'media type': 415,
  size: 413,
  validity: 422,
  existence: 404,
  state: 412,
}

interface Kind {
  readonly name: string
  readonly method: 'POST' | 'PATCH' | 'DELETE' | 'GET'
  readonly path: (exists: boolean) => string
  readonly valid?: string
  readonly invalid?: string
  readonly flaws: readonly Flaw[]
}

const KINDS: readonly Kind[] = [
  {
    name: 'a change of one thing',
    method: 'PATCH',
    path: (exists) => `/v1/badges/${exists ? '{badge}' : ABSENT_BADGE}`,
    valid: '{"title":"New"}',
    invalid: '{"title":1}',
    flaws: FLAWS,
  },
  {
    name: "a change of somebody else's",
    method: 'PATCH',
    path: (exists) => `/v1/users/${exists ? '{user}' : ABSENT_USER}`,
    valid: '{"bio":"New"}',
    invalid: '{"roles":["admin"]}',
    flaws: FLAWS,
  },
  {
    name: 'a creation',
    method: 'POST',
    path: () => '/v1/badges',
    valid: '{"title":"New"}',
    invalid: '{"title":""}',
    flaws: ['credential', 'permission', 'media type', 'size', 'validity'],
  },
  {
    name: 'an act on somebody',
    method: 'POST',
    path: (exists) => `/v1/users/${exists ? '{user}' : ABSENT_USER}/suspend`,
    valid: '{}',
    invalid: '{"reason":1}',
    flaws: ['credential', 'permission', 'media type', 'size', 'validity', 'existence'],
  },
  {
    name: 'a deletion',
    method: 'DELETE',
    path: (exists) => `/v1/badges/${exists ? '{badge}' : ABSENT_BADGE}`,
    flaws: ['credential', 'permission', 'existence', 'state'],
  },
  {
    name: 'a restricted list',
    method: 'GET',
    path: () => '/v1/audit?limit=',
    flaws: ['credential', 'permission', 'validity'],
  },
]

describe('of several things that are wrong, the first in the order of the contract is answered', () => {
  it.each(KINDS.map((kind) => [kind.name, kind] as const))('%s', async (_, kind) => {
    const site = testSite()
    const [root, ada] = [await site.root(), await site.member('ada')]
    const bob = await site.member('bob')
    const badge = (await root.post('/v1/badges', { title: 'Regular' })).body.id as string
    const callers = { root, ada, nobody: site.anonymous }

    const answerTo = (flaws: readonly Flaw[]) => {
      const has = (flaw: Flaw): boolean => flaws.includes(flaw)
      const caller = has('credential') ? 'nobody' : has('permission') ? 'ada' : 'root'
      const path = kind
        .path(!has('existence'))
        .replace('{badge}', badge)
        .replace('{user}', bob.userId)
      const body = has('validity') ? kind.invalid : kind.valid
      const headers = {
        ...(body !== undefined && JSON_TYPE),
        ...(has('media type') && { 'Content-Type': 'text/plain' }),
        ...(has('state') && { 'If-Match': '"99"' }),
      }
      const raw = has('size') ? HUGE : body
      const query = kind.method === 'GET' && !has('validity') ? '1' : ''
      return callers[caller].call(kind.method, path + query, {
        headers,
        ...(raw !== undefined && { raw }),
      })
    }

    for (const [index, flaw] of kind.flaws.entries()) {
      const { status, body } = await answerTo(kind.flaws.slice(index))
      expect([flaw, status, body?.code]).toEqual([flaw, STATUS[flaw], body?.code])
    }
    expect((await answerTo([])).status).toBeLessThan(300)
  })

  it('an Idempotency-Key that is none comes before what does not exist, and after the right to act', async () => {
    const site = testSite()
    const [root, ada] = [await site.root(), await site.member('ada')]
    const paths = ['/v1/jobs/no-such-job/run', '/v1/api-keys/not-an-id/rotate']
    const send = (who: Client, path: string, key: string) =>
      who.post(path, undefined, { headers: { 'Idempotency-Key': key } })
    for (const path of paths) {
      const replies = [
        await send(ada, path, 'two words'),
        await send(root, path, 'two words'),
        await send(root, path, 'one-word'),
      ]
      expect(replies.map(({ status }) => status)).toEqual([403, 422, 404])
    }
  })

  it('who may not act cannot tell what exists from what does not', async () => {
    const site = testSite()
    const [root, ada] = [await site.root(), await site.member('ada')]
    const badge = (await root.post('/v1/badges', { title: 'Regular' })).body.id as string
    const refusals = [root.userId, ABSENT_USER, 'usr_x', 'x'].flatMap((user) => [
      ada.patch(`/v1/users/${user}`, { bio: 'x' }),
      ada.delete(`/v1/users/${user}`),
      ada.get(`/v1/users/${user}?view=full`),
      ada.get(`/v1/users/${user}/visits`),
      ada.put(`/v1/users/${user}/badges/${badge}`),
    ])
    const answers = (await Promise.all(refusals)).map(({ status, body }) => {
      const { requestId: _, instance: __, ...rest } = body
      return { status, rest }
    })
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([403]))
    for (const [index, answer] of answers.entries()) expect(answer).toEqual(answers[index % 5])
  })
})
