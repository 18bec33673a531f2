import { listDurableObjectIds, runDurableObjectAlarm } from 'cloudflare:test'
import { env } from 'cloudflare:workers'
import { afterEach, describe, expect, test } from 'vitest'
import { routes } from '../src/api/index.ts'
import { CONSOLE_PATHS } from '../src/console/mount.ts'
import { SIGNAL_PATHS } from '../src/api/signals.ts'
import { LINK_PATHS } from '../src/http/links/paths.ts'
import { PAGES_PATHS } from '../src/pages/mount.ts'
import { LOGIN_PATHS } from '../src/auth/mount.ts'
import { createApp } from '../src/app.ts'
import { followUp } from '../src/events/index.ts'
import { DOCUMENT_PATHS } from '../src/http/documents/index.ts'
import { CALLER_NAMES, matrixOf, pageMatrix } from '../src/http/matrix.ts'
import { PERMISSION_NAMES, PERMISSIONS } from '../src/security/permissions.ts'
import {
  type CastName,
  challengeOf,
  EVERYBODY,
  exceptionOf,
  refusalOf,
  RESOURCES,
  type Row,
  ROWS,
  successOf,
  type Target,
  titleOf,
} from './support/cells.ts'
import { assertComplete } from './support/complete.ts'
import { type Reply, testSite } from './support/site.ts'
import { anotherOf, bodyFor, castOf, pathFor, thingsFor, unfilled } from './support/world.ts'

describe('everybody gets what the matrix says, for what is theirs, another’s, absent or malformed', () => {
  test.each(RESOURCES)('%s', async (_, rows) => {
    const site = testSite()
    const cast = await castOf(site)
    const shared = thingsFor(site, site.anonymous)
    for (const row of rows) {
      for (const name of EVERYBODY) for (const target of row.targets) await meet(row, name, target)
    }

    async function meet(row: Row, name: CastName, target: Target): Promise<void> {
      const { method, path } = row.declared
      const refusal = refusalOf(row, name, target) ?? exceptionOf(row, name, target)
      const isSpent = !refusal && method !== 'GET'
      const caller = isSpent ? await anotherOf(site, cast, name) : cast[name]
      const things = isSpent ? thingsFor(site, caller) : shared
      const url = `${await pathFor(path, target, things, caller)}${row.search}`
      const json = await bodyFor(row.declared, things)
      const reply = await caller.call(method, url, { json })
      const cell = `${titleOf(row)}: ${name}, ${target}`
      expect({ cell, ...outcomeOf(reply, successOf(row, name, target)) }).toEqual({
        cell,
        ...(refusal ? { ...refusal, challenge: challengeOf(refusal) } : { allowed: true }),
      })
      const head = method === 'GET' ? await caller.call('HEAD', url) : reply
      expect({ cell, status: head.status }).toEqual({ cell, status: reply.status })
    }
  })

  // A job that was asked for runs on an alarm, and must not run into the next test.
  afterEach(async () => {
    for (const id of await listDurableObjectIds(env.JOBS)) {
      await runDurableObjectAlarm(env.JOBS.get(id))
    }
  })
})

/** The outcome of a call: success, or all that the refusal says about itself. */
function outcomeOf({ status, body, headers }: Reply, successes: readonly number[]) {
  if (successes.includes(status)) return { allowed: true }
  const { code, stage, required, reach } = body ?? {}
  const challenge =
    headers.get('WWW-Authenticate')?.replace(/, error_description=".*"$/, '') ?? null
  return { status, code, stage, ...(required && { required }), ...(reach && { reach }), challenge }
}

describe('nothing is left out', () => {
  test('every row of the matrix is walked, by every caller it has', () => {
    expect(ROWS.map(({ matrix }) => matrix)).toEqual(matrixOf(routes))
    expect(EVERYBODY).toEqual(expect.arrayContaining([...CALLER_NAMES]))
  })

  test('every route can be called: its path and its body can be filled in', () => {
    const site = testSite()
    const things = thingsFor(site, site.anonymous)
    expect(routes.flatMap((route) => unfilled(route, things)).join('\n')).toBe('')
  })

  test('every path is found by the router that knows all of them at once', async () => {
    const app = createApp(followUp)
    await app.request('/healthz', {}, testSite().env)
    expect(app.router.name).toBe('SmartRouter + RegExpRouter')
  })

  test('the app has the declared routes and the documents, and no other way in', () => {
    const mounted = createApp(followUp).routes.map(({ method, path }) => `${method} ${path}`)
    const expected = [
      // Middlewares that run for every path.
      'ALL /*',
      ...routes.map(({ method, path }) => `${method} ${path}`),
      ...DOCUMENT_PATHS.map((path) => `GET ${path}`),
      ...LINK_PATHS,
      ...LOGIN_PATHS,
      ...PAGES_PATHS,
      ...CONSOLE_PATHS,
      ...SIGNAL_PATHS,
    ]
    assertComplete(expected, mounted, {
      list: 'routes in src/api/index.ts (or DOCUMENT_PATHS, LINK_PATHS, LOGIN_PATHS, PAGES_PATHS, SIGNAL_PATHS or CONSOLE_PATHS)',
      of: 'path of the app',
      recipe: 'A route',
    })
  })

  test('GET /v1/permissions tells the matrix that is enforced', async () => {
    const { status, body } = await testSite().anonymous.get('/v1/permissions')
    expect(status).toBe(200)
    expect(body).toEqual({
      permissions: PERMISSION_NAMES.map((name) => ({ name, ...PERMISSIONS[name] })),
      callers: CALLER_NAMES,
      routes: matrixOf(routes),
      pages: pageMatrix(),
    })
  })
})
