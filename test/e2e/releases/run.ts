/**
 * `npm run test:releases -- [REF]`: the code of a former release on the schema of this one, as it is between
 * the migrations and the deployment; then this one on what that has left; then the former one again, as after a
 * rollback. REF is the last release unless given. It is no part of `npm test`, for it needs the history.
 */
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { convertV4MiniflareOptions, Log, LogLevel, Miniflare } from 'miniflare'
import type { Project } from '../../../local/compile.ts'
import { sign } from '../../../local/dev-issuer.ts'
import { migrate } from '../../../local/migrate.ts'
import { freePort } from '../../../local/ports.ts'
import { projectAt } from '../../../local/project-at.ts'
import { project } from '../../../local/project.ts'
import { ROOT } from '../../../local/root.ts'
import { localSettings } from '../../../local/settings.ts'

const last = ['log', '--format=%h', '--grep=^chore(release)', '-1']
const [ref = execFileSync('git', ['-C', ROOT, ...last], { encoding: 'utf8' }).trim()] =
  process.argv.slice(2)

const stateDir = mkdtempSync(join(tmpdir(), 'guildhall-releases-'))
const persistTo = join(stateDir, 'v3')
const port = await freePort(0)
const url = `http://localhost:${port}`

async function serve(made: Project): Promise<Miniflare> {
  const { worker } = await project()
  const options = convertV4MiniflareOptions({
    host: '127.0.0.1',
    port,
    cf: false,
    logRequests: false,
    log: new Log(LogLevel.ERROR),
    handleStructuredLogs: ({ level, message }) => {
      if (level === 'error') console.error(message)
    },
    unsafeTriggerHandlers: true,
    workers: [
      {
        ...made.worker,
        // The files are where they are for this one.
        serviceBindings: worker.serviceBindings,
        name: 'guildhall',
        bindings: { ...(await localSettings(stateDir, stateDir)), PUBLIC_URL: url },
        modules: [{ type: 'ESModule', path: 'worker.js', contents: made.code }],
      },
    ],
  })
  const miniflare = new Miniflare({ ...options, resourcePersistencePath: persistTo })
  await miniflare.ready
  return miniflare
}

/** What the tokens and keys of one code are good for with the other. */
const kept: { key?: string; badge?: string; service?: string } = {}

async function ask(token: string, method: string, path: string, status: number, json?: object) {
  const answer = await fetch(`${url}${path}`, {
    method,
    headers: { Authorization: `Bearer ${token}`, 'Content-Type': 'application/json' },
    ...(json && { body: JSON.stringify(json) }),
  })
  const text = await answer.text()
  assert.equal(answer.status, status, `${method} ${path}: ${text}`)
  return text === '' ? undefined : JSON.parse(text)
}

/** Everyday life: each call is answered as it is in any release. @param round makes names new */
async function live(round: number): Promise<void> {
  const [root, ada, eve] = await Promise.all(
    ['root', 'ada', `eve-${round}`].map((subject) => sign(stateDir, subject, {}, 3600)),
  )
  assert(root && ada && eve)
  const { userId } = await ask(ada, 'GET', '/v1/whoami', 200)
  await ask(ada, 'PATCH', '/v1/me', 200, { bio: `Round ${round}` })
  await ask(ada, 'POST', '/v1/me/visits', round === 1 ? 201 : 200)
  assert.equal((await ask(ada, 'GET', '/v1/me/visits', 200)).total, 1)
  if (!kept.badge) {
    kept.badge = (await ask(root, 'POST', '/v1/badges', 201, { title: 'Came' })).id
    const rule = { badgeId: kept.badge, metric: 'visits', threshold: 1 }
    await ask(root, 'POST', '/v1/badge-rules', 201, rule)
    const issued = { name: 'Partner', scopes: ['profile:read', 'visit:read'] }
    kept.key = (await ask(root, 'POST', '/v1/api-keys', 201, issued)).secret
    const service = { name: 'Tour', autoConfirm: true }
    kept.service = (await ask(root, 'POST', '/v1/services', 201, service)).id
  }
  await ask(String(kept.key), 'GET', `/v1/users/${userId}/visits`, 200)
  const slots = `/v1/services/${kept.service}/slots`
  const at = `2050-01-0${round}`
  const times = { startsAt: `${at}T10:00:00Z`, endsAt: `${at}T11:00:00Z`, capacity: 1 }
  const slot = await ask(root, 'POST', slots, 201, times)
  const booking = await ask(ada, 'POST', '/v1/bookings', 201, { slotId: slot.id })
  assert.equal(booking.status, 'confirmed')
  await ask(ada, 'POST', `/v1/bookings/${booking.id}/cancel`, 200)
  const { userId: eveId } = await ask(eve, 'GET', '/v1/whoami', 200)
  await ask(root, 'PUT', `/v1/users/${eveId}/roles/moderator`, 200)
  await ask(eve, 'GET', '/v1/users', 200)
  await ask(root, 'DELETE', `/v1/users/${eveId}/roles/moderator`, 200)
  await ask(eve, 'GET', '/v1/users', 403)
  await ask(root, 'POST', `/v1/users/${eveId}/suspend`, 200)
  await ask(eve, 'GET', '/v1/me', 403)
  await ask(root, 'DELETE', `/v1/users/${eveId}`, 204)
  const tick = await fetch(
    `${url}/cdn-cgi/local/scheduled?cron=${encodeURIComponent('*/5 * * * *')}`,
  )
  assert.equal(tick.status, 200, `the tick: ${await tick.text()}`)
  const { items } = await ask(ada, 'GET', `/v1/users/${userId}/badges`, 200)
  assert.equal(items.length, 1)
}

try {
  const former = projectAt(ref)
  await migrate(persistTo)
  for (const [round, [name, made]] of Object.entries({
    [`the code of ${ref} on the schema of this one`]: former,
    'this one on what it has left': await project(),
    [`the code of ${ref} again`]: former,
  }).entries()) {
    const miniflare = await serve(made)
    try {
      await live(round + 1)
      console.log(`ok: ${name}`)
    } finally {
      await miniflare.dispose()
    }
  }
} finally {
  rmSync(stateDir, { recursive: true, force: true })
}
