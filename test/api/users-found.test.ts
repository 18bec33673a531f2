/** Members found by what is not public: by whoever may read it, and in no case by anybody else. */
import { describe, expect, test } from 'vitest'
import { KEY_SCOPES } from '../../src/security/permissions.ts'
import { dump } from '../support/dump.ts'
import { partner } from '../support/keys.ts'
import { rowsOf } from '../support/population.ts'
import { type Client, testSite } from '../support/site.ts'

type Found = { readonly displayName: string; readonly email?: string }

async function namesOf(caller: Client, query: string): Promise<string[]> {
  const { status, body } = await caller.get(`/v1/users?${query}`)
  expect([query, status]).toEqual([query, 200])
  return body.items.map(({ displayName }: Found) => displayName)
}

/** Members whose provider has confirmed an address, one of them suspended, some with a role. */
async function populated() {
  const site = testSite()
  const root = await site.root()
  const people = [
    ['Ada', 'Ada.Lovelace@Example.com', 'moderator'],
    ['Adam', 'adam@example.com', 'bookings-manager'],
    ['Bea', 'ÄRA@example.com', 'moderator'],
    ['Straße', 'ada.lovelace@example.com', 'moderator'],
    ['Zoe', 'zoe_@example.com', undefined],
  ] as const
  const ids: Record<string, string> = {}
  for (const [name, email, role] of people) {
    const { userId } = await site.member(name, { name, email, email_verified: true })
    if (role) await root.put(`/v1/users/${userId}/roles/${role}`)
    ids[name] = userId
  }
  await root.post(`/v1/users/${ids['Bea']}/suspend`)
  return { site, root, ids }
}

describe('GET /v1/users', () => {
  test('finds by address, role and status, alone and together, in the order of names', async () => {
    const { root } = await populated()
    const found: Record<string, string[]> = {
      'email=ADA.lovelace@example.COM': ['Ada', 'Straße'],
      'email=ada.lovelace@example.com&q=stras': ['Straße'],
      'email=ada.lovelace@example.com&role=bookings-manager': [],
      'email=ada.lovelace@example.com&role=moderator': ['Ada', 'Straße'],
      'email=ada.lovelace@example.com&status=suspended': [],
      'email=ada.lovelace@example': [],
      'email=zoe%25@example.com': [],
      'email=ÄRA@example.com': ['Bea'],
      'role=moderator': ['Ada', 'Bea', 'Straße'],
      'role=moderator&status=active': ['Ada', 'Straße'],
      'role=moderator&q=STRASS': ['Straße'],
      'role=moderator&q=straß': ['Straße'],
      'role=bookings-manager': ['Adam'],
      'role=no-such-role': [],
      'status=suspended': ['Bea'],
      'status=suspended&role=member': ['Bea'],
      'status=active&q=ad': ['Ada', 'Adam'],
      'role=member&q=ad': ['Ada', 'Adam'],
    }
    for (const [query, names] of Object.entries(found)) {
      expect([query, await namesOf(root, encodeURI(decodeURI(query)))]).toEqual([query, names])
    }
  })

  test('goes on where a page by role or address ended, and takes no cursor of another filter', async () => {
    const { root } = await populated()
    for (const query of ['role=moderator', 'email=ada.lovelace@example.com', 'status=active']) {
      const all = await namesOf(root, query)
      const paged: string[] = []
      let cursor: string | null = ''
      const elsewhere: number[] = []
      while (cursor !== null) {
        const { body } = await root.get(
          `/v1/users?${query}&limit=1${cursor && `&cursor=${cursor}`}`,
        )
        paged.push(...body.items.map(({ displayName }: Found) => displayName))
        cursor = body.nextCursor
        const other = cursor && (await root.get(`/v1/users?status=suspended&cursor=${cursor}`))
        if (other) elsewhere.push(other.status)
      }
      expect(paged).toEqual(all)
      expect([...new Set(elsewhere)]).toEqual([422])
      expect(all.length).toBeGreaterThan(1)
    }
  })

  test('finds holders of a role by what they are called and are now', async () => {
    const { root, ids } = await populated()
    await root.patch(`/v1/users/${ids['Ada']}`, { displayName: 'Zara' })
    await root.post(`/v1/users/${ids['Bea']}/reinstate`)
    await root.put(`/v1/users/${ids['Zoe']}/roles/moderator`)
    await root.delete(`/v1/users/${ids['Straße']}/roles/moderator`)
    expect(await namesOf(root, 'role=moderator&status=active')).toEqual(['Bea', 'Zara', 'Zoe'])
    await root.delete(`/v1/users/${ids['Zoe']}`)
    expect(await namesOf(root, 'role=moderator')).toEqual(['Bea', 'Zara'])
    const copies = await rowsOf(
      `select 1 from user_roles join users on id = user_id
       where user_roles.name_key <> users.name_key or user_roles.status <> users.status`,
    )
    expect(copies).toEqual([])
  })

  test('shows whole profiles with view=full, and public ones without', async () => {
    const { root } = await populated()
    const [full] = (await root.get('/v1/users?view=full&q=adam')).body.items
    expect(full).toMatchObject({
      email: 'adam@example.com',
      roles: ['member', 'bookings-manager'],
      status: 'active',
    })
    for (const query of ['q=adam', 'q=adam&view=public', 'email=adam@example.com']) {
      const [shown] = (await root.get(`/v1/users?${query}`)).body.items
      expect(Object.keys(shown)).not.toContain('email')
    }
  })
})

describe('whoever may list but not read', () => {
  const FILTERS = ['email=adam@example.com', 'role=moderator', 'status=active', 'view=full']

  test('is refused every filter, however it is spelled, and is told by which right', async () => {
    const { site, root } = await populated()
    await root.put('/v1/roles/lister', {
      permissions: [{ permission: 'profile:list', reach: 'any' }],
    })
    const lister = await site.memberWith('lister', 'lister')
    const key = await partner(site, { scopes: ['profile:list'] })
    const spelled = ['%65mail=adam@example.com', 'q=a&status=', 'status=active&q=%', 'role']
    for (const caller of [lister, key]) {
      for (const query of [...FILTERS, ...spelled, 'view=public&view=full']) {
        const { status, body } = await caller.get(`/v1/users?${query}`)
        expect([query, status, body]).toMatchObject([
          query,
          403,
          { stage: 'permission', required: 'profile:read', reach: 'any' },
        ])
      }
      expect(await namesOf(caller, 'q=ad')).toEqual(['Ada', 'Adam'])
      expect(await namesOf(caller, 'view=public&q=ad')).toEqual(['Ada', 'Adam'])
    }
    const { body } = await root.post('/v1/explain', {
      as: lister.userId,
      method: 'GET',
      path: '/v1/users?role=moderator',
    })
    expect(body).toMatchObject({ status: 403, decisive: 'permission' })
    expect(body.change).toMatch(/^The caller gets the role moderator or admin/)
  })

  test('is not let through by the permission to read alone', async () => {
    const { site } = await populated()
    const scopes = KEY_SCOPES.filter((scope) => scope !== 'profile:list')
    const reader = await partner(site, { scopes })
    for (const query of FILTERS) {
      const { status, body } = await reader.get(`/v1/users?${query}`)
      expect([status, body.required]).toEqual([403, 'profile:list'])
    }
  })
})

test('what was looked for is stored nowhere, and comes back in no refusal', async () => {
  const { site, root } = await populated()
  const before = await dump()
  const sought = 'sought.after@example.com'
  const answers = [
    await root.get(`/v1/users?email=${sought}`),
    await root.get(`/v1/users?email=${sought}&status=odd`),
    await (await site.member('Adam')).get(`/v1/users?email=${sought}`),
    await root.get(`/v1/users?email=${sought}%00`),
  ]
  expect(answers.map(({ status }) => status)).toEqual([200, 422, 403, 422])
  expect(answers.map(({ text }) => text).join()).not.toContain('sought')
  expect(await dump()).toEqual(before)
})
