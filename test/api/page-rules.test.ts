import { env } from 'cloudflare:workers'
import { describe, expect, it } from 'vitest'
import { MAX_PAGE_RULES } from '../../src/security/pages/page-rule.ts'
import { LOGIN_SETTINGS } from '../support/login.ts'
import { idOf, TIME } from '../support/shapes.ts'
import { type Client, testSite } from '../support/site.ts'

const ABSENT = 'pgr_01jqz00000000000000000000x'
const NO_BADGE = 'bdg_01jqz00000000000000000000x'
const RULE = { path: '/members/*', access: 'members' }

const rulesOf = async (client: Client) => (await client.get('/v1/page-rules')).body.items

describe('POST /v1/page-rules', () => {
  it('makes a rule for signed-out people as they can be helped: by the sign-in, or with 401', async () => {
    const [root, rootOfLogin] = [await testSite().root(), await testSite(LOGIN_SETTINGS).root()]
    const { status, headers, body } = await root.post('/v1/page-rules', RULE)
    expect(status).toBe(201)
    expect(body).toEqual({
      ...RULE,
      id: idOf('pgr'),
      onUnauthenticated: '401',
      signInPath: null,
      forbiddenPath: null,
      webSocket: false,
      position: 1,
      revision: 1,
      createdAt: TIME,
      updatedAt: body.createdAt,
    })
    expect(headers.get('ETag')).toBe('"1"')
    expect(headers.get('Location')).toBe(`/v1/page-rules/${body.id}`)
    expect((await root.get(`/v1/page-rules/${body.id}`)).body).toEqual(body)
    const named = await root.post('/v1/page-rules', { ...RULE, path: '/a', signInPath: '/login' })
    expect(named.body).toMatchObject({ onUnauthenticated: 'sign-in', signInPath: '/login' })
    const helped = await rootOfLogin.post('/v1/page-rules', { ...RULE, path: '/b' })
    expect(helped.body).toMatchObject({ onUnauthenticated: 'sign-in', signInPath: null })
  })

  it.each([
    { access: 'anyone' },
    { access: 'visitors-only' },
    { access: { may: 'visit:record', reach: 'own' } },
    { access: { may: 'profile:list', reach: 'any' } },
    { access: { may: 'profile:list', reach: 'own' } },
    { onUnauthenticated: '404', forbiddenPath: '/no', webSocket: true, position: 1_000_000 },
    { onUnauthenticated: 'sign-in', signInPath: '/sign-in' },
    { path: '/' },
    { path: '/*' },
    { path: '/:area/:page' },
    { path: '/über-uns' },
    { path: '/.well-known/*' },
  ])('takes %o', async (fields) => {
    const root = await testSite().root()
    const { status, body } = await root.post('/v1/page-rules', { ...RULE, ...fields })
    expect({ status, body }).toMatchObject({ status: 201, body: fields })
  })

  it('means reach any where none is given, and has places in their one spelling', async () => {
    const root = await testSite().root()
    const { body: badge } = await root.post('/v1/badges', { title: 'Regular' })
    const { body } = await root.post('/v1/page-rules', {
      ...RULE,
      access: { may: 'profile:list' },
      signInPath: '/x/../%6Cog-in/ü',
    })
    expect(body.access).toEqual({ may: 'profile:list', reach: 'any' })
    expect(body.signInPath).toBe('/log-in/%C3%BC')
    const opened = { path: '/club', access: { badge: badge.id } }
    expect((await root.post('/v1/page-rules', opened)).body).toMatchObject(opened)
  })

  it.each([
    ['path', { path: 'members' }],
    ['path', { path: '/a*' }],
    ['path', { path: '/a/*/b' }],
    ['path', { path: '/a?b' }],
    ['path', { path: '/a/../b' }],
    ['path', { path: `/${'a'.repeat(200)}` }],
    ['path', { path: '/console/*' }, /Guildhall itself/],
    ['path', { path: '/V1/users' }, /Guildhall itself/],
    ['path', { path: '/%61uth/*' }, /Guildhall itself/],
    ['path', { path: '/.well-known/jwks.json' }, /Guildhall itself/],
    ['path', { path: undefined }],
    ['access', { access: undefined }],
    ['access', { access: 'admins' }],
    ['access', { access: { may: 'page:read' } }],
    ['access.badge', { access: { badge: 'regular' } }],
    ['access', { access: { may: 'profile:list', badge: NO_BADGE } }],
    ['onUnauthenticated', { onUnauthenticated: '403' }],
    ['signInPath', { signInPath: 'https://elsewhere.example/' }],
    ['signInPath', { signInPath: '//elsewhere.example/' }],
    ['signInPath', { signInPath: '/login?next=/' }],
    ['signInPath', { signInPath: `/${'ü'.repeat(100)}` }, /percent-encoded/],
    ['signInPath', { onUnauthenticated: 'sign-in' }, /BUILT_IN_LOGIN/],
    ['signInPath', { signInPath: '/members/login' }, /\/members\/\* → \/members\/login/],
    ['signInPath', { signInPath: '/auth/sign-in' }, /its sign-in if it has one/],
    ['signInPath', { signInPath: '/v1/whoami' }],
    ['forbiddenPath', { forbiddenPath: 'no' }],
    ['forbiddenPath', { forbiddenPath: '/healthz' }, /a page of the site/],
    ['forbiddenPath', { forbiddenPath: '/members/no' }, /\/members\/\* → \/members\/no/],
    ['access', { path: '/', access: 'visitors-only' }, /A member would be sent round/],
    ['webSocket', { webSocket: 1 }],
    ['position', { position: -1 }],
    ['position', { position: 1.5 }],
    ['name', { name: 'x' }],
  ])('refuses %s in %o', async (path, change, message: RegExp = /./) => {
    const root = await testSite().root()
    const { status, body } = await root.post('/v1/page-rules', { ...RULE, ...change })
    expect({ status, errors: body.errors }).toEqual({
      status: 422,
      errors: [{ in: 'json', path, message: expect.stringMatching(message) }],
    })
    expect(await rulesOf(root)).toEqual([])
  })

  it('refuses a reach that nobody has', async () => {
    const root = await testSite().root()
    const access = { may: 'visit:record' }
    const { status, body } = await root.post('/v1/page-rules', { ...RULE, access })
    expect({ status, errors: body.errors }).toMatchObject({
      status: 422,
      errors: [{ path: expect.stringMatching(/^access/) }],
    })
  })

  it('answers 404 for a badge that does not exist, and makes no rule', async () => {
    const root = await testSite().root()
    const rule = { ...RULE, access: { badge: NO_BADGE } }
    expect((await root.post('/v1/page-rules', rule)).status).toBe(404)
    expect(await rulesOf(root)).toEqual([])
  })

  it.each(['/Members/*', '/%6dembers/*', '/MEMBERS/*'])(
    'has one rule for the same paths: /members/* and %s',
    async (path) => {
      const root = await testSite().root()
      await root.post('/v1/page-rules', RULE)
      expect(await root.post('/v1/page-rules', { ...RULE, path })).toMatchObject({
        status: 409,
        body: { code: 'conflict', detail: expect.stringContaining('/members/*') },
      })
      expect(await rulesOf(root)).toHaveLength(1)
    },
  )

  it('refuses a rule with which others send people round, and names the way', async () => {
    const root = await testSite().root()
    await root.post('/v1/page-rules', { ...RULE, path: '/a/*', signInPath: '/b/login' })
    const back = { ...RULE, path: '/b/*', signInPath: '/a/login' }
    expect(await root.post('/v1/page-rules', back)).toMatchObject({
      status: 409,
      body: { code: 'conflict', detail: expect.stringContaining('/a/* → /b/login → /a/login') },
    })
    expect(await rulesOf(root)).toHaveLength(1)
  })

  it(`makes no more than ${MAX_PAGE_RULES}`, async () => {
    const root = await testSite().root()
    const { body } = await root.post('/v1/page-rules', RULE)
    await copies(body.id, MAX_PAGE_RULES - 2)
    expect((await root.post('/v1/page-rules', { ...RULE, path: '/last' })).status).toBe(201)
    expect(await root.post('/v1/page-rules', { ...RULE, path: '/more' })).toMatchObject({
      status: 409,
      body: { code: 'conflict', detail: expect.stringContaining(String(MAX_PAGE_RULES)) },
    })
  })
})

/** Copies a rule so many times, each for a path of its own. */
async function copies(id: string, count: number): Promise<void> {
  await env.DB.prepare(
    `with recursive n(i) as (select 1 union all select i + 1 from n where i < ?1)
    insert into page_rules (id, path, path_key, access, on_unauthenticated, web_socket, position,
      revision, created_at, updated_at)
    select 'pgr_' || i, '/n/' || i, '/n/' || i, access, on_unauthenticated, web_socket, position,
      1, created_at, updated_at
    from page_rules, n where id = ?2`,
  )
    .bind(count, id)
    .run()
}

describe('GET /v1/page-rules', () => {
  it('lists all rules in the order in which they are asked, page by page', async () => {
    const root = await testSite().root()
    const made = [3, 1, 2, 1].map((position, index) => ({ ...RULE, path: `/${index}`, position }))
    for (const rule of made) await root.post('/v1/page-rules', rule)
    const first = await root.get('/v1/page-rules?limit=3')
    const next = await root.get(`/v1/page-rules?limit=3&cursor=${first.body.nextCursor}`)
    const items: { path: string }[] = [...first.body.items, ...next.body.items]
    expect(items.map(({ path }) => path)).toEqual(['/1', '/3', '/2', '/0'])
    expect(next.body.nextCursor).toBeNull()
  })

  it('answers 404 for a rule that does not exist', async () => {
    const root = await testSite().root()
    expect((await root.get(`/v1/page-rules/${ABSENT}`)).status).toBe(404)
  })
})

describe('PATCH /v1/page-rules/{ruleId}', () => {
  async function siteWithRule(fields: object = {}) {
    const root = await testSite().root()
    const { body } = await root.post('/v1/page-rules', { ...RULE, ...fields })
    return { root, rule: body, path: `/v1/page-rules/${body.id}` }
  }

  it('changes the given fields and nothing else', async () => {
    const { root, rule, path } = await siteWithRule({ signInPath: '/login', forbiddenPath: '/no' })
    const fields = { path: '/team/*', signInPath: null, onUnauthenticated: '404', position: 7 }
    const { status, headers, body } = await root.patch(path, fields)
    expect(status).toBe(200)
    expect(body).toEqual({ ...rule, ...fields, revision: 2, updatedAt: body.updatedAt })
    expect(headers.get('ETag')).toBe('"2"')
    expect((await root.get(path)).body).toEqual(body)
    // The paths it was about are free.
    expect((await root.post('/v1/page-rules', RULE)).status).toBe(201)
    expect((await root.post('/v1/page-rules', { ...RULE, path: '/TEAM/*' })).status).toBe(409)
  })

  it.each([
    [422, { path: '/v1/*' }],
    [422, { onUnauthenticated: 'sign-in' }],
    [422, { signInPath: '/members/login', onUnauthenticated: 'sign-in' }],
    [422, {}],
    [409, { path: '/Taken' }],
    [404, { access: { badge: NO_BADGE } }],
  ])('answers %i for %o, and changes nothing', async (status, fields) => {
    const { root, rule, path } = await siteWithRule()
    await root.post('/v1/page-rules', { ...RULE, path: '/taken' })
    expect((await root.patch(path, fields)).status).toBe(status)
    expect((await root.get(path)).body).toEqual(rule)
  })

  it('honours If-Match, and answers 404 for a rule that does not exist', async () => {
    const { root, path } = await siteWithRule()
    const stale = { headers: { 'If-Match': '"2"' } }
    expect((await root.patch(path, { position: 3 }, stale)).status).toBe(412)
    expect((await root.delete(path, stale)).status).toBe(412)
    expect((await root.patch(`/v1/page-rules/${ABSENT}`, { position: 3 })).status).toBe(404)
    expect((await root.delete(`/v1/page-rules/${ABSENT}`)).status).toBe(404)
  })

  it('refuses an order with which people are sent round', async () => {
    const { root, path } = await siteWithRule({ path: '/members/login', access: 'anyone' })
    const under = { ...RULE, signInPath: '/members/login' }
    expect((await root.post('/v1/page-rules', under)).status).toBe(201)
    expect(await root.patch(path, { position: 9 })).toMatchObject({
      status: 409,
      body: { detail: expect.stringContaining('/members/* → /members/login → /members/login') },
    })
  })
})

describe('a step in the order', () => {
  interface Entry {
    readonly target: string
    readonly changes: { readonly position: number }
  }

  /** Rules at these positions, as /0, /1 and so on, and how they are listed. */
  async function siteWith(...positions: readonly number[]) {
    const root = await testSite().root()
    for (const [at, position] of positions.entries()) {
      await root.post('/v1/page-rules', { path: `/${at}`, access: 'members', position })
    }
    const listed = async () =>
      (await rulesOf(root)).map(({ path }: { path: string }) => path).join('')
    const step = async (at: number, to: 'up' | 'down', others: object = {}, headers = {}) => {
      const rules: { id: string }[] = await rulesOf(root)
      const past = rules[to === 'up' ? at - 1 : at + 1]?.id
      const path = `/v1/page-rules/${rules[at]?.id}`
      return root.patch(path, { step: { to, past }, ...others }, { headers })
    }
    return { root, listed, step }
  }

  it.each([
    ['differ', [1, 5, 9]],
    ['are equal', [3, 3, 3]],
    ['leave no room', [0, 0, 1]],
    ['are the highest', [999_998, 999_999, 1_000_000]],
  ])('changes two neighbours and no other where positions %s', async (_, positions) => {
    const { root, listed, step } = await siteWith(...positions)
    const { status, body } = await step(2, 'up')
    expect([status, body, await listed()]).toMatchObject([200, { path: '/2' }, '/0/2/1'])
    expect((await root.get(`/v1/page-rules/${body.id}`)).body).toEqual(body)
    await step(0, 'down')
    await step(0, 'down')
    expect(await listed()).toBe('/0/2/1')
    const { items } = (await root.get('/v1/audit?action=page-rule.update')).body
    const now = new Map<string, number>(
      (await rulesOf(root)).map(({ id, position }: { id: string; position: number }) => [
        id,
        position,
      ]),
    )
    const last = new Map<string, { position: number }>(
      items.toReversed().map(({ target, changes }: Entry) => [target, changes]),
    )
    expect(last.size).toBeGreaterThan(1)
    for (const [id, { position }] of last) expect([id, position]).toEqual([id, now.get(id)])
  })

  it('is refused past another than the neighbour, at another revision, beside other fields, and round', async () => {
    const { root, listed, step } = await siteWith(1, 2, 3)
    const rules = await rulesOf(root)
    const far = { step: { to: 'down', past: rules[2].id } }
    expect((await root.patch(`/v1/page-rules/${rules[0].id}`, far)).status).toBe(409)
    expect((await step(1, 'up', {}, { 'If-Match': '"7"' })).status).toBe(412)
    expect((await step(1, 'up', { webSocket: true })).status).toBe(422)
    expect((await step(1, 'up', { position: 9 })).status).toBe(422)
    expect(await listed()).toBe('/0/1/2')
    expect((await root.get('/v1/audit?action=page-rule.update')).body.items).toEqual([])
    // Members who are sent to /login by the rule after it must not be sent on by it.
    const [open, closed] = [`/v1/page-rules/${rules[1].id}`, `/v1/page-rules/${rules[2].id}`]
    await root.patch(open, { path: '/x/login', access: 'anyone' })
    const signIn = { onUnauthenticated: 'sign-in', signInPath: '/x/login' }
    await root.patch(closed, { path: '/x/*', ...signIn })
    const round = await step(1, 'down')
    expect([round.status, round.body.detail]).toEqual([409, expect.stringContaining('sent round')])
  })

  it('has the badge of a rule in the list, as people know it', async () => {
    const { root } = await siteWith(1)
    const { body: badge } = await root.post('/v1/badges', { title: 'Regular' })
    await root.post('/v1/page-rules', { path: '/club', access: { badge: badge.id } })
    expect(await rulesOf(root)).toMatchObject([
      { path: '/0', badge: null },
      { path: '/club', badge: { id: badge.id, title: 'Regular' } },
    ])
  })
})

describe('DELETE /v1/page-rules/{ruleId}', () => {
  it('leaves its pages to the next rule, unless that sends people round', async () => {
    const root = await testSite().root()
    const { body } = await root.post('/v1/page-rules', {
      ...RULE,
      path: '/members/login',
      access: 'anyone',
    })
    const under = { ...RULE, signInPath: '/members/login' }
    const { body: rest } = await root.post('/v1/page-rules', under)
    expect((await root.delete(`/v1/page-rules/${body.id}`)).status).toBe(409)
    expect((await root.delete(`/v1/page-rules/${rest.id}`)).status).toBe(204)
    expect((await root.delete(`/v1/page-rules/${body.id}`)).status).toBe(204)
    expect(await rulesOf(root)).toEqual([])
  })

  it('can undo what another version has let happen', async () => {
    const root = await testSite().root()
    const { body: one } = await root.post('/v1/page-rules', { ...RULE, path: '/a/*' })
    const { body: other } = await root.post('/v1/page-rules', { ...RULE, path: '/b/*' })
    await env.DB.exec(
      "update page_rules set on_unauthenticated = 'sign-in', sign_in_path = substr(path, 1, 3) || 'x'",
    )
    expect((await root.patch(`/v1/page-rules/${one.id}`, { signInPath: '/login' })).status).toBe(
      200,
    )
    expect((await root.delete(`/v1/page-rules/${other.id}`)).status).toBe(204)
  })
})

describe('a badge that opens a page', () => {
  it('is not deleted until the rule is changed', async () => {
    const root = await testSite().root()
    const { body: badge } = await root.post('/v1/badges', { title: 'Regular' })
    const rule = { ...RULE, access: { badge: badge.id } }
    const { body } = await root.post('/v1/page-rules', rule)
    const path = `/v1/badges/${badge.id}`
    expect(await root.delete(path)).toMatchObject({
      status: 409,
      body: { code: 'conflict', detail: expect.stringContaining('/members/*') },
    })
    expect((await root.delete(path, { headers: { 'If-Match': '"2"' } })).status).toBe(412)
    expect((await root.get(path)).status).toBe(200)
    await root.patch(`/v1/page-rules/${body.id}`, { access: 'members' })
    expect((await root.delete(path)).status).toBe(204)
  })
})
