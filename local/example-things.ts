/**
 * The things that the examples in the OpenAPI document are about, as rows of the database: on a site
 * that has them every example works as it stands. `npm run seed` makes them.
 */
import { EXAMPLE_IDENTITY_ID } from '../src/api/identities.ts'
import { EXAMPLE_SESSION_ID } from '../src/api/sessions.ts'
import { EXAMPLE_REQUEST_ID } from '../src/api/refusals.ts'
import { EXAMPLE_ROLE, exampleId } from '../src/api/schemas.ts'
import { BUILT_IN } from '../src/db/issuers.ts'

type Value = string | number | null
type Row = readonly [table: string, columns: Readonly<Record<string, Value>>]

/** Another service, whose slot is booked: the example of a service can be deleted. */
const BOOKED = {
  service: exampleId('svc').replace(/.$/, 'b'),
  slot: exampleId('slt').replace(/.$/, 'b'),
}

/** Its object has a delivery that was never sent: `ping` with these makes it. */
export const EXAMPLE_WEBHOOK = exampleId('whk')
export const EXAMPLE_DELIVERY = exampleId('evt')

/** Nobody has a token of it. */
const ISSUER = 'https://examples.invalid'

/** Nobody knows its password, for it has none. */
const ACCOUNT = 'account-of-the-seed'

/**
 * Statements to be run in this order.
 * @param root the admin who uses the examples
 * @param now RFC 3339
 */
export function exampleThings(root: string, now: string): { sql: string; values: Value[] }[] {
  return rows(root, now).map(([table, columns]) => {
    const names = Object.keys(columns)
    const values = Object.values(columns)
    const places = names.map(() => '?').join(', ')
    return { sql: `insert into ${table} (${names.join(', ')}) values (${places})`, values }
  })
}

function rows(root: string, now: string): Row[] {
  const [user, badge, audit] = [exampleId('usr'), exampleId('bdg'), exampleId('aud')]
  const changed = { revision: 1, created_at: now, updated_at: now }
  const identity = { issuer: ISSUER, bootstrapped: 0, created_at: now }
  const service = {
    description: '',
    time_zone: 'Europe/Berlin',
    auto_confirm: 0,
    cancel_until_minutes: 0,
    ...changed,
  }
  const slot = {
    starts_at: '2050-01-01T10:00:00.000Z',
    ends_at: '2050-01-01T11:00:00.000Z',
    capacity: 10,
  }
  const { capacity: _, ...times } = slot
  return [
    [
      'users',
      {
        id: user,
        display_name: 'Ada Lovelace',
        name_key: 'ada lovelace',
        email: 'ada@example.com',
        status: 'active',
        access_revision: 1,
        visit_shard: 0,
        ...changed,
      },
    ],
    [
      'identities',
      {
        ...identity,
        subject: 'root',
        user_id: root,
        identity_hash: EXAMPLE_IDENTITY_ID.slice(4).repeat(2),
      },
    ],
    ['roles', { name: EXAMPLE_ROLE, permissions: '{"badge:assign":"any"}', ...changed }],
    ['user_roles', { user_id: user, role: EXAMPLE_ROLE, assigned_at: now, assigned_by: root }],
    [
      'badges',
      {
        id: badge,
        slug: 'example',
        title: 'Example',
        description: 'Of the examples in the reference.',
        background_color: '#334155',
        text_color: '#ffffff',
        position: 1000,
        ...changed,
      },
    ],
    [
      'audit_log',
      { id: audit, at: now, actor: root, action: 'badge.assign', target: user, changes: '{}' },
    ],
    [
      'refusals',
      {
        request_id: EXAMPLE_REQUEST_ID,
        at: now,
        caller: user,
        method: 'GET',
        route: '/v1/jobs',
        status: 403,
        code: 'forbidden',
        stage: 'permission',
        required: 'job:run',
        reach: 'any',
      },
    ],
    [
      'badge_assignments',
      {
        user_id: user,
        badge_id: badge,
        assigned_at: now,
        assigned_by: 'admin',
        audit_id: audit,
      },
    ],
    [
      'badge_rules',
      {
        id: exampleId('rul'),
        badge_id: badge,
        metric: 'visits',
        threshold: 10,
        enabled: 1,
        ...changed,
      },
    ],
    [
      'page_rules',
      {
        id: exampleId('pgr'),
        path: '/example/*',
        path_key: '/example/*',
        access: '"members"',
        on_unauthenticated: '401',
        web_socket: 0,
        position: 0,
        ...changed,
      },
    ],
    // Two ways in: one that can be unlinked, and the login of this site, with a session.
    [
      'identities',
      {
        ...identity,
        subject: 'ada',
        user_id: user,
        identity_hash: EXAMPLE_IDENTITY_ID.slice('idn_'.length) + 'a'.repeat(32),
      },
    ],
    [
      'identities',
      {
        ...identity,
        issuer: BUILT_IN,
        subject: ACCOUNT,
        user_id: user,
        identity_hash: 'b'.repeat(64),
      },
    ],
    [
      'auth_users',
      {
        id: ACCOUNT,
        name: 'Ada Lovelace',
        email: 'ada@example.com',
        email_verified: 1,
        created_at: now,
        updated_at: now,
      },
    ],
    [
      'auth_sessions',
      {
        id: EXAMPLE_SESSION_ID,
        token: crypto.randomUUID(),
        user_id: ACCOUNT,
        user_agent: 'Mozilla/5.0 (X11; Linux x86_64) Firefox/140.0',
        expires_at: '2050-01-01T00:00:00.000Z',
        created_at: now,
        updated_at: now,
      },
    ],
    ['services', { id: exampleId('svc'), name: 'Example', ...service }],
    ['services', { id: BOOKED.service, name: 'Booked example', ...service }],
    ['slots', { id: exampleId('slt'), service_id: exampleId('svc'), created_at: now, ...slot }],
    ['slots', { id: BOOKED.slot, service_id: BOOKED.service, created_at: now, ...slot }],
    [
      'bookings',
      {
        id: exampleId('bkg'),
        service_id: BOOKED.service,
        service_name: 'Booked example',
        slot_id: BOOKED.slot,
        ...times,
        owner: user,
        booked_by: user,
        status: 'pending',
        contact: '{"name":"Ada Lovelace","email":"ada@example.com","phone":null}',
        is_for_guest: 0,
        guest_email: 'ada@example.com',
        cancel_until_minutes: 0,
        ...changed,
      },
    ],
    [
      'api_keys',
      {
        id: exampleId('key'),
        name: 'Example',
        created_by: root,
        secret_hash: 'e'.repeat(64),
        previous_secrets: '[]',
        scopes: '["profile:read"]',
        enabled: 1,
        access_revision: 1,
        is_keyed: 1,
        ...changed,
      },
    ],
    [
      'webhooks',
      {
        id: EXAMPLE_WEBHOOK,
        url: 'https://partner.example/hooks',
        created_by: root,
        enabled: 0,
        disabled_because: 'asked',
        disabled_at: now,
        secrets: '[]',
        since: 0,
        ...changed,
      },
    ],
  ]
}
