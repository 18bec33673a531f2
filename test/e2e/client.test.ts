import { describe, expect, expectTypeOf, test } from 'vitest'
import { createClient, GuildhallError } from '../../src/client/index.ts'
import { siteForFile } from './support/client-site.ts'

const site = siteForFile()

async function client(subject?: string) {
  return createClient({ baseUrl: site.url, token: await site.token(subject), retries: 0 })
}

/** The error of a call that has to fail. */
async function failure(call: Promise<unknown>): Promise<GuildhallError> {
  const error = await call.then(
    () => undefined,
    (reason: unknown) => reason,
  )
  if (!(error instanceof GuildhallError)) throw new Error(`no GuildhallError: ${String(error)}`)
  return error
}

describe('a call', () => {
  test('answers the body, typed as the route declares it', async () => {
    const { v1 } = await client()
    const me = await v1.me.$patch({ json: { displayName: 'Ada', bio: null } })
    expect(me).toMatchObject({ displayName: 'Ada', bio: null, roles: ['member', 'admin'] })
    expectTypeOf(me.status).toEqualTypeOf<'active' | 'suspended'>()
    expect(await v1.me.$get()).toEqual(me)
    expect(await v1.users.$get({ query: { q: 'Ad', limit: 1 } })).toMatchObject({
      items: [{ id: me.id }],
    })
  })

  test('answers the full view where it is asked for, and only there', async () => {
    const { v1 } = await client()
    const { id: userId } = await v1.me.$get()
    const full = await v1.users[':userId'].$get({ param: { userId }, query: { view: 'full' } })
    expect(full.roles).toContain('admin')
    expect(await v1.users[':userId'].$get({ param: { userId } })).not.toHaveProperty('roles')
  })

  test('answers undefined where there is nothing to say', async () => {
    const { v1 } = await client()
    const { id: badgeId } = await v1.badges.$post({ json: { title: 'Gone soon' } })
    expect(await v1.badges[':badgeId'].$delete({ param: { badgeId } })).toBeUndefined()
  })

  test('needs no body where the path says everything', async () => {
    const { v1 } = await client('visitor-of-the-hall')
    expect(await v1.me.visits.$post()).toMatchObject({ counted: true, total: 1 })
  })

  test('is made with an API key as well', async () => {
    const { v1 } = await client()
    const { secret, id: keyId } = await v1['api-keys'].$post({
      json: { name: 'partner', scopes: [] },
    })
    const partner = createClient({ baseUrl: site.url, apiKey: secret })
    expect(await partner.v1.whoami.$get()).toMatchObject({ kind: 'partner', keyId })
    expect(site.seen.at(-1)?.headers.has('X-API-Key')).toBe(false)
  })

  test('is made to the revision that was read, and to no other', async () => {
    const { v1 } = await client('careful')
    const { revision } = await v1.me.$get()
    const { revision: next } = await v1.me.$patch({ json: { bio: 'one' }, ifMatch: revision })
    expect(next).toBe(revision + 1)
    expect(await failure(v1.me.$patch({ json: { bio: 'two' }, ifMatch: revision }))).toMatchObject({
      code: 'precondition_failed',
      status: 412,
    })
  })

  test('makes what is not there yet, and nothing else', async () => {
    const { v1 } = await client()
    const role = {
      param: { role: 'greeter' },
      json: { permissions: [{ permission: 'badge:assign' as const, reach: 'any' as const }] },
      ifNoneMatch: '*' as const,
    }
    expect(await v1.roles[':role'].$put(role)).toMatchObject({ name: 'greeter', revision: 1 })
    const other = { ...role, json: { permissions: [] } }
    expect(await failure(v1.roles[':role'].$put(other))).toMatchObject({ status: 412 })
  })

  test('stays what it is, whatever its path parameters hold', async () => {
    const { v1 } = await client()
    for (const userId of ['../badges', 'a/b', 'a?view=full', '#', '%2e%2e', ':userId']) {
      expect(await failure(v1.users[':userId'].$delete({ param: { userId } }))).toMatchObject({
        code: 'not_found',
      })
      expect(site.seen.at(-1)?.path).toBe(`/v1/users/${encodeURIComponent(userId)}`)
    }
    const sent = site.seen.length
    for (const userId of ['', '.', '..']) {
      await expect(v1.users[':userId'].$delete({ param: { userId } })).rejects.toThrow(TypeError)
    }
    expect(site.seen).toHaveLength(sent)
  })
})

describe('a failure', () => {
  test('of a caller who is not known says at which stage', async () => {
    const anonymous = createClient({ baseUrl: site.url })
    const error = await failure(anonymous.v1.me.$get())
    if (error.code !== 'unauthenticated') throw error
    expectTypeOf(error.status).toEqualTypeOf<401>()
    expect(error).toMatchObject({ status: 401, stage: 'credential' })
    expect(error.requestId).toBe(site.seen[0]?.answer?.headers.get('Request-Id'))
    expect((await fetch(error.type)).status).toBe(200)
  })

  test('for want of a permission names it', async () => {
    const { v1 } = await client('ada')
    const error = await failure(v1.users.$get())
    if (error.code !== 'forbidden') throw error
    const { stage, required, reach } = error
    expect({ stage, required, reach }).toEqual({
      stage: 'permission',
      required: 'profile:list',
      reach: 'any',
    })
    expect(error.message).toBe(`forbidden: ${error.detail}`)
  })

  test('of validation lists the fields', async () => {
    const { v1 } = await client()
    const error = await failure(v1.badges.$post({ json: { title: '', position: -1 } }))
    if (error.code !== 'validation_failed') throw error
    expect(error.errors.map((each) => [each.in, each.path])).toEqual([
      ['json', 'title'],
      ['json', 'position'],
    ])
  })

  test('of another request under the same key names the header', async () => {
    const { v1 } = await client()
    const create = (title: string) => v1.badges.$post({ json: { title }, idempotencyKey: 'same' })
    await create('one')
    const error = await failure(create('other'))
    if (error.code !== 'idempotency_mismatch') throw error
    expect(error.errors).toMatchObject([{ in: 'header', path: 'Idempotency-Key' }])
  })

  test.each([
    ['rate_limited', 429, '7', 7],
    ['quota_exceeded', 429, '86400', 86_400],
    ['unavailable', 503, '30', 30],
    ['unavailable', 503, 'a date', 3600],
  ])('%s (%i, Retry-After: %s) says when to come back', async (code, status, header, seconds) => {
    const { v1 } = await client()
    const date = new Date(Date.now() + seconds * 1000).toUTCString()
    site.fail({
      status,
      headers: { 'Retry-After': header === 'a date' ? date : header },
      body: JSON.stringify({ code, detail: '' }),
    })
    const error = await failure(v1.whoami.$get())
    if (
      error.code !== 'rate_limited' &&
      error.code !== 'unavailable' &&
      error.code !== 'quota_exceeded'
    )
      throw error
    expect(error.code).toBe(code)
    // A date is compared with the clock of the caller, which went on.
    expect(Math.abs((error.retryAfter ?? Infinity) - seconds)).toBeLessThanOrEqual(5)
  })

  test.each([
    ['with a code of tomorrow', 409, '{"code":"of_tomorrow"}', { code: 'of_tomorrow' }],
    ['with a known code and another status', 404, '{"code":"forbidden"}', { code: 'forbidden' }],
    ['with the page of a proxy', 502, '<h1>Bad gateway</h1>', '<h1>Bad gateway</h1>'],
    [
      'with a success that is none',
      200,
      '<h1>Sign in to this network</h1>',
      '<h1>Sign in to this network</h1>',
    ],
  ])('%s is unexpected, and told as it is', async (_, status, text, body) => {
    const { v1 } = await client()
    site.fail({ status, body: text, headers: { 'Request-Id': 'r-1' } })
    const error = await failure(v1.whoami.$get())
    if (error.code !== 'unexpected_answer') throw error
    expect(error).toMatchObject({ status, body, requestId: 'r-1' })
  })

  test.each(['lost request', 'lost answer', 'half an answer'] as const)(
    'of the network (%s) has its cause',
    async (fault) => {
      const { v1 } = await client()
      site.fail(fault)
      const error = await failure(v1.whoami.$get())
      if (error.code !== 'network_failure') throw error
      expect(error.status).toBeUndefined()
      expect(error.cause).toBeInstanceOf(TypeError)
    },
  )
})
