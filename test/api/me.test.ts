import { describe, expect, it } from 'vitest'
import { idOf, TIME } from '../support/shapes.ts'
import { testSite } from '../support/site.ts'

const NO_ADDRESS = {
  line1: null,
  line2: null,
  city: null,
  region: null,
  postalCode: null,
  country: null,
}

describe('GET /v1/me', () => {
  it('answers every field of a new profile', async () => {
    const ada = await testSite().member('ada', { name: 'Ada', email: 'ada@example.com' })
    const { status, headers, body } = await ada.get('/v1/me')
    expect(status).toBe(200)
    expect(headers.get('ETag')).toMatch(/^"1\.[\w-]{16}"$/)
    expect(body).toEqual({
      id: idOf('usr'),
      displayName: 'Ada',
      bio: null,
      avatarUrl: null,
      badges: [],
      createdAt: TIME,
      revision: 1,
      email: 'ada@example.com',
      phone: null,
      address: null,
      roles: ['member'],
      status: 'active',
      suspensionReason: null,
      updatedAt: TIME,
    })
    expect(body.updatedAt).toBe(body.createdAt)
  })
})

describe('PATCH /v1/me', () => {
  it.each([
    ['displayName', 'A'],
    ['displayName', '😀'.repeat(80)],
    ['displayName', '<b>"Ada" & \'co\'</b> ‮ \t\n'],
    ['bio', ''],
    ['bio', '😀'.repeat(1000)],
    ['bio', null],
    ['avatarUrl', 'https://cdn.example/a%20b.png?size=2#top'],
    ['avatarUrl', null],
    ['phone', '+4930123456'],
    ['phone', null],
    ['address', null],
    ['address', { ...NO_ADDRESS, line1: 'l'.repeat(200), country: 'DE' }],
  ])('stores %s exactly as sent (%#)', async (field, value) => {
    const ada = await testSite().member('ada')
    const patched = await ada.patch('/v1/me', { [field]: value })
    expect(patched).toMatchObject({ status: 200, body: { revision: 2 } })
    expect(patched.body[field]).toEqual(value)
    expect((await ada.get('/v1/me')).body).toEqual(patched.body)
  })

  it.each([
    ['displayName', ''],
    ['displayName', null],
    ['displayName', 'x'.repeat(81)],
    ['displayName', 'Ada\u0000'],
    ['displayName', 'Ada\ud83d'],
    ['displayName', 1],
    ['bio', 'x'.repeat(1001)],
    ['bio', 'a\u001bb'],
    ['bio', { text: 'x' }],
    ['avatarUrl', 'http://cdn.example/a.png'],
    ['avatarUrl', 'javascript:alert(1)'],
    ['avatarUrl', '/a.png'],
    ['avatarUrl', ''],
    ['phone', '030 123456'],
    ['phone', '+49 30 123456'],
    ['phone', '+0123456'],
    ['phone', '+1234567890123456'],
    ['address', 'Berlin'],
    ['address.line1', 'x'.repeat(201)],
    ['address.country', 49],
    ['address.planet', 'Earth'],
    ['email', 'root@example.com'],
    ['roles', ['admin']],
    ['status', 'active'],
    ['id', 'usr_00000000000000000000000000'],
    ['revision', 9],
    ['badges', []],
    ['createdAt', '2020-01-01T00:00:00.000Z'],
    ['nickname', 'Ada'],
  ])('refuses %s (%#), names it, and changes nothing', async (path, value) => {
    const ada = await testSite().member('ada')
    const before = await ada.get('/v1/me')
    const [field = '', part] = path.split('.')
    const refused = await ada.patch('/v1/me', {
      bio: 'a good field beside it',
      [field]: part ? { [part]: value } : value,
    })
    expect(refused).toMatchObject({ status: 422, body: { code: 'validation_failed' } })
    expect(refused.body.errors).toEqual([{ in: 'json', path, message: expect.any(String) }])
    expect((await ada.get('/v1/me')).body).toEqual(before.body)
  })

  it('names every field that is wrong at once', async () => {
    const ada = await testSite().member('ada')
    const { body } = await ada.patch('/v1/me', { displayName: '', phone: 'x', roles: [] })
    expect(body.errors).toEqual([
      { in: 'json', path: 'displayName', message: 'expected 1 to 80 characters' },
      {
        in: 'json',
        path: 'phone',
        message: 'expected a phone number in E.164, as in +4930123456',
      },
      { in: 'json', path: 'roles', message: 'this field is not known here' },
    ])
  })

  it('leaves fields that were not sent as they are', async () => {
    const ada = await testSite().member('ada', { name: 'Ada' })
    await ada.patch('/v1/me', { bio: 'Hello', phone: '+4930123456' })
    const { body } = await ada.patch('/v1/me', { bio: null })
    expect(body).toMatchObject({ displayName: 'Ada', bio: null, phone: '+4930123456' })
  })

  it('merges an address part by part; null clears a part, or all of it', async () => {
    const ada = await testSite().member('ada')
    const patch = async (address: unknown) => (await ada.patch('/v1/me', { address })).body.address
    expect(await patch({ line1: 'Main St 1', city: 'Berlin' })).toEqual({
      ...NO_ADDRESS,
      line1: 'Main St 1',
      city: 'Berlin',
    })
    expect(await patch({ city: 'Köln "am" \\ Rhein', country: 'DE' })).toEqual({
      ...NO_ADDRESS,
      line1: 'Main St 1',
      city: 'Köln "am" \\ Rhein',
      country: 'DE',
    })
    expect(await patch({ line1: null })).toMatchObject({ line1: null, country: 'DE' })
    expect(await patch(null)).toBeNull()
    expect(await patch({ region: 'NRW' })).toEqual({ ...NO_ADDRESS, region: 'NRW' })
  })

  it('stores text in NFC and counts what is stored', async () => {
    const ada = await testSite().member('ada')
    const { status, body } = await ada.patch('/v1/me', { displayName: 'e\u0301'.repeat(80) })
    expect({ status, name: body.displayName }).toEqual({ status: 200, name: '\u00e9'.repeat(80) })
  })

  it('refuses a patch without a field', async () => {
    const ada = await testSite().member('ada')
    const { status, body } = await ada.patch('/v1/me', {})
    expect({ status, errors: body.errors }).toEqual({
      status: 422,
      errors: [{ in: 'json', path: '', message: 'expected at least one field' }],
    })
  })

  it('counts the revision up in body and ETag, and moves updatedAt alone', async () => {
    const ada = await testSite().member('ada')
    const { body: created } = await ada.get('/v1/me')
    for (const revision of [2, 3, 4]) {
      const { headers, body } = await ada.patch('/v1/me', { bio: `take ${revision}` })
      expect(body.revision).toBe(revision)
      expect(headers.get('ETag')).toMatch(new RegExp(`^"${revision}\\.[\\w-]{16}"$`))
      expect(body.createdAt).toBe(created.createdAt)
      expect(body.updatedAt >= created.updatedAt).toBe(true)
    }
  })

  it('honours If-Match: a stale revision is 412 and changes nothing', async () => {
    const ada = await testSite().member('ada')
    const ifMatch = (tag: string) => ({ headers: { 'If-Match': tag } })
    expect((await ada.patch('/v1/me', { bio: 'first' }, ifMatch('"1"'))).status).toBe(200)
    expect(await ada.patch('/v1/me', { bio: 'second' }, ifMatch('"1"'))).toMatchObject({
      status: 412,
      body: { code: 'precondition_failed' },
    })
    expect((await ada.get('/v1/me')).body).toMatchObject({ bio: 'first', revision: 2 })
    expect((await ada.patch('/v1/me', { bio: 'third' }, ifMatch('"2"'))).status).toBe(200)
  })
})
