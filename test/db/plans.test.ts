/**
 * The database finds what it is asked for. The statements that routes, login and jobs send are
 * recorded, and each has to be a search: it reads as much as it finds, however large the table is.
 */
import { env } from 'cloudflare:workers'
import type * as z from 'zod'
import { beforeEach, expect, test, vi } from 'vitest'
import { DAY } from '../objects/visit-fixtures.ts'
import { countingStorage } from '../support/counting.ts'
import { furnish } from '../support/every-route.ts'
import { loginSite } from '../support/login.ts'
import { rowsOf } from '../support/population.ts'
import type { Client } from '../support/site.ts'

/** Tables that stay small: filled by hand, with one key a month, or always empty. */
const SMALL = new Set([
  'badge_rules',
  'page_rules',
  'services',
  'roles',
  'token_keys',
  'dry_run',
  'webhooks',
  'operator_requests',
  'store_shards',
])

/** Statements that walk a table, and why they may. */
const EXCEPTIONS: readonly (readonly [RegExp, string])[] = [
  [/^with old as \(.* order by position limit \?\)/s, 'a page of the oldest'],
  [/^delete from "job_runs"/, 'of the runs that are old, few are unfinished'],
  [
    /^delete from "auth_(tickets|verifications)" where .*audit_log/s,
    'members are rarely deleted, and these tables have no more than a day of what expires in an hour',
  ],
]

beforeEach(() => {
  vi.spyOn(console, 'error').mockReturnValue()
})

/** A site, and what it sends to the database. */
function recordedSite() {
  const { storage, traced } = countingStorage()
  const recorded = new Map<string, string>()
  async function record(request: string, work: () => Promise<unknown>) {
    const { calls } = await traced(work)
    const sent = calls
      .filter(({ store }) => store === 'd1')
      .flatMap(({ text }) => text.split(';\n'))
    // A dry run makes triggers and drops them; there is nothing to find for that.
    for (const statement of sent.filter((each) => !/^(create|drop) /.test(each))) {
      if (!recorded.has(statement)) recorded.set(statement, request)
    }
  }
  return { site: loginSite(storage), record, recorded }
}

async function planOf(statement: string): Promise<string[]> {
  const places = [...statement.matchAll(/\?(\d*)/g)].map(([, n], index) => Number(n || index + 1))
  const { results } = await env.DB.prepare(`explain query plan ${statement}`)
    .bind(...Array.from({ length: Math.max(0, ...places) }, () => null))
    .all<{ detail: string }>()
  return results.map(({ detail }) => detail)
}

/** The plan of a statement that reads all of a table, or all of it from a cursor on. */
const WALK = /^(?:SCAN (\w+)\b(?! VIRTUAL)|SEARCH (\w+) USING PRIMARY KEY \(id[<>]\?\))/
/**
 * A statement that reads only what it answers, by itself or as what a first call makes of it: a page in the
 * order of the key or of an index. A time goes with the id that begins with it.
 */
const PAGE =
  /from "\w+" (left join "\w+" on \S+ = \S+ )*(where \(?\(?("\w+"\."(?:id|at)" [<>]=? \?\)?( and )?)+\)? )?order by [^()]+ limit \?\)?$/

/** The statements that read more than they find, each after the request that sent it. */
async function walks(recorded: ReadonlyMap<string, string>): Promise<string[]> {
  const partial = await rowsOf<{ name: string }>(
    `select name from sqlite_master where type = 'index' and sql like '%where%'`,
  )
  const found: string[] = []
  for (const [statement, request] of recorded) {
    const walked = (await planOf(statement)).filter((detail) => {
      const [, scanned, table = scanned] = WALK.exec(detail) ?? []
      // A page is what another statement has found, and halves are what is left of a search by them.
      return (
        table !== undefined &&
        !/^(CONSTANT|\d+|page|halves|old|sqlite_master)$/.test(table) &&
        !SMALL.has(table)
      )
    })
    // A partial index has only what is looked for.
    const rest = walked.filter((detail) => !partial.some(({ name }) => detail.includes(name)))
    const isException = EXCEPTIONS.some(([pattern]) => pattern.test(statement))
    if (rest.length > 0 && !PAGE.test(statement) && !isException) {
      found.push(`${request}: ${rest.join(', ')}: ${statement}`)
    }
  }
  return found
}

/** The indexes that statements like this use. */
async function indexesFor(recorded: ReadonlyMap<string, string>, pattern: RegExp) {
  const plans = await Promise.all(
    [...recorded.keys()].filter((each) => pattern.test(each)).map(planOf),
  )
  return [...new Set(plans.flat().flatMap((detail) => /INDEX (\w+)/.exec(detail)?.slice(1) ?? []))]
}

function subsets<T>(all: readonly T[]): T[][] {
  return Array.from({ length: 2 ** all.length }, (_, bits) =>
    all.filter((_, index) => (bits >> index) % 2 === 1),
  )
}

/** Reads two pages, so that one request has a cursor. */
async function read(caller: Client, path: string, query: Readonly<Record<string, string>>) {
  const params = new URLSearchParams({ ...query, limit: '1' })
  const { body } = await caller.get(`${path}?${params.toString()}`)
  if (!body?.nextCursor) return 1
  params.set('cursor', body.nextCursor)
  await caller.get(`${path}?${params.toString()}`)
  return 2
}

test('what a list is asked for is searched for, by everybody and with every filter', async () => {
  const { site, record, recorded } = recordedSite()
  const { root, ada, calls } = await furnish(site)
  const [booking] = (await ada.get('/v1/me/bookings')).body.items
  const [entry] = (await root.get(`/v1/audit?target=${booking.id}`)).body.items
  const copies = (table: string, prefix: string, columns: string, id: string) =>
    rowsOf(
      `insert into ${table} (id, ${columns}) select '${prefix}_0' || printf('%025d', value), ${columns}
       from ${table}, json_each('[1, 2]') where ${table}.id = ?`,
      id,
    )
  await copies(
    'bookings',
    'bkg',
    `service_id, slot_id, starts_at, ends_at, owner, booked_by, status, hold_until, note, contact,
     confirmed_by, reason, revision, created_at, updated_at`,
    booking.id,
  )
  await copies(
    'audit_log',
    'aud',
    'at, actor, on_behalf_of, action, target, reason, request_id, changes',
    entry.id,
  )
  const values: Readonly<Record<string, string>> = {
    q: 'a',
    view: 'full',
    serviceId: booking.serviceId,
    status: booking.status,
    from: '2000-01-01T00:00:00Z',
    to: '2100-01-01T00:00:00Z',
    actor: entry.actor,
    action: entry.action,
    target: entry.target,
    owner: booking.owner,
    since: '1970-01-01T00:00:00Z',
    until: '2100-01-01T00:00:00Z',
  }
  const pages: Record<string, number> = {}
  for (const { route, path, method } of calls) {
    if (method !== 'GET') continue
    const { shape = {} } = (route.input.query ?? {}) as Partial<z.ZodObject>
    const filters = Object.keys(shape).filter((name) => !/^(limit|cursor)$/.test(name))
    for (const names of subsets(filters)) {
      const query = Object.fromEntries(names.map((name) => [name, values[name] ?? 'no value']))
      for (const [who, caller] of Object.entries({ root, ada })) {
        const request = `${who}: GET ${route.path} ${names.join(' ')}`
        await record(request, async () => {
          pages[request] = await read(caller, path, query)
        })
      }
    }
  }
  expect(await walks(recorded)).toEqual([])
  const filtered = Object.entries(pages).filter(([name]) =>
    /^root: GET \/v1\/(audit|bookings) \w/.test(name),
  )
  expect(filtered.length).toBe(31 + 31)
  expect(filtered.filter(([, count]) => count < 2)).toEqual([])
})

test('so is what a change needs', async () => {
  const { site, record, recorded } = recordedSite()
  const { root, calls } = await furnish(site)
  const permissions = (await root.get('/v1/whoami')).body.permissions
  await root.put('/v1/roles/almost', {
    permissions: permissions.filter(
      ({ permission }: { permission: string }) => permission !== 'job:run',
    ),
  })
  // For a caller who lacks a right D1 is asked whether somebody else has it.
  const almost = await site.memberWith('almost')
  for (const [who, caller] of Object.entries({ root, almost })) {
    for (const { route, method, path, json } of calls) {
      if (method === 'GET') continue
      await record(`${who}: ${method} ${route.path}`, () =>
        caller.call(method, path, {
          headers: { 'Idempotency-Key': crypto.randomUUID() },
          ...(json !== undefined && { json }),
        }),
      )
    }
  }
  expect(recorded.size).toBeGreaterThan(100)
  const withCeiling = [...recorded.keys()].filter((each) =>
    each.includes('user_roles held left join'),
  )
  expect(withCeiling.length).toBeGreaterThan(10)
  expect(await walks(recorded)).toEqual([])
  expect(await indexesFor(recorded, /confirmed_by = \?$/)).toEqual([
    expect.stringMatching(/^bookings_by_owner/),
  ])
})

test('so is what the login needs, and what the jobs look for and forget', async () => {
  const { site, record, recorded } = recordedSite()
  await record('the login', async () => {
    const ada = await site.account('ada@example.com')
    await ada.token()
    await ada.get('/auth/account')
    await ada.get('/auth/passkey/generate-register-options')
    await ada.get('/auth/passkey/generate-authenticate-options')
    await ada.post('/auth/forgot', { email: 'ada@example.com' })
  })
  await record('a tick', () => site.tick())
  await record('a tick that goes on', async () => {
    await env.DB.exec(
      `update job_runs set cursor = 'evt_${'0'.repeat(26)}' where job = 'finish-events'`,
    )
    await env.DB.exec(
      `update job_runs set cursor = 'bkg_${'0'.repeat(26)}' where job = 'expire-holds'`,
    )
    await env.DB.exec(
      `update job_runs set cursor = 'usr_${'0'.repeat(26)}' where job = 'erase-members'`,
    )
    await site.tick(Date.now() + 2 * DAY)
  })
  const forgetting = [...recorded.keys()].filter((statement) =>
    /^delete .* limit \?/s.test(statement),
  )
  expect(forgetting.length).toBe(15)
  expect(await walks(recorded)).toEqual([])
  expect(await indexesFor(recorded, /^select.*coalesce\(hold_until, starts_at\) <= /s)).toEqual([
    'bookings_unanswered',
  ])
})
