import { describe, expect, it } from 'vitest'
import { furnish } from '../support/every-route.ts'
import { type Member, type Site, testSite } from '../support/site.ts'

const JSON_TYPE = { 'Content-Type': 'application/json' }
/** A double cannot hold this number: it would be stored as …992. */
const BEYOND_2_53 = '9007199254740993'

/** Texts that a caller can write: method, path, field and the most characters it may have. */
const TEXTS = [
  ['PATCH', '/v1/me', 'displayName', 80],
  ['PATCH', '/v1/me', 'bio', 1000],
  ['PATCH', '/v1/me', 'address.line1', 200],
  ['PATCH', '/v1/me', 'address.postalCode', 40],
  ['PATCH', '/v1/me', 'address.country', 100],
  ['POST', '/v1/badges', 'title', 50],
  ['POST', '/v1/badges', 'description', 1500],
  ['PATCH', '/v1/badges/{badge}', 'title', 50],
] as const

const NUMBERS = [
  ['PATCH', '/v1/badges/{badge}', 'position', 0, 1_000_000],
  ['PATCH', '/v1/badge-rules/{rule}', 'threshold', 1, 1_000_000],
  ['PATCH', '/v1/badge-rules/{rule}', 'windowDays', 1, 365],
] as const

async function writer(site: Site = testSite()) {
  const { root, badgeId, ruleId } = await furnish(site)
  /** Sends one field, as the exact JSON text of its value, with whatever else the body needs. */
  const write = async (method: string, path: string, field: string, json: string) => {
    const [outer = '', inner] = field.split('.')
    const value = inner === undefined ? json : `{${JSON.stringify(inner)}:${json}}`
    const rest = path === '/v1/badges' && outer !== 'title' ? '"title":"Another",' : ''
    const raw = `{${rest}${JSON.stringify(outer)}:${value}}`
    const filled = path.replace('{badge}', badgeId).replace('{rule}', ruleId)
    const { status, body } = await root.call(method, filled, { headers: JSON_TYPE, raw })
    const holder = inner === undefined ? body : (body[outer] ?? {})
    return { status, stored: holder[inner ?? outer], errors: body.errors }
  }
  return { root, write }
}

function refusal(path: string) {
  return { status: 422, errors: [{ in: 'json', path, message: expect.any(String) }] }
}

describe.each(TEXTS)('text: %s %s %s', (method, path, field, max) => {
  it('is stored as sent, in NFC, and measured in code points after that', async () => {
    const { write } = await writer()
    const samples = [
      ['x'.repeat(max), 'x'.repeat(max)],
      ['😀'.repeat(max), '😀'.repeat(max)],
      ['e\u0301'.repeat(max), 'é'.repeat(max)],
      ['\u212b ﬁ ① \u0344', 'Å ﬁ ① \u0308\u0301'],
      [' \t\n a\u200b\u202e\ufeff ', ' \t\n a\u200b\u202e\ufeff '],
      ['<script>alert(1)</script> & "\' \\', '<script>alert(1)</script> & "\' \\'],
      ['\u{10ffff}\ufffe\ue000\u2028', '\u{10ffff}\ufffe\ue000\u2028'],
    ] as const
    for (const [sent, stored] of samples) {
      if (Array.from(stored).length > max) continue
      expect(await write(method, path, field, JSON.stringify(sent))).toMatchObject({ stored })
    }
  })

  it('is refused where storage would change it, and one code point over', async () => {
    const { write } = await writer()
    const refused = [
      'x'.repeat(max + 1),
      '😀'.repeat(max + 1),
      'x\u0301'.repeat(max),
      'a\0b',
      '\u0001',
      '\r',
      '\u001b[31m',
      '\u007f',
      '\u0085',
      '\ud800',
      'a\udfff',
      '\udc00\ud800',
    ]
    for (const text of refused) {
      const answer = await write(method, path, field, JSON.stringify(text))
      expect([JSON.stringify(text), answer]).toMatchObject([JSON.stringify(text), refusal(field)])
    }
    for (const json of ['1', 'true', '[]', '{}', '["x"]', String.raw`"\ud83d"`]) {
      expect(await write(method, path, field, json)).toMatchObject(refusal(field))
    }
  })
})

describe.each(NUMBERS)('integers: %s %s %s', (method, path, field, min, max) => {
  it('are stored exactly, from the least to the greatest', async () => {
    const { write } = await writer()
    for (const value of [min, max, min + 1]) {
      expect(await write(method, path, field, String(value))).toMatchObject({ stored: value })
    }
    expect(await write(method, path, field, `${min + 1}.0`)).toMatchObject({ stored: min + 1 })
  })

  it('are refused where a double or the database would change them', async () => {
    const { write } = await writer()
    const values = [min - 1, max + 1, 1.5, -1, 1e300].map(String)
    for (const json of [
      ...values,
      BEYOND_2_53,
      '1e400',
      '-1e400',
      '1e-300',
      '"1"',
      'true',
      '[1]',
    ]) {
      const { status, errors } = await write(method, path, field, json)
      expect([json, status, errors[0]]).toMatchObject([json, 422, { in: 'json', path: field }])
    }
  })
})

it.each([
  'https://a b.example',
  ' https://a.example',
  'https://a.example\n',
  'https://a.ex\tample/',
  'https://a.example/\u0085',
  'https://a.example/\ud800',
  'https://',
  'https:',
  '//a.example',
  'ftp://a.example',
  `https://a.example/${'x'.repeat(2048)}`,
])('a URL is refused where a parser would repair it: %j', async (url) => {
  const { write } = await writer()
  for (const [method, path, field] of [
    ['PATCH', '/v1/me', 'avatarUrl'],
    ['POST', '/v1/badges', 'iconUrl'],
  ] as const) {
    const { status, errors } = await write(method, path, field, JSON.stringify(url))
    expect([status, errors[0]]).toMatchObject([422, { in: 'json', path: field }])
  }
})

describe('errors', () => {
  it.each([
    ['{"address":{"city":1,"country":2}}', ['address.city', 'address.country']],
    ['{"address":{"planet":"x"}}', ['address.planet']],
    ['{"address":[]}', ['address']],
    ['{"bio":1,"phone":"x","x":1,"y":2}', ['bio', 'phone', 'x', 'y']],
    ['[]', ['']],
    ['null', ['']],
    ['"x"', ['']],
    ['{}', ['']],
    ['{"__proto__":{"roles":["admin"]}}', ['__proto__']],
    ['{"constructor":1,"toString":1,"":1}', ['constructor', 'toString', '']],
  ])('%s names each field by its dotted path', async (raw, paths) => {
    const ada = await testSite().member('ada')
    const { status, body } = await ada.call('PATCH', '/v1/me', { headers: JSON_TYPE, raw })
    expect(status).toBe(422)
    expect(body.errors.map(({ path }: { path: string }) => path).sort()).toEqual(paths.toSorted())
  })

  it('are at most 100, however many fields are wrong', async () => {
    const ada = await testSite().member('ada')
    const fields = Array.from({ length: 5000 }, (_, i) => [`f${i}`, 1])
    const { status, body } = await ada.patch('/v1/me', Object.fromEntries(fields))
    expect([status, body.errors.length]).toEqual([422, 100])
  })
})

describe('POST /v1/badge-assignments/bulk', () => {
  const bulk = async () => {
    const site = testSite()
    const [root, ada] = [await site.root(), await site.member('ada')]
    const badgeId: string = (await root.post('/v1/badges', { title: 'New' })).body.id
    return { root, ada, badgeId }
  }
  const ids = (count: number) =>
    Array.from(
      { length: count },
      (_, i) => `usr_0000000000000000000000${String(i).padStart(4, '0')}`,
    )

  it('takes 100 ids, more than one statement may have parameters for', async () => {
    const { root, ada, badgeId } = await bulk()
    const userIds = [...ids(99), ada.userId]
    const { status, body } = await root.post('/v1/badge-assignments/bulk', { badgeId, userIds })
    expect(status).toBe(200)
    expect(body.results).toEqual([
      ...ids(99).map((userId) => ({ userId, status: 'not_found', created: false })),
      { userId: ada.userId, status: 'created', created: true },
    ])
  })

  it.each([0, 101, 1000])('refuses %i', async (count) => {
    const { root, badgeId } = await bulk()
    const sent = { badgeId, userIds: ids(count) }
    const { status, body } = await root.post('/v1/badge-assignments/bulk', sent)
    expect([status, body.errors[0]]).toMatchObject([422, { in: 'json', path: 'userIds' }])
  })

  it('names a bad id by its place, and then gives nobody the badge', async () => {
    const { root, ada, badgeId } = await bulk()
    const sent = { badgeId, userIds: [ada.userId, 'usr_x', `${ada.userId}\0`] }
    const { status, body } = await root.post('/v1/badge-assignments/bulk', sent)
    expect([status, body.errors]).toMatchObject([
      422,
      [{ path: 'userIds.1' }, { path: 'userIds.2' }],
    ])
    expect((await root.get(`/v1/users/${ada.userId}/badges`)).body.items).toEqual([])
  })
})

describe('a malformed id in a path', () => {
  it('is 404 on every route that has one', async () => {
    const { root, ada, badgeId, calls } = await furnish(testSite())
    const good = [ada.userId, badgeId]
    const bad = (id: string) => [
      id.toUpperCase(),
      id.slice(0, -1),
      `${id}0`,
      `${id}%00`,
      `${id}%20`,
      id.replace('_', '-'),
      id.slice(4),
      `x${id.slice(1)}`,
      `${id.slice(0, 4)}8${id.slice(5)}`,
      `${id.slice(0, -1)}u`,
      '%F0%9F%98%80',
      '-1',
    ]
    for (const { method, path, json } of calls) {
      const id = good.find((each) => path.includes(each))
      for (const wrong of id === undefined ? [] : bad(id)) {
        const asked = path.replace(id ?? '', wrong)
        const { status, body } = await call(root, method, asked, json)
        expect([method, asked, status, body?.code]).toEqual([method, asked, 404, 'not_found'])
      }
    }
  })
})

function call(member: Member, method: string, path: string, json: unknown) {
  return member.call(method, path, json === undefined ? {} : { json })
}
