import { describe, expect, it } from 'vitest'
import { bookingScene } from '../support/bookings.ts'
import { rowsOf } from '../support/population.ts'
import { testSite } from '../support/site.ts'

/** RFC 3986, of which `format: uri` is made, as far as an https URL needs it. */
const URI =
  /^https:\/\/(?:[\w.~!$&'()*+,;=:@-]|%[0-9A-F]{2})*(?:\/(?:[\w.~!$&'()*+,;=:@/-]|%[0-9A-F]{2})*)(?:\?(?:[\w.~!$&'()*+,;=:@/?-]|%[0-9A-F]{2})*)?$/i

describe('a URL is stored as the URL standard serializes it, or refused', () => {
  const TAKEN = [
    ['https://bücher.example/ö.png', 'https://xn--bcher-kva.example/%C3%B6.png'],
    ['https:\\\\a.example\\x', 'https://a.example/x'],
    ['HTTPS://A.Example', 'https://a.example/'],
    ['https://a.example/a%20b?q=1&r=%7B2%7D', 'https://a.example/a%20b?q=1&r=%7B2%7D'],
    ['https://a.example/<b>"c"`', 'https://a.example/%3Cb%3E%22c%22%60'],
    ['https://a.example/x/../y', 'https://a.example/y'],
  ] as const

  it.each(TAKEN)('%s', async (sent, stored) => {
    const root = await testSite().root()
    const badge = await root.post('/v1/badges', { title: 'Regular', iconUrl: sent })
    expect([badge.status, badge.body.iconUrl]).toEqual([201, stored])
    const me = await root.patch('/v1/me', { avatarUrl: sent })
    expect([me.status, me.body.avatarUrl]).toEqual([200, stored])
    expect((await root.get('/v1/me')).body.avatarUrl).toBe(stored)
    expect(stored).toMatch(URI)
  })

  it.each([
    'https://a.example/[1].png?q={a}|b',
    'https://a.example/?q={a}',
    'https://a.example/?q=a|b',
    'https://a.example/?q=a^b',
    'https://a.example/#[1]',
    'https://a{b}.example/',
    'https://a.example/%zz',
    'https://a.example/100%',
    `https://a.example/${'ö'.repeat(700)}`,
    'http://a.example/',
    'https://',
    'https://a b.example/',
    ' https://a.example/',
  ])('%s is refused', async (sent) => {
    const root = await testSite().root()
    const badge = await root.post('/v1/badges', { title: 'Regular', iconUrl: sent })
    expect([badge.status, badge.body.errors?.[0]?.path]).toEqual([422, 'iconUrl'])
    const me = await root.patch('/v1/me', { avatarUrl: sent })
    expect([me.status, me.body.errors?.[0]?.path]).toEqual([422, 'avatarUrl'])
  })
})

it('a URL that was stored before as it was sent is shown as a URI all the same', async () => {
  const root = await testSite().root()
  const { id } = (await root.post('/v1/badges', { title: 'Regular' })).body
  const shown = {
    'https://bücher.example/ö.png': 'https://xn--bcher-kva.example/%C3%B6.png',
    'https://a.example/[1].png?q={a}|b': 'https://a.example/%5B1%5D.png?q=%7Ba%7D%7Cb',
    'https:\\\\a.example\\x': 'https://a.example/x',
    'https://a.example/100%': 'https://a.example/100%25',
    'https://a.example/x?y=1#z': 'https://a.example/x?y=1#z',
  }
  for (const [stored, uri] of Object.entries(shown)) {
    await rowsOf('update badges set icon_url = ?, revision = revision + 1', stored)
    await rowsOf('update users set avatar_url = ?', stored)
    expect((await root.get(`/v1/badges/${id}`)).body.iconUrl).toBe(uri)
    const { avatarUrl } = (await root.get('/v1/me')).body
    expect([avatarUrl, uri.replace(/#.*/, '')]).toEqual([uri, expect.stringMatching(URI)])
  }
})

describe('a length counts the code points of what is stored, as the document says', () => {
  const decomposed = (count: number) => 'e\u0301'.repeat(count)
  const change = async (displayName: string) =>
    (await testSite().member('ada')).patch('/v1/me', { displayName })

  it.each([
    ['80 astral characters', '\u{1F600}'.repeat(80)],
    ['82 code points of which two compose', `${'a'.repeat(78)}${decomposed(2)}`],
    ['160 code points that compose to 80', decomposed(80)],
    ['40 code points that are 80 when they are stored', '\u0958'.repeat(40)],
  ])('%s are stored', async (_, displayName) => {
    const { status, body } = await change(displayName)
    expect([status, body.displayName]).toEqual([200, displayName.normalize('NFC')])
  })

  it.each([
    ['81 astral characters', '\u{1F600}'.repeat(81)],
    ['83 code points of which two compose', `${'a'.repeat(79)}${decomposed(2)}`],
    ['41 code points that are 82 when they are stored', '\u0958'.repeat(41)],
  ])('%s are refused', async (_, displayName) => {
    const { status, body } = await change(displayName)
    expect([status, body.errors[0].path]).toEqual([422, 'displayName'])
  })

  it('of every text that is taken', async () => {
    const { components } = (await testSite().anonymous.get('/openapi.json')).body
    const { displayName } = components.schemas.ProfilePatch.properties
    expect(displayName).toMatchObject({
      maxLength: 80,
      description: expect.stringContaining(
        'Stored in Unicode NFC, its length counted in code points',
      ),
    })
  })
})

describe('an RFC 3339 time may have a small t and z', () => {
  it('in a body', async () => {
    const { root, service } = await bookingScene()
    const { id } = await service()
    const slot = { startsAt: '2099-01-01t10:00:00z', endsAt: '2099-01-01t11:00:00.5+00:00' }
    const { status, body } = await root.post(`/v1/services/${id}/slots`, slot)
    expect([status, body.startsAt, body.endsAt]).toEqual([
      201,
      '2099-01-01T10:00:00.000Z',
      '2099-01-01T11:00:00.500Z',
    ])
    const found = await root.get(`/v1/services/${id}/slots?from=2099-01-01t10:00:00z`)
    expect(found.body.items).toHaveLength(1)
  })

  it('in a query, and what is no time stays refused', async () => {
    const root = await testSite().root()
    expect((await root.get('/v1/audit?since=2020-01-01t00:00:00z')).status).toBe(200)
    for (const time of ['2020-01-01 00:00:00z', '2020-01-01t00:00:00', '2020-02-30t00:00:00z', 't'])
      expect((await root.get(`/v1/audit?since=${encodeURIComponent(time)}`)).status).toBe(422)
  })
})
