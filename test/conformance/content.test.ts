import { describe, expect, it } from 'vitest'
import { ORIGIN, type Site, testSite } from '../support/site.ts'

const LIMIT = 64 * 1024

/** A body whose length nobody knows, and a count of how much of it was taken. */
function streamOf(chunk: string, times = Infinity) {
  const bytes = new TextEncoder().encode(chunk)
  const taken = { bytes: 0, cancelled: false }
  const body = new ReadableStream<Uint8Array>(
    {
      pull(controller) {
        if (taken.bytes >= bytes.length * times) return controller.close()
        taken.bytes += bytes.length
        controller.enqueue(bytes.slice())
      },
      cancel() {
        taken.cancelled = true
      },
    },
    { highWaterMark: 0 },
  )
  return { body, taken }
}

async function patchMe(site: Site, body: BodyInit, headers: Record<string, string> = {}) {
  const { token } = await site.member('ada')
  const response = await site.fetch(
    new Request(`${ORIGIN}/v1/me`, {
      method: 'PATCH',
      headers: {
        Authorization: `Bearer ${token}`,
        'Content-Type': 'application/json',
        ...headers,
      },
      body,
    }),
  )
  const { code } = await response.json<{ code?: string }>()
  return [response.status, code]
}

describe('RFC 9110, section 15.5.14: 413 Content Too Large', () => {
  it('takes a body of exactly 64 KiB and refuses one byte more', async () => {
    const site = testSite()
    const exact = `{"bio":"x"}${' '.repeat(LIMIT - 11)}`
    expect(await patchMe(site, exact)).toEqual([200, undefined])
    expect(await patchMe(site, `${exact} `)).toEqual([413, 'payload_too_large'])
    expect(await patchMe(site, streamOf(exact, 1).body)).toEqual([200, undefined])
    expect(await patchMe(site, streamOf(`${exact} `, 1).body)).toEqual([413, 'payload_too_large'])
  })

  it('counts bytes, not characters', async () => {
    const site = testSite()
    const body = `{"bio":"${'😀'.repeat(LIMIT / 4)}"}`
    expect(await patchMe(site, body)).toEqual([413, 'payload_too_large'])
  })

  it('a declared length is enough: nothing of the body is read', async () => {
    const { body, taken } = streamOf(' '.repeat(1024))
    const declared = { 'Content-Length': String(LIMIT + 1) }
    expect(await patchMe(testSite(), body, declared)).toEqual([413, 'payload_too_large'])
    expect(taken.bytes).toBe(0)
  })

  it('a body without end is left after 64 KiB and one chunk', async () => {
    const { body, taken } = streamOf(' '.repeat(1024))
    expect(await patchMe(testSite(), body)).toEqual([413, 'payload_too_large'])
    expect(taken.bytes).toBeLessThanOrEqual(LIMIT + 2 * 1024)
    expect(taken.cancelled).toBe(true)
  })

  it.each([
    [401, 'PATCH', '/v1/me'],
    [404, 'POST', '/v1/nothing'],
    [405, 'POST', '/v1/me'],
    [405, 'POST', '/healthz'],
  ])('a body without end is not touched by a %i', async (status, method, path) => {
    const { body, taken } = streamOf(' '.repeat(1024))
    const headers = { 'Content-Type': 'application/json' }
    // oxlint-disable-next-line unicorn/no-invalid-fetch-options -- it is neither GET nor HEAD
    const request = new Request(`${ORIGIN}${path}`, { method, headers, body })
    expect((await testSite().fetch(request)).status).toBe(status)
    expect(taken.bytes).toBe(0)
  })
})

describe('RFC 9110, section 15.5.16: 415 Unsupported Media Type', () => {
  it.each([
    'text/plain',
    'application/x-www-form-urlencoded',
    'multipart/form-data; boundary=x',
    'application/merge-patch+json',
    'application/json; charset=utf-16',
    'application/json; charset=iso-8859-1',
    'application/jsonp',
    'application/json, text/plain',
    'application/json/x',
    'json',
    '*/*',
    '',
  ])('refuses "%s"', async (type) => {
    const refused = await patchMe(testSite(), '{"bio":"x"}', { 'Content-Type': type })
    expect(refused).toEqual([415, 'unsupported_media_type'])
  })

  it.each([
    'application/json',
    'Application/JSON',
    'application/json;charset=utf-8',
    'application/json; charset=UTF-8',
    'application/json ; charset="utf-8"',
  ])('takes "%s" (section 8.3.1: types are case-insensitive)', async (type) => {
    expect(await patchMe(testSite(), '{"bio":"x"}', { 'Content-Type': type })).toEqual([
      200,
      undefined,
    ])
  })

  it.each(['gzip', 'br', 'deflate', 'identity, gzip', 'x'])(
    'refuses the content encoding %s (section 8.4)',
    async (encoding) => {
      const refused = await patchMe(testSite(), '{"bio":"x"}', { 'Content-Encoding': encoding })
      expect(refused).toEqual([415, 'unsupported_media_type'])
    },
  )

  it('a body that may be empty needs no type, and one that is not needs it', async () => {
    const ada = await testSite().member('ada')
    const visit = (raw?: string) =>
      ada.call('POST', '/v1/me/visits', raw === undefined ? {} : { raw })
    expect((await visit()).status).toBe(201)
    // `curl -d ''` and `fetch` with an empty text send these types.
    for (const type of ['application/x-www-form-urlencoded', 'text/plain;charset=UTF-8']) {
      const headers = { 'Content-Type': type, 'Content-Length': '0' }
      expect((await ada.call('POST', '/v1/me/visits', { raw: '', headers })).status).toBe(200)
    }
    expect((await visit('{}')).body.code).toBe('unsupported_media_type')
    expect((await ada.call('PATCH', '/v1/me')).body.code).toBe('unsupported_media_type')
  })
})

describe('RFC 9110, section 15.5.7: 406 Not Acceptable', () => {
  it.each([
    'text/html',
    'image/*',
    'application/xml',
    'text/*, image/png;q=0.9',
    'application/json;q=0',
    '*/*;q=0',
    'application/ld+json',
  ])('refuses Accept: %s', async (accept) => {
    const { status, body } = await testSite().anonymous.get('/v1/badges', {
      headers: { Accept: accept },
    })
    expect([status, body.code]).toEqual([406, 'not_acceptable'])
  })

  it.each([
    '*/*',
    'application/*',
    'application/json',
    'APPLICATION/JSON',
    'application/problem+json',
    'text/html, application/json;q=0.1',
    'text/html, */*;q=0.01',
    'application/json; charset=utf-8',
    '',
  ])('answers JSON to Accept: %s', async (accept) => {
    const { status, headers } = await testSite().anonymous.get('/v1/badges', {
      headers: { Accept: accept },
    })
    expect([status, headers.get('Content-Type')]).toEqual([200, 'application/json'])
  })
})

it('RFC 9112, section 8: a body that breaks off is 400, and what came of it is not used', async () => {
  const site = testSite()
  const body = new ReadableStream({
    start: (controller) => controller.enqueue(new TextEncoder().encode('{"bio":"x"}')),
    pull: (controller) => controller.error(new Error('Network connection lost.')),
  })
  expect(await patchMe(site, body)).toEqual([400, 'malformed_request'])
  expect((await (await site.member('ada')).get('/v1/me')).body.bio).toBeNull()
})

describe('RFC 8259: bodies that are not JSON', () => {
  it.each([
    ['an empty one', ''],
    ['a cut one', '{"bio":'],
    ['a comment', '{"bio":"x"/**/}'],
    ['NaN', '{"bio":NaN}'],
    ['a trailing comma', '{"bio":"x",}'],
    ['single quotes', "{'bio':'x'}"],
    ['a byte order mark (section 8.1)', '\ufeff{"bio":"x"}'],
    ['a NUL behind it', '{"bio":"x"}\0'],
    ['two of them', '{"bio":"x"}{}'],
  ])('%s is 400', async (_, body) => {
    expect(await patchMe(testSite(), body)).toEqual([400, 'malformed_request'])
  })

  it.each([
    ['an overlong NUL', [0xc0, 0x80]],
    ['a surrogate', [0xed, 0xa0, 0x80]],
    ['a byte that never occurs', [0xff]],
    ['a cut character', [0xf0, 0x9f, 0x98]],
  ])('text that is not UTF-8 (%s) is 400', async (_, bytes) => {
    const [before, after] = [new TextEncoder().encode('{"bio":"'), new TextEncoder().encode('"}')]
    const body = new Uint8Array([...before, ...bytes, ...after])
    expect(await patchMe(testSite(), body)).toEqual([400, 'malformed_request'])
  })
})
