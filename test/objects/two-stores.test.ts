/** The database and the objects are put back separately. What does not fit does nothing, and can be made to fit. */
import { evictDurableObject, runInDurableObject } from 'cloudflare:test'
import { env } from 'cloudflare:workers'
import { describe, expect, test, vi } from 'vitest'
import { bindStores } from '../../src/cron/bind-stores.ts'
import { onTrigger } from '../../src/cron/on-request.ts'
import { TRIGGER } from '../../src/cron/schedule.ts'
import { openSession } from '../../src/db/client.ts'
import { makeDeps } from '../../src/deps.ts'
import { eventually } from '../support/eventually.ts'
import { partner } from '../support/keys.ts'
import { ask } from '../support/operator.ts'
import { badgeWithRule, rowsOf } from '../support/population.ts'
import { importersOf, reaching } from '../support/sources.ts'
import { type Member, SETTINGS, type Site, testSite } from '../support/site.ts'
import { mortalStorage } from '../support/failing.ts'

/** The database as it is now, to be put back to; the objects stay as they are. */
async function databaseNow(): Promise<() => Promise<void>> {
  const names = await rowsOf<{ name: string }>(
    `select name from sqlite_master where type = 'table' and name not glob '_cf_*'
      and name not in ('d1_migrations', 'dry_run') and name not glob 'sqlite_*'`,
  )
  const triggers = await rowsOf<{ name: string; sql: string }>(
    `select name, sql from sqlite_master where type = 'trigger'`,
  )
  const rows = await Promise.all(
    names.map(async ({ name }) => ({ name, rows: await rowsOf(`select * from "${name}"`) })),
  )
  return async () => {
    const inserts = rows.flatMap(({ name, rows }) =>
      rows.map((row) => {
        const columns = Object.keys(row)
        const sql = `insert into "${name}" (${columns.join()}) values (${columns.map(() => '?').join()})`
        return env.DB.prepare(sql).bind(...Object.values(row))
      }),
    )
    await env.DB.batch([
      env.DB.prepare('pragma defer_foreign_keys = on'),
      // Files are put back without anything that follows from a row.
      ...triggers.map(({ name }) => env.DB.prepare(`drop trigger "${name}"`)),
      ...rows.map(({ name }) => env.DB.prepare(`delete from "${name}"`)),
      ...inserts,
      ...triggers.map(({ sql }) => env.DB.prepare(sql)),
    ])
  }
}

/** The visit object of a member as it is now. */
async function shardNow(shard: number): Promise<() => Promise<void>> {
  const tables = ['days', 'older', 'erased', 'rules', 'crossings', 'answers', 'milestones']
  const object = () => env.VISITS.getByName(`visits-${shard}`)
  const { belongs, rows } = await runInDurableObject(object(), (_, { storage }) => ({
    belongs: storage.kv.get('belongs'),
    rows: tables.map((name) => ({
      name,
      rows: storage.sql.exec(`select * from ${name}`).toArray(),
    })),
  }))
  return async () => {
    await runInDurableObject(object(), (_, state) => {
      for (const { name, rows: those } of rows) {
        state.storage.sql.exec(`delete from ${name}`)
        for (const row of those) {
          const columns = Object.keys(row)
          state.storage.sql.exec(
            `insert into ${name} (${columns.join()}) values (${columns.map(() => '?').join()})`,
            ...Object.values(row),
          )
        }
      }
      if (belongs === undefined) state.storage.kv.delete('belongs')
      else state.storage.kv.put('belongs', belongs)
    })
    await evictDurableObject(object())
  }
}

const shardOf = async ({ userId }: Member) => {
  const [row] = await rowsOf<{ shard: number }>(
    'select visit_shard as shard from users where id = ?',
    userId,
  )
  return row?.shard ?? 0
}

const heldBy = async (member: Member) => {
  const { body } = await member.get(`/v1/users/${member.userId}/badges`)
  return body.items.length
}

async function ticks(site: Site, count = 1) {
  const outcomes = []
  for (let tick = 0; tick < count; tick++)
    outcomes.push(
      await site.tick().then(
        () => 'ok',
        (error: Error) => error.message,
      ),
    )
  return outcomes
}

const silently = () => vi.spyOn(console, 'error').mockReturnValue()

describe('an object of another generation', () => {
  test('answers 503, whoever asks, and does nothing', async () => {
    const site = testSite()
    const [root, ada] = [await site.root(), await site.member('ada')]
    const key = await partner(site, { scopes: ['visit:read'] })
    const visits = `/v1/users/${ada.userId}/visits`
    expect((await ada.post('/v1/me/visits')).status).toBe(201)
    expect((await key.get(visits)).status).toBe(200)
    silently()
    await env.DB.prepare(`update site set value = 'another' where key = 'generation'`).run()
    const refused = { status: 503, body: { code: 'unavailable' } }
    expect(await ada.post('/v1/me/visits')).toMatchObject(refused)
    expect(await ada.get('/v1/me/visits')).toMatchObject(refused)
    expect(await root.get(visits)).toMatchObject(refused)
    expect((await ada.get('/v1/me')).status).toBe(200)
    const changed = await root.patch(`/v1/api-keys/${key.id}`, { enabled: false })
    expect(changed.status).toBe(503)
    expect(await key.get('/v1/whoami')).toMatchObject(refused)
    await env.DB.prepare(`update site set value = ? where key = 'generation'`)
      .bind(await generationOf(await shardOf(ada)))
      .run()
    expect((await ada.get('/v1/me/visits')).body.total).toBe(1)
  })

  async function generationOf(shard: number) {
    return runInDurableObject(
      env.VISITS.getByName(`visits-${shard}`),
      (_, { storage }) => storage.kv.get<{ generation: string }>('belongs')?.generation,
    )
  }

  test('is what all of them are after a tick that finds the database put back', async () => {
    const site = testSite()
    const ada = await site.member('ada')
    await ada.post('/v1/me/visits')
    expect(await ticks(site)).toEqual(['ok'])
    const putBack = await databaseNow()
    expect(await ticks(site, 2)).toEqual(['ok', 'ok'])
    silently()
    await putBack()
    expect(await ticks(site)).toEqual([expect.stringContaining('bind-stores')])
    const runs = await rowsOf<{ error: string }>(
      `select error from job_runs where job = 'bind-stores' and status = 'failed'`,
    )
    expect(runs[0]?.error).toContain('has seen a later state of the database: npm run reconcile')
    expect((await ada.post('/v1/me/visits')).status).toBe(503)
    await ask()
    expect(await ticks(site)).toEqual(['ok'])
    expect((await ada.get('/v1/me/visits')).body.total).toBe(1)
  })

  test('is not what a tick takes for one that was cut short, doubled, or came late', async () => {
    const site = testSite()
    const ada = await site.member('ada')
    await ada.post('/v1/me/visits')
    await ticks(site)
    await Promise.all(Array.from({ length: 5 }, async () => site.tick()))
    // As if the Worker had died before it could note what the shards have confirmed.
    await env.DB.prepare('delete from store_shards').run()
    expect(await ticks(site, 2)).toEqual(['ok', 'ok'])
    expect((await ada.get('/v1/me/visits')).status).toBe(200)
  })

  test('is told in its turn where a tick cannot tell all', async () => {
    const site = testSite({ VISIT_SHARDS: '20' })
    await site.member('ada')
    const deps = makeDeps(site.env, openSession(env.DB, 'primary'), Date.now())
    const tick = async (cursor: string | null, calls: number) => {
      let left = calls
      return bindStores({ deps, cursor, affords: (wanted) => (left -= wanted) >= 0 })
    }
    expect(await tick(null, 60)).toEqual({
      counts: { shards: 16, bound: 16 },
      cursor: '16',
      failures: [],
    })
    expect(await tick('16', 60)).toMatchObject({ counts: { shards: 4, bound: 4 }, cursor: null })
    const told = await rowsOf('select count(*) as n, max(mark) as mark from store_shards')
    expect(told).toEqual([{ n: 20, mark: 2 }])
    expect(await tick(null, 1000)).toMatchObject({
      counts: { shards: 20, bound: 20 },
      failures: [],
    })
  })

  test('that was put back alone holds, and the others go on', async () => {
    const site = testSite({ VISIT_SHARDS: '8' })
    const people = await Promise.all(
      ['a', 'b', 'c', 'd', 'e', 'f'].map((name) => site.member(name)),
    )
    for (const each of people) await each.post('/v1/me/visits')
    await ticks(site)
    const [first = 0, ...others] = await Promise.all(people.map(shardOf))
    const other = people[1 + others.findIndex((shard) => shard !== first)]
    const putBack = await shardNow(first)
    await ticks(site)
    await putBack()
    silently()
    expect(await ticks(site)).toEqual([expect.stringContaining('bind-stores')])
    expect((await people[0]?.get('/v1/me/visits'))?.status).toBe(503)
    expect((await other?.get('/v1/me/visits'))?.status).toBe(200)
    await ask()
    expect(await ticks(site)).toEqual(['ok'])
    expect((await people[0]?.get('/v1/me/visits'))?.status).toBe(200)
  })
})

describe('after the database alone was put back', () => {
  /** Everything that went wrong before: a badge, a deletion, a revocation, a new key, a new member, a session. */
  async function putBack() {
    const site = testSite()
    const [root, ada, bob] = [await site.root(), await site.member('ada'), await site.member('bob')]
    const [revoked, changed] = [await partner(site), await partner(site)]
    const { ruleId } = await badgeWithRule({ threshold: 1 })
    const webhook = { url: 'https://partner.example/hooks', types: ['role.delete'] }
    const { id: hookId } = (await root.post('/v1/webhooks', webhook)).body
    const sender = env.WEBHOOKS.getByName(hookId)
    await bob.post('/v1/me/visits')
    await revoked.get('/v1/whoami')
    await changed.get('/v1/whoami')
    await ticks(site)
    const back = await databaseNow()
    await ada.post('/v1/me/visits')
    await root.patch(`/v1/badge-rules/${ruleId}`, { threshold: 1, windowDays: 7 })
    await ticks(site)
    expect(await heldBy(ada)).toBe(1)
    await root.delete(`/v1/api-keys/${revoked.id}`)
    await root.patch(`/v1/api-keys/${changed.id}`, { name: 'another' })
    const made = await partner(site)
    expect((await made.get('/v1/whoami')).status).toBe(200)
    await root.delete(`/v1/users/${bob.userId}`)
    await root.delete(`/v1/webhooks/${hookId}`)
    await eventually(async () => expect(await sender.isDeleted()).toBe(true))
    const eve = await site.member('eve')
    await eve.post('/v1/me/visits')
    silently()
    await back()
    // The platform puts objects to sleep within seconds; then they know only what they have stored.
    for (const { id } of [revoked, changed, made]) await evictDurableObject(env.KEYS.getByName(id))
    return { site, root, ada, bob, eve, revoked, changed, made, ruleId, hookId }
  }

  test('a dry run tells what would be done and changes nothing; then it is done, on record', async () => {
    const { site, root, ada, bob, eve, revoked, changed, made, ruleId, hookId } = await putBack()
    await ticks(site)
    expect((await revoked.get('/v1/whoami')).status).toBe(503)
    expect((await made.get('/v1/whoami')).status).toBe(401)

    const planned = await ask('reconcile', true)
    await ticks(site)
    const plan = {
      rulesRaised: [{ id: ruleId, from: 1, to: 3 }],
      membersDeleted: { count: 1, ids: [bob.userId] },
      visitsErased: { count: 1, ids: [eve.userId] },
      keysRevoked: { count: 1, ids: [revoked.id] },
      keysDisabled: { count: 1, ids: [changed.id] },
      webhooksDisabled: { count: 1, ids: [hookId] },
    }
    expect(await planned()).toMatchObject({ status: 'succeeded', ...plan, failures: [] })
    expect((await root.get(`/v1/users/${bob.userId}`)).status).toBe(200)
    expect(await heldBy(ada)).toBe(0)

    const done = await ask()
    await ticks(site)
    expect(await done()).toMatchObject({ status: 'succeeded', ...plan, failures: [] })
    expect(await heldBy(ada)).toBe(1)
    expect((await root.get(`/v1/users/${bob.userId}`)).status).toBe(404)
    for (const key of [revoked, changed, made])
      expect((await key.get('/v1/whoami')).status).toBe(401)
    const visits = await Promise.all(
      [0, 1, 2, 3].map((shard) =>
        runInDurableObject(env.VISITS.getByName(`visits-${shard}`), (_, { storage }) =>
          storage.sql.exec<{ member: string }>('select distinct member from days').toArray(),
        ),
      ),
    )
    expect(visits.flat()).toEqual([{ member: ada.userId }])
    const { body } = await root.get('/v1/audit?actor=system:reconciler')
    expect(new Set(body.items.map(({ action }: { action: string }) => action))).toEqual(
      new Set([
        'stores.reconcile',
        'user.delete',
        'badge-rule.update',
        'api-key.revoke',
        'api-key.update',
        'webhook.disable',
      ]),
    )
    expect(await rowsOf('select * from auth_sessions')).toEqual([])
  })

  test('a tick that is killed at any call goes on with the next, and nothing is done twice', async () => {
    const { site, ada, bob } = await putBack()
    await ticks(site)
    const done = await ask()
    for (const calls of [3, 6, 9, 14, 20]) {
      await ticks(testSite(mortalStorage(calls, 'after')))
      await env.DB.prepare('update operator_requests set claimed_until = null').run()
    }
    await ticks(site)
    expect(await done()).toMatchObject({
      status: 'succeeded',
      membersDeleted: { ids: [bob.userId] },
    })
    expect(await heldBy(ada)).toBe(1)
    const deletions = await rowsOf(
      `select 1 from audit_log where action = 'user.delete' and actor = 'system:reconciler'`,
    )
    expect(deletions).toHaveLength(1)
  })

  test('a site of more shards than one tick can call is adopted by several', async () => {
    const site = testSite()
    await site.member('ada')
    await env.DB.exec(`update site set value = '20' where key = 'visit_shards'`)
    await site.tick()
    silently()
    await env.DB.exec(`update site set value = 'new' where key = 'generation'`)
    const asked = await ask('reconcile', false, { step: 'adopt', generation: 'new' })
    let ticks = 0
    do {
      await onTrigger(TRIGGER, { ...env, ...SETTINGS }, Date.now(), 22).catch(() => undefined)
      ticks += 1
    } while ((await asked()).status === 'running' && ticks < 9)
    expect({ ticks, ...(await asked()) }).toMatchObject({ ticks: 2, status: 'succeeded' })
    expect(await rowsOf('select count(*) as n from store_shards')).toEqual([{ n: 20 }])
    await site.tick()
  })
})

describe('what can be asked for only by writing to the database', () => {
  test('is reached from no route: only the trigger leads there', () => {
    const clients = importersOf('objects/reconciling.ts').map(({ path }) => path)
    expect(clients.toSorted()).toEqual([
      'cron/backup.ts',
      'cron/put-back.ts',
      'cron/reconcile.ts',
      'cron/restore.ts',
    ])
    for (const path of clients)
      expect(reaching(path).toSorted()).toEqual(['cron/on-request.ts', 'worker.ts'])
  })

  test('is nothing that the job runner does, which requests can wake', async () => {
    const site = testSite()
    const root = await site.root()
    const asked = await ask()
    await root.post('/v1/jobs/award-badges/run')
    expect((await asked()).status).toBe('requested')
  })

  test('includes the recovery of the platform, which this runtime does not have, and says so', async () => {
    const site = testSite()
    const ada = await site.member('ada')
    await ada.post('/v1/me/visits')
    silently()
    const asked = await ask('put-back', false, { at: 1_764_500_000_000 })
    await ticks(site)
    const refused = expect.stringContaining('does not put this object back')
    expect(await asked()).toMatchObject({ status: 'failed', failures: Array(4).fill(refused) })
    expect((await ada.get('/v1/me/visits')).body.total).toBe(1)
  })

  test('is refused if nothing is called so', async () => {
    const asked = await ask('drop')
    await ticks(testSite())
    expect(await asked()).toEqual({ status: 'failed', failures: ['nothing here is called drop'] })
  })
})
