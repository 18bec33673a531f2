/**
 * An open route changes nothing. By its types it has nothing to write with; here everybody calls
 * every one of them, on storage that tells which statements and objects it was asked for.
 */
import { beforeEach, describe, expect, test } from 'vitest'
import { routes } from '../../src/api/index.ts'
import { KEY_SCOPES } from '../../src/security/permissions.ts'
import { furnish, type Furnished } from '../support/every-route.ts'
import { intercepted, type StorageCall } from '../support/intercept.ts'
import { partner } from '../support/keys.ts'
import { type Client, SETTINGS, type Site, testSite } from '../support/site.ts'

let asked: StorageCall[] = []
const storage = intercepted((call, proceed) => {
  asked.push(call)
  return proceed()
})

const OPEN = routes.filter(({ access }) => 'open' in access)

/**
 * The changes that `work` may have made: tables of statements but selects, and calls of objects.
 */
async function writesOf(work: () => Promise<unknown>): Promise<string[]> {
  asked = []
  await work()
  return [...new Set(asked.flatMap(writesIn))].sort()
}

/** What only asks whether something is so, in the form of a write to a view that stores nothing. */
const QUESTION = /^insert into (assumed|unanswered)\b/

function writesIn({ store, text }: StorageCall): string[] {
  if (store === 'object') return [`object: ${text}`]
  return text
    .split(';\n')
    .filter((sql) => !/^\s*select\b/i.test(sql) && !QUESTION.test(sql))
    .map((sql) => /^\s*(?:insert into|update|delete from)\s+"?(\w+)/i.exec(sql)?.[1] ?? sql)
}

describe('an open route', () => {
  let site: Site
  let furnished: Furnished

  beforeEach(async () => {
    site = testSite(storage)
    furnished = await furnish(site)
    // The first visitor makes the key that signs, so that no call below does so.
    await site.visitor()
  })

  const callers: [who: string, (site: Site, furnished: Furnished) => Promise<Client>][] = [
    ['nobody', async ({ anonymous }) => anonymous],
    ['a visitor', ({ visitor }) => visitor()],
    ['a member', async (_, { ada }) => ada],
    ['an admin', async (_, { root }) => root],
    [
      'a suspended member',
      async ({ member }, { root }) => {
        const suspended = await member('suspended')
        await root.post(`/v1/users/${suspended.userId}/suspend`)
        return suspended
      },
    ],
  ]

  test.each(callers)('changes nothing when %s calls it, whichever it is', async (_, signIn) => {
    const caller = await signIn(site, furnished)
    expect(await walked(caller)).toEqual(
      OPEN.map(nameOf)
        .sort()
        .map((name) => [name, 'fine', []]),
    )
  })

  test('changes nothing when an API key calls it, whose use its gate counts', async () => {
    const key = await partner(site, { scopes: KEY_SCOPES })
    expect(await walked(key)).toEqual(
      OPEN.map(nameOf)
        .sort()
        .map((name) => [name, 'fine', ['object: verify']]),
    )
  })

  test('is seen to write by this test, were it to: a restricted one is', async () => {
    const { ada, root, badgeId } = furnished
    const rename = () => ada.patch('/v1/me', { displayName: 'Renamed' })
    expect(await writesOf(rename)).toEqual(['acting', 'audit_log', 'users'])
    const visit = () => ada.post('/v1/me/visits')
    expect(await writesOf(visit)).toEqual(['object: record'])
    const removal = () => root.delete(`/v1/badges/${badgeId}`)
    expect(await writesOf(removal)).toContain('badges')
  })

  async function walked(caller: Client) {
    expect(OPEN.length).toBeGreaterThan(8)
    const outcomes: [name: string, outcome: unknown, writes: string[]][] = []
    for (const { route, method, path, json } of furnished.calls) {
      if (!('open' in route.access)) continue
      let status = 0
      const writes = await writesOf(async () => {
        const headers = { 'Idempotency-Key': crypto.randomUUID() }
        ;({ status } = await caller.call(method, path, { json, headers }))
      })
      outcomes.push([nameOf(route), status < 300 ? 'fine' : status, writes])
    }
    return outcomes.sort(([one], [other]) => (one < other ? -1 : 1))
  }
})

describe('what a request changes before it comes to any route, open or not', () => {
  let site: Site
  beforeEach(async () => {
    site = testSite(storage)
    await site.root()
  })

  test('is that somebody new becomes a member, on record', async () => {
    const writes = await writesOf(() => site.member('ada'))
    // The statements that make somebody an admin come along, and write nothing for anybody else.
    expect(writes).toEqual(['audit_log', 'identities', 'site', 'user_roles', 'users'])
    expect(await writesOf(() => site.member('ada'))).toEqual([])
  })

  test('and that whom BOOTSTRAP_ADMINS lists becomes an admin, once', async () => {
    const ada = await site.member('ada')
    const listing = { BOOTSTRAP_ADMINS: SETTINGS.BOOTSTRAP_ADMINS.replace('root', 'ada') }
    const relisted = testSite({ ...storage, ...listing })
    const again = () => relisted.bearer(ada.token).get('/v1/whoami')
    expect(await writesOf(again)).toEqual(['audit_log', 'identities', 'user_roles', 'users'])
    expect(await writesOf(again)).toEqual([])
  })

  test('and, for the first visitor in a while, the key that signs their tokens', async () => {
    expect(await writesOf(() => site.visitor())).toEqual(['token_keys'])
    expect(await writesOf(() => site.visitor())).toEqual([])
  })
})

function nameOf({ method, path }: { readonly method: string; readonly path: string }): string {
  return `${method} ${path}`
}
