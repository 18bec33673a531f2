import { base64url } from 'jose'
import { describe, expect, it } from 'vitest'
import { sha256 } from '../../src/crypto/digest.ts'
import { fieldsOf } from '../../src/http/answer-fields.ts'
import type { Route } from '../../src/http/route.ts'
import { furnish } from '../support/every-route.ts'
import { type Client, ISSUER, type Member, type Site, testSite } from '../support/site.ts'

const CURSORS_REFUSED = [
  '',
  'x',
  '0',
  '-1',
  '%00',
  'null',
  '[object Object]',
  "' or 1=1 --",
  '../../etc/passwd',
  base64url.encode('{"position":1}'),
  base64url.encode(`${'A'.repeat(16)}[0,"bdg_00000000000000000000000000"]`),
  'A'.repeat(1024),
  'A'.repeat(1025),
  'é',
]

async function badges(site: Site, count: number): Promise<Member> {
  const root = await site.root()
  for (let i = 0; i < count; i++) await root.post('/v1/badges', { title: `Badge ${i}` })
  return root
}

/** What it tells has no end: its last page leads to itself, and a cursor is of one state of the store. */
const FEED = '/v1/events'

/** Every item of a list, page by page; `between` runs after each page. */
async function walk(client: Client, path: string, between = async () => {}) {
  const items: { id: string }[] = []
  const separator = path.includes('?') ? '&' : '?'
  for (let cursor = ''; ;) {
    const { status, body } = await client.get(`${path}${cursor && separator}${cursor}`)
    expect(status).toBe(200)
    items.push(...body.items)
    const next = body.nextCursor && `cursor=${body.nextCursor}`
    if (next === (path.startsWith(FEED) ? cursor : null)) return items
    cursor = next
    await between()
  }
}

function idsOf(items: readonly Record<string, string>[], field = 'id') {
  return items.map((item) => item[field])
}

/** The entries of a list by a field, two on a page; `between` gets the last one of each page. */
async function walkedBy(
  client: Client,
  path: string,
  field: string,
  between: (last: string | undefined) => Promise<void>,
) {
  const walked: (string | undefined)[] = []
  for (let query = '?limit=2'; ;) {
    const { body } = await client.get(`${path}${query}`)
    walked.push(...idsOf(body.items, field))
    if (body.nextCursor === null) return walked
    query = `?limit=2&cursor=${body.nextCursor}`
    await between(walked.at(-1))
  }
}

function refused(path: string) {
  return { status: 422, body: { errors: [{ in: 'query', path, message: expect.any(String) }] } }
}

it('every list takes limit and cursor, and refuses those that are not good', async () => {
  const { root, calls } = await furnish(testSite())
  const lists: string[] = []
  for (const { method, path } of calls.filter((call) => call.method === 'GET')) {
    const { body } = await root.call(method, path)
    if (!Array.isArray(body?.items)) continue
    lists.push(path)
    const and = path.includes('?') ? '&' : '?'
    for (const [name, value] of Object.entries({ limit: '0', cursor: 'forged' })) {
      const answer = await root.get(`${path}${and}${name}=${value}`)
      expect({ path, ...answer }).toMatchObject({ path, ...refused(name) })
    }
    expect([path, await walk(root, `${path}${and}limit=1`)]).toEqual([path, body.items])
  }
  expect(lists.length).toBeGreaterThan(15)
})

/** What a cursor of each list is made of: the name of the list, and a key of an entry. */
const NO_ID = '0'.repeat(26)
const AT = '2026-01-01T00:00:00.000Z'
const KEYS: Record<string, [name: string, key: (string | number)[]]> = {
  '/v1/users': ['users?q=', ['ada', `usr_${NO_ID}`]],
  '/v1/badges': ['badges', [1, `bdg_${NO_ID}`]],
  '/v1/users/:userId/badges': ['badges of :userId', [1, `bdg_${NO_ID}`]],
  '/v1/page-rules': ['page-rules', [1, `pgr_${NO_ID}`]],
  '/v1/badge-rules': ['badge-rules', [`rul_${NO_ID}`]],
  '/v1/services': ['services', [`svc_${NO_ID}`]],
  '/v1/services/:serviceId/slots': ['slots of :serviceId?from=&to=', [AT, `slt_${NO_ID}`]],
  '/v1/bookings': ['bookings?["everyone",{}]', [`bkg_${NO_ID}`]],
  '/v1/me/bookings': ['bookings?[{"owner":":root"},{}]', [`bkg_${NO_ID}`]],
  '/v1/api-keys': ['api-keys', [`key_${NO_ID}`]],
  '/v1/audit': ['audit?{}', [`aud_${NO_ID}`]],
  '/v1/webhooks': ['webhooks', [`whk_${NO_ID}`]],
  '/v1/webhooks/:webhookId/deliveries': ['deliveries of :webhookId?', [1]],
  '/v1/events': ['events', ['0123456789abcdef', 1]],
  '/v1/jobs/:job/runs': ['runs of :job', [`run_${NO_ID}`]],
  '/v1/roles': ['roles', ['greeter']],
  '/v1/elevations': ['elevations', ['badge-awarder']],
  '/v1/issuers': ['issuers', ['https://issuer.example']],
  '/v1/jobs': ['jobs', ['award-badges']],
  '/v1/me/progress': ['progress', [1, `rul_${NO_ID}`]],
  '/v1/users/:userId/sessions': ['sessions?:userId', [AT, 'session']],
  '/v1/users/:userId/identities': ['identities?:userId', [AT, `idn_${'0'.repeat(32)}`]],
  '/v1/me/identities': ['identities', [AT, `idn_${'0'.repeat(32)}`]],
}

/** Made as anybody can who has read the source. */
async function forged(name: string, key: string): Promise<string> {
  return base64url.encode(`${(await sha256(`cursor\n${name}\n${key}`)).slice(0, 16)}${key}`)
}

const NEVER = [null, {}, [], true]

/** Values that are no such part of a key. */
function notParts(part: string | number): unknown[] {
  if (typeof part === 'number') return [...NEVER, 1.5, -1, 1e300, '', '1']
  if (part === 'ada') return [...NEVER, 0, '\ud800', 'x'.repeat(1001)]
  return [...NEVER, 0, '', 'x y', '\ud800', `zzz_${NO_ID}`]
}

/** Everything that is no key of that form, as JSON text or as what is none. */
function notKeys(key: readonly (string | number)[]): string[] {
  const wrong = key.flatMap((part, index) =>
    notParts(part).map((other) => [...key.slice(0, index), other, ...key.slice(index + 1)]),
  )
  const whole = [null, {}, 1, 'x', [], [null], [{}], [[]], [...key, 1], key.slice(1), [key]]
  return [
    ...[...wrong, ...whole].map((each) => JSON.stringify(each)),
    '',
    '[',
    'undefined',
    '[NaN]',
  ]
}

it('a cursor that somebody has made is refused unless it is one, on every list', async () => {
  const { root, calls } = await furnish(testSite())
  const lists = calls.filter(({ method, route }) => method === 'GET' && isList(route))
  expect(lists.map(({ route }) => route.path).sort()).toEqual(Object.keys(KEYS).sort())
  for (const { route, path } of lists) {
    const [pattern, key] = KEYS[route.path] ?? ['', []]
    const ids = path.split('/')
    const name = route.path
      .split('/')
      .reduce(
        (text, part, index) => (part.startsWith(':') ? text.replace(part, ids[index] ?? '') : text),
        pattern,
      )
      .replace(':root', root.userId)
    const answer = async (text: string) =>
      (await root.get(`${path}?cursor=${await forged(name, text)}`)).status
    const known = route.path === FEED ? 410 : 200
    expect([path, await answer(JSON.stringify(key))]).toEqual([path, known])
    for (const text of notKeys(key)) {
      expect([path, text, await answer(text)]).toEqual([path, text, 422])
    }
  }
})

it('a cursor of the order in which bookings were made is none of the order in which they start', async () => {
  const root = await testSite().root()
  const from = 'from=2026-01-01T00:00:00Z'
  const name = 'bookings?["everyone",{"from":"2026-01-01T00:00:00.000Z"}]'
  const answer = async (...key: string[]) =>
    root.get(`/v1/bookings?${from}&cursor=${await forged(name, JSON.stringify(key))}`)
  expect(await answer(`bkg_${NO_ID}`)).toMatchObject(refused('cursor'))
  expect(await answer(`bkg_${NO_ID}`, AT)).toMatchObject({ status: 200 })
})

function isList({ output }: Route): boolean {
  return output !== 'nothing' && fieldsOf(output).next !== undefined
}

describe('limit', () => {
  it.each(['0', '-1', '101', '1e9', '1.5', 'x', '', 'null', 'Infinity', '0x1G', '١'])(
    '%s is refused',
    async (limit) => {
      const answer = await testSite().anonymous.get(`/v1/badges?limit=${limit}`)
      expect(answer).toMatchObject(refused('limit'))
    },
  )

  it('sent twice is refused', async () => {
    const answer = await testSite().anonymous.get('/v1/badges?limit=1&limit=2')
    expect(answer).toMatchObject(refused('limit'))
  })

  it('is 50 if left out, and at most 100', async () => {
    const site = testSite()
    const root = await site.root()
    for (let i = 0; i < 101; i++) await site.member(`member ${i}`)
    const count = async (query: string) =>
      (await root.get(`/v1/users${query}`)).body.items.length as number
    expect([await count(''), await count('?limit=100'), await count('?limit=1')]).toEqual([
      50, 100, 1,
    ])
  })
})

describe('cursor', () => {
  it.each(CURSORS_REFUSED)('"%s" is refused', async (cursor) => {
    const answer = await testSite().anonymous.get(
      `/v1/badges?cursor=${encodeURIComponent(cursor).replace('%2500', '%00')}`,
    )
    expect(answer).toMatchObject(refused('cursor'))
  })

  it('altered in any place, cut or extended is refused', async () => {
    const site = testSite()
    await badges(site, 2)
    const { nextCursor } = (await site.anonymous.get('/v1/badges?limit=1')).body
    const at = (i: number) => (nextCursor[i] === 'A' ? 'B' : 'A')
    const altered = Array.from(
      nextCursor as string,
      (_, i) => nextCursor.slice(0, i) + at(i) + nextCursor.slice(i + 1),
    )
    const cut = [nextCursor.slice(1), nextCursor.slice(0, -1), nextCursor.slice(0, 16)]
    const longer = [`${nextCursor}A`, `${nextCursor}=`, `A${nextCursor}`, nextCursor + nextCursor]
    for (const cursor of [...altered, ...cut, ...longer]) {
      const answer = await site.anonymous.get(`/v1/badges?cursor=${cursor}`)
      expect([cursor, answer]).toMatchObject([cursor, refused('cursor')])
    }
  })

  it('of another list, or of the same with another filter, is refused', async () => {
    const site = testSite()
    const root = await badges(site, 2)
    for (const name of ['Ada', 'Alan']) await site.member(name, { name })
    const cursorOf = async (path: string) => (await root.get(path)).body.nextCursor as string
    const cursors = {
      badges: await cursorOf('/v1/badges?limit=1'),
      users: await cursorOf('/v1/users?limit=1'),
      filtered: await cursorOf('/v1/users?limit=1&q=a'),
      audit: await cursorOf('/v1/audit?limit=1'),
      ofActor: await cursorOf(`/v1/audit?limit=1&actor=${root.userId}`),
    }
    expect(Object.values(cursors).filter((cursor) => typeof cursor !== 'string')).toEqual([])
    const moved: [string, keyof typeof cursors][] = [
      ['/v1/users?', 'badges'],
      ['/v1/users?', 'filtered'],
      ['/v1/users?q=a&', 'users'],
      ['/v1/users?q=al&', 'filtered'],
      ['/v1/badge-rules?', 'audit'],
      ['/v1/audit?', 'ofActor'],
      [`/v1/audit?actor=${root.userId}&`, 'audit'],
      [`/v1/users/${root.userId}/badges?`, 'badges'],
      ['/v1/jobs/award-badges/runs?', 'audit'],
    ]
    for (const [path, from] of moved) {
      const answer = await root.get(`${path}cursor=${cursors[from]}`)
      expect([path, answer]).toMatchObject([path, refused('cursor')])
    }
    expect((await root.get(`/v1/users?q=a&limit=7&cursor=${cursors.filtered}`)).status).toBe(200)
  })

  it('grants nothing: the rights are asked for on every page', async () => {
    const site = testSite()
    const [root, ada] = [await site.root(), await site.member('ada')]
    const { nextCursor } = (await root.get('/v1/users?limit=1')).body
    expect((await ada.get(`/v1/users?cursor=${nextCursor}`)).status).toBe(403)
  })
})

describe('a walk through the pages', () => {
  it('visits every item exactly once and in order, at every page size', async () => {
    const site = testSite()
    await badges(site, 7)
    const all = (await site.anonymous.get('/v1/badges')).body.items
    expect(all.length).toBe(7)
    for (const limit of [1, 2, 3, 6, 7, 8]) {
      expect(await walk(site.anonymous, `/v1/badges?limit=${limit}`)).toEqual(all)
    }
  })

  it('has no empty last page', async () => {
    const site = testSite()
    await badges(site, 4)
    const { nextCursor } = (await site.anonymous.get('/v1/badges?limit=2')).body
    const last = await site.anonymous.get(`/v1/badges?limit=2&cursor=${nextCursor}`)
    expect([last.body.items.length, last.body.nextCursor]).toEqual([2, null])
    expect((await testSite().anonymous.get('/v1/badges')).body).toEqual({
      items: expect.any(Array),
      nextCursor: null,
    })
  })

  it('goes on where it was while items with the same sort key come and go', async () => {
    const site = testSite()
    const root = await site.root()
    for (let i = 0; i < 8; i++) await site.member(`member ${i}`, { name: 'Ada' })
    const before = (await root.get('/v1/users?limit=100')).body.items as { id: string }[]
    let round = 0
    const walked = await walk(root, '/v1/users?limit=2', async () => {
      round += 1
      for (const name of ['Aaron', 'Ada', 'Zoe'])
        await site.member(`new ${name} ${round}`, { name })
      if (round === 2) await root.delete(`/v1/users/${before[7]?.id}`)
    })
    const ids = walked.map(({ id }) => id)
    expect(new Set(ids).size).toBe(ids.length)
    expect(ids.filter((id) => before.slice(0, 7).some((item) => item.id === id))).toEqual(
      before.slice(0, 7).map(({ id }) => id),
    )
    expect(ids).not.toContain(before[7]?.id)
  })

  it('skips and repeats nothing when roles, rules and identities go between two pages', async () => {
    const site = testSite()
    const root = await site.root()
    const names = ['a-role', 'b-role', 'c-role', 'd-role', 'e-role']
    for (const name of names) await root.put(`/v1/roles/${name}`, { permissions: [] })
    const roles = async () => (await root.get('/v1/roles?limit=100')).body.items
    const before = idsOf(await roles(), 'name')
    const walked = await walkedBy(root, '/v1/roles', 'name', async (last) => {
      if (last !== 'b-role') return
      for (const name of ['a-role', 'b-role']) await root.delete(`/v1/roles/${name}`)
    })
    expect(walked).toEqual(before)

    for (const threshold of [1, 2, 3, 4]) {
      const badgeId = (await root.post('/v1/badges', { title: `Badge ${threshold}` })).body.id
      await root.post('/v1/badge-rules', { badgeId, metric: 'visits', threshold })
    }
    const rules = idsOf((await root.get('/v1/me/progress')).body.items, 'ruleId')
    const walkedRules = await walkedBy(root, '/v1/me/progress', 'ruleId', async (last) => {
      if (last === rules[1]) await root.delete(`/v1/badge-rules/${rules[0]}`)
    })
    expect(walkedRules).toEqual(rules)

    for (const sub of ['second', 'third', 'fourth']) {
      const linked = await root.post('/v1/me/identities', { token: await ISSUER.sign({ sub }) })
      expect(linked.status).toBe(201)
    }
    const ids = idsOf((await root.get('/v1/me/identities')).body.items)
    const walkedIds = await walkedBy(root, '/v1/me/identities', 'id', async (last) => {
      if (last === ids[1]) await root.delete(`/v1/me/identities/${last}`)
    })
    expect(walkedIds).toEqual(ids)
  })

  it('is newest first in the audit log, and new entries do not shift it', async () => {
    const site = testSite()
    const root = await badges(site, 5)
    const before = (await root.get('/v1/audit?limit=100')).body.items as { id: string }[]
    const walked = await walk(root, '/v1/audit?limit=2', async () => {
      await root.post('/v1/badges', { title: 'Another' })
    })
    expect(walked).toEqual(before)
    expect(before.map(({ id }) => id)).toEqual(
      before
        .map(({ id }) => id)
        .sort()
        .toReversed(),
    )
  })
})
