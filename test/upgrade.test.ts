/** An upgrade loses nothing: what was stored before a migration is there and works. */
import { applyD1Migrations, reset } from 'cloudflare:test'
import { env } from 'cloudflare:workers'
import { expect, test } from 'vitest'
import { bookingOf, bookingScene } from './support/bookings.ts'
import { countingStorage } from './support/counting.ts'
import { dumpD1 } from './support/dump.ts'
import { LOGIN_SETTINGS } from './support/login.ts'
import { minted } from './support/minted.ts'
import { rowsOf } from './support/population.ts'
import { ISSUER, ORIGIN, testSite } from './support/site.ts'
import { makeIssuer } from './support/tokens.ts'

/** A database without these migrations, but with later ones, because today's code fills it. */
async function levelWithout(...names: string[]): Promise<void> {
  // The code would refuse to work with it, had it not seen the whole schema before.
  await testSite().anonymous.get('/v1/badges')
  await reset()
  const others = env.TEST_MIGRATIONS.filter(
    (migration) => !names.some((name) => migration.name.startsWith(name)),
  )
  expect(others).toHaveLength(env.TEST_MIGRATIONS.length - names.length)
  await applyD1Migrations(env.DB, others)
}

async function upgrade(): Promise<void> {
  await applyD1Migrations(env.DB, env.TEST_MIGRATIONS)
}

test('0006: members, bookings and sessions stay, and tokens of earlier keys are good', async () => {
  await levelWithout('0006', '0017', '0027', '0047', '0050')
  const scene = await bookingScene()
  const ada = await scene.site.member('ada')
  const { id } = await bookingOf(ada, await scene.slot())
  const login = await makeIssuer({ issuer: ORIGIN, kid: 'key-of-before', subject: 'account-1' })
  const { kty, crv, x, y } = login.jwks.keys[0] ?? {}
  const later = new Date(Date.now() + 3_600_000).toISOString()
  await env.DB.batch([
    env.DB.prepare(`insert into auth_users values ('account-1', 'Eve', 'eve@example.com', 1, null,
      ?1, ?1)`).bind(later),
    env.DB.prepare(`insert into auth_sessions
      (id, token, user_id, expires_at, ip_address, user_agent, created_at, updated_at)
      values ('session-1', 'token-1', 'account-1', ?1, null,
      null, ?1, ?1)`).bind(later),
    env.DB.prepare(`insert into signing_keys values ('key-of-before', ?, 'sealed', 0, ?)`).bind(
      JSON.stringify({ kty, crv, x, y }),
      Date.now() + 86_400_000,
    ),
  ])
  const { signing_keys: keys = [], ...before } = await dumpD1()
  expect(keys).toHaveLength(1)

  await upgrade()
  const { token_keys: moved, ...after } = await dumpD1()
  expect(moved).toMatchObject(keys)
  expect(after).toMatchObject(before)
  expect((await ada.get(`/v1/bookings/${id}`)).body).toMatchObject({ id, owner: ada.userId })

  const site = testSite(LOGIN_SETTINGS)
  const eve = site.bearer(await login.sign({ sid: 'session-1' }))
  expect((await eve.get('/v1/me')).status).toBe(200)
  // The old key cannot be opened and signs nothing; visitors have a key of their own.
  expect((await (await site.visitor()).get('/v1/whoami')).body.kind).toBe('visitor')
  expect(await rowsOf('select use from token_keys order by use')).toEqual([
    { use: 'member' },
    { use: 'visitor' },
  ])
})

test('0012: what an earlier version has left to be followed up is, by the next tick', async () => {
  await levelWithout('0012', '0017', '0027', '0047', '0050')
  const site = testSite({ VISIT_SHARDS: '1' })
  const ada = await site.member('ada')
  const at = new Date().toISOString()
  const [service, slot, booking] = ['svc', 'slt', 'bkg'].map((kind) => `${kind}_${'0'.repeat(26)}`)
  await env.DB.batch([
    env.DB.prepare(`insert into services (id, name, description, time_zone, auto_confirm,
      cancel_until_minutes, revision, created_at, updated_at) values (?1, 'A', '', 'UTC', 1, 0, 1, ?2, ?2)`).bind(
      service,
      at,
    ),
    env.DB.prepare(`insert into slots values (?1, ?2, '2999-01-01T09:00:00.000Z',
      '2999-01-01T10:00:00.000Z', 1, ?3)`).bind(slot, service, at),
    env.DB.prepare(`insert into bookings (id, service_id, slot_id, starts_at, ends_at, owner, booked_by,
      status, revision, created_at, updated_at) select ?1, service_id, id, starts_at, ends_at, ?2, ?2,
      'pending', 1, ?3, ?3 from slots`).bind(booking, ada.userId, at),
    env.DB.prepare(`insert into events values (?1, 'booking-created', ?2, ?3)`).bind(
      `evt_${'0'.repeat(25)}1`,
      booking,
      at,
    ),
    env.DB.prepare(`insert into events values (?1, 'member-reinstated', ?2, ?3)`).bind(
      `evt_${'0'.repeat(25)}2`,
      ada.userId,
      at,
    ),
    env.DB.prepare(`insert into role_deletions values ('keeper', '["key_1", "key_2"]')`),
  ])
  const { events: before = [] } = await dumpD1()

  await upgrade()
  const { events: after = [], role_deletions: deletions } = await dumpD1()
  expect(after).toMatchObject([...before, { kind: 'role-deleted', subject: 'keeper' }])
  expect(deletions ?? []).toEqual([])
  const { storage, traced } = countingStorage()
  const { calls } = await traced(() => testSite({ ...storage, VISIT_SHARDS: '1' }).tick())
  expect(await rowsOf('select * from events')).toEqual([])
  expect(await rowsOf('select status from bookings')).toEqual([{ status: 'confirmed' }])
  const toObjects = calls.filter(({ store }) => store === 'object').map(({ text }) => text)
  expect(toObjects.toSorted()).toEqual(expect.arrayContaining(['recheck', 'refresh', 'refresh']))
})

test('0014: keys of before are good, and the audit log no longer says what they are called', async () => {
  await levelWithout('0014')
  const root = await testSite().root()
  const { key, keyId, secretHash } = await minted()
  const revoked = await minted()
  const at = new Date().toISOString()
  const insert = env.DB
    .prepare(`insert into api_keys values (?1, 'Ada Lovelace', ?2, ?3, '[]', '[]',
    '["192.0.2.7"]', null, null, null, 1, null, ?4, 1, 1, ?5, ?5)`)
  const [name, scopes, allowedIps] = ['Ada Lovelace', ['audit:read'], ['192.0.2.7']]
  const changes = [
    ['api-key.create', { name, scopes, allowedIps }, { scopes, fields: ['name', 'allowedIps'] }],
    [
      'api-key.create',
      { name, scopes, allowedIps: null },
      { scopes, allowedIps: null, fields: ['name'] },
    ],
    ['api-key.update', { name }, { fields: ['name'] }],
    ['api-key.update', { allowedIps, enabled: true }, { enabled: true, fields: ['allowedIps'] }],
    ['api-key.update', { allowedIps: null }, { allowedIps: null }],
    ['api-key.update', { enabled: false }, { enabled: false }],
    ['api-key.rotate', { graceSeconds: 60 }, { graceSeconds: 60 }],
    ['service.create', { name: 'Consultation' }, { name: 'Consultation' }],
  ] as const
  await env.DB.batch([
    insert.bind(keyId, root.userId, secretHash, null, at),
    insert.bind(revoked.keyId, root.userId, revoked.secretHash, at, at),
    ...changes.map(([action, was], index) =>
      env.DB.prepare(`insert into audit_log values (?, ?, ?, null, ?, ?, null, null, ?)`).bind(
        `aud_${'0'.repeat(25)}${index}`,
        at,
        root.userId,
        action,
        keyId,
        JSON.stringify(was),
      ),
    ),
  ])
  const { audit_log: before = [], ...others } = await dumpD1()

  await upgrade()
  const { audit_log: after = [], ...kept } = await dumpD1()
  expect(kept).toMatchObject({ api_keys: others['api_keys'] })
  expect(after).toHaveLength(before.length)
  const told = await rowsOf<{ changes: string }>(
    `select changes from audit_log where id like 'aud_0000000%' order by id`,
  )
  expect(told.map((row) => JSON.parse(row.changes))).toEqual(changes.map(([, , is]) => is))
  expect(JSON.stringify(after)).not.toMatch(/Ada|192\.0\.2/)
  for (const query of ["update audit_log set changes = '{}'", 'delete from audit_log']) {
    await expect(env.DB.prepare(query).run()).rejects.toThrow('the audit log is append-only')
  }

  const site = testSite()
  const from = { headers: { 'CF-Connecting-IP': '192.0.2.7' } }
  expect((await site.bearer(key).get('/v1/whoami', from)).body.keyId).toBe(keyId)
  for (const junk of [revoked.key, (await minted()).key]) {
    expect((await site.bearer(junk).get('/v1/whoami', from)).status).toBe(401)
  }
})

test('0015 to 0017: bookings of before have their terms, and people in them are told apart', async () => {
  await reset()
  const before = env.TEST_MIGRATIONS.filter(({ name }) => name < '0015')
  await applyD1Migrations(env.DB, before)
  const at = '2026-01-01T00:00:00.000Z'
  const id = (kind: string, n: number) => `${kind}_${'0'.repeat(25)}${n}`
  const service = (n: number, name: string, zone: string) =>
    env.DB.prepare(`insert into services values (?1, ?2, '', ?3, 0, 90, null, 1, ?4, ?4)`).bind(
      id('svc', n),
      name,
      zone,
      at,
    )
  const booking = (n: number, of: number, owner: string, contact: object | null) =>
    env.DB.prepare(
      `insert into bookings values (?1, ?2, ?3, '2999-01-01T09:00:00.000Z',
        '2999-01-01T10:00:00.000Z', ?4, ?4, 'pending', null, null, ?5, null, null, 1, ?6, ?6)`,
    ).bind(id('bkg', n), id('svc', of), id('slt', 1), owner, contact && JSON.stringify(contact), at)
  const contact = { name: null, email: 'Ada@Example.com', phone: '+491' }
  await env.DB.batch([
    service(1, 'Haircut', 'EUROPE/BERLIN'),
    service(2, 'Shave', 'america/port-au-prince'),
    service(3, 'Other', 'Asia/Kolkata'),
    env.DB.prepare(`insert into audit_log values ('aud_1', ?, 'usr_1', null, 'service.create', ?,
      null, null, '{"name":"Gone"}')`).bind(at, id('svc', 9)),
    booking(1, 1, 'vis_1', contact),
    booking(2, 9, 'key_1', contact),
    booking(3, 8, 'key_1', null),
  ])
  await env.DB.prepare(
    `insert into token_keys values ('kid', 'visitor', 'x', '{}', '', 0, 5)`,
  ).run()

  await upgrade()
  expect(
    await rowsOf(`select service_name, cancel_until_minutes, is_for_guest, guest_email, guest_phone,
      revision from bookings order by id`),
  ).toEqual([
    {
      service_name: 'Haircut',
      cancel_until_minutes: 90,
      is_for_guest: 0,
      guest_email: 'ada@example.com',
      guest_phone: '+491',
      revision: 1,
    },
    {
      service_name: 'Gone',
      cancel_until_minutes: 0,
      is_for_guest: 1,
      guest_email: 'ada@example.com',
      guest_phone: '+491',
      revision: 1,
    },
    {
      service_name: null,
      cancel_until_minutes: 0,
      is_for_guest: 0,
      guest_email: null,
      guest_phone: null,
      revision: 1,
    },
  ])
  expect(await rowsOf('select time_zone, revision from services order by id')).toEqual([
    { time_zone: 'Europe/Berlin', revision: 2 },
    { time_zone: 'America/Port-au-Prince', revision: 2 },
    { time_zone: 'Asia/Kolkata', revision: 1 },
  ])
  expect(await rowsOf('select tokens_until from token_keys')).toEqual([{ tokens_until: 0 }])
  expect((await rowsOf(`select value from site where key = 'network_key'`)).length).toBe(1)

  // A version from before may still write, for a moment.
  await env.DB.batch([
    env.DB.prepare(
      `insert into bookings (id, service_id, slot_id, starts_at, ends_at, owner, booked_by, status,
        revision, created_at, updated_at) select ?, service_id, 'slt_9', starts_at, ends_at, 'usr_9',
        'usr_9', status, 1, created_at, updated_at from bookings where id = ?`,
    ).bind(id('bkg', 4), id('bkg', 1)),
  ])
  expect(
    await rowsOf(
      'select service_name, cancel_until_minutes from bookings where id = ?',
      id('bkg', 4),
    ),
  ).toEqual([{ service_name: 'Haircut', cancel_until_minutes: 90 }])
})

test('0018: names of before are found as they are, and folded by the next tick', async () => {
  await levelWithout('0018')
  const site = testSite()
  const root = await site.root()
  await site.member('ada', { name: 'Straße' })
  await rowsOf(`update users set name_key = 'straße' where display_name = 'Straße'`)
  await upgrade()
  const found = async (q: string) => (await root.get(`/v1/users?q=${q}`)).body.items.length
  expect([await found('STRAß'), await found('STRASS')]).toEqual([1, 0])
  await site.tick()
  expect([await found('STRAß'), await found('STRASS')]).toEqual([1, 1])
})

test('0018: a new site has nothing to fold', async () => {
  expect(await rowsOf(`select value from site where key = 'name_keys'`)).toEqual([
    { value: 'folded' },
  ])
})

test('0023: what members wrote before stays, and only who made them is heard', async () => {
  await levelWithout('0023', '0042', '0047', '0050')
  const at = '2026-01-01T00:00:00.000Z'
  const later = '2026-01-02T00:00:00.000Z'
  const row = (sql: string, ...values: unknown[]) => env.DB.prepare(sql).bind(...values)
  const names = ['ann', 'ben', 'cat', 'dan']
  const idOf = (name: string) => `usr_${String(names.indexOf(name)).padStart(26, '0')}`
  const memberOf = (name: string) => {
    const id = idOf(name)
    return [
      row(
        `insert into users (id, display_name, name_key, email, status, access_revision, visit_shard,
          revision, created_at, updated_at) values (?1, ?2, ?2, ?3, 'active', 1, 0, 1, ?4, ?4)`,
        id,
        name,
        `${name}@example.com`,
        at,
      ),
      row(
        `insert into identities (issuer, subject, user_id, identity_hash, bootstrapped, created_at)
          values (?1, ?2, ?3, ?2, 0, ?4), (?1, ?2 || '-linked', ?3, ?2, 0, ?5)`,
        ISSUER.issuer,
        name,
        id,
        at,
        later,
      ),
    ]
  }
  const wrote = (name: string, action: string, ...fields: string[]) =>
    row(
      `insert into audit_log (id, at, actor, action, target, changes) values (?, ?, 'usr_0', ?, ?, ?)`,
      `aud_${name}`,
      at,
      action,
      idOf(name),
      JSON.stringify({ fields }),
    )
  await env.DB.batch([
    ...names.flatMap(memberOf),
    wrote('ben', 'profile.update', 'bio', 'displayName'),
    wrote('cat', 'user.update', 'email'),
    wrote('dan', 'profile.update', 'bio'),
  ])
  await upgrade()
  const site = testSite()
  const says = { name: 'New', email: 'new@example.com' }
  const profileOf = async (subject: string) => {
    const { body } = await (await site.member(subject, says)).get('/v1/me')
    return [body.displayName, body.email]
  }
  expect(await profileOf('ann-linked')).toEqual(['ann', 'ann@example.com'])
  expect(await profileOf('ann')).toEqual(['New', 'new@example.com'])
  expect(await profileOf('ben')).toEqual(['ben', 'new@example.com'])
  expect(await profileOf('cat')).toEqual(['New', 'cat@example.com'])
  expect(await profileOf('dan')).toEqual(['New', 'new@example.com'])
})

test('0027: keys stay, and there may be some for pages', async () => {
  await levelWithout('0027', '0047', '0050')
  const visitor = await testSite().visitor()
  const before = await rowsOf('select * from token_keys order by kid')
  expect(before).toHaveLength(1)
  await upgrade()
  expect(await rowsOf('select * from token_keys order by kid')).toEqual(before)
  expect((await visitor.get('/v1/whoami')).body.kind).toBe('visitor')
  await rowsOf(`insert into token_keys values ('kid', 'page', 'x', '{}', '', 0, 5, 0)`)
})

test('0034: holders of a role are found by their name and status of before', async () => {
  await levelWithout('0034')
  const at = new Date().toISOString()
  const ids = [1, 2].map((n) => `usr_${'0'.repeat(25)}${n}`)
  await env.DB.batch(
    ids.flatMap((id, index) => [
      env.DB.prepare(
        `insert into users (id, display_name, name_key, status, access_revision, visit_shard,
          revision, created_at, updated_at) values (?1, ?2, ?2, ?3, 1, 0, 1, ?4, ?4)`,
      ).bind(id, `name ${index}`, index === 0 ? 'active' : 'suspended', at),
      env.DB.prepare(
        `insert into user_roles (user_id, role, assigned_at, assigned_by)
         values (?, 'moderator', ?, 'somebody')`,
      ).bind(id, at),
    ]),
  )

  await upgrade()
  const root = await testSite().root()
  for (const [status, id] of [
    ['active', ids[0]],
    ['suspended', ids[1]],
  ]) {
    const { body } = await root.get(`/v1/users?role=moderator&status=${status}&q=name`)
    expect(body.items.map((each: { id: string }) => each.id)).toEqual([id])
  }
})
