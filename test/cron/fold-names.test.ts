import { env } from 'cloudflare:workers'
import { expect, it } from 'vitest'
import { foldNames } from '../../src/cron/upkeep.ts'
import { openSession } from '../../src/db/client.ts'
import { makeDeps } from '../../src/deps.ts'
import { nameKeysRepository } from '../../src/repositories/name-keys.ts'
import { intercepted } from '../support/intercept.ts'
import { rowsOf } from '../support/population.ts'
import { type Client, type Site, testSite } from '../support/site.ts'

/** A site from before names were folded. */
async function formerSite(names: readonly string[]): Promise<Site> {
  const site = testSite()
  for (const name of names) await site.member(name, { name })
  for (const name of names) {
    const key = name.normalize('NFC').toLowerCase().replaceAll('ς', 'σ')
    await rowsOf('update users set name_key = ? where display_name = ?', key, name)
  }
  await rowsOf(`delete from site where key = 'name_keys'`)
  return site
}

async function found(client: Client, q: string): Promise<string[]> {
  const names: string[] = []
  for (let cursor = ''; ;) {
    const { body } = await client.get(`/v1/users?q=${encodeURIComponent(q)}&limit=2${cursor}`)
    names.push(...body.items.map(({ displayName }: { displayName: string }) => displayName))
    if (body.nextCursor === null) return names
    cursor = `&cursor=${body.nextCursor}`
  }
}

/** Runs the job, which may make so many calls. */
async function run(site: Site, cursor: string | null, calls = 1000) {
  const deps = makeDeps(site.env, openSession(env.DB, 'primary'), Date.now())
  let left = calls
  return foldNames({ deps, cursor, affords: (count) => (left -= count) >= 0 })
}

const NAMES = ['Straße 1', 'STRASSE 2', 'straße 3', 'STRAẞE 4', 'Strasse 5', 'Strabe']

it('folds every name there was, and then rests', async () => {
  const site = await formerSite(NAMES)
  const root = await site.root()
  await site.tick()
  expect((await found(root, 'STRASS')).toSorted()).toEqual(NAMES.slice(0, 5).toSorted())
  expect(await found(root, 'straß')).toEqual(await found(root, 'STRASS'))
  expect(await run(site, null)).toMatchObject({ counts: { folded: 0 }, cursor: null })
  await rowsOf(`update users set name_key = 'other' where display_name = 'Strabe'`)
  expect(await run(site, null)).toMatchObject({ counts: { folded: 0 }, cursor: null })
})

it('until it has, a search finds each name in the form it has, once, page by page', async () => {
  const site = await formerSite(NAMES)
  const root = await site.root()
  await site.member('new', { name: 'Straße 6' })
  expect((await found(root, 'Straß')).toSorted()).toEqual(
    [...NAMES.slice(0, 5), 'Straße 6'].toSorted(),
  )
})

it('goes on where it had to stop', async () => {
  const names = Array.from({ length: 1200 }, (_, index) => `Straße ${index}`)
  const site = await formerSite(['Straße'])
  await rowsOf(
    `insert into users select 'usr_' || printf('%026d', value), 'Straße ' || value, 'straße ' || value,
       bio, avatar_url, email, phone, address, status, access_revision, visit_shard, revision,
       created_at, updated_at, own_name, own_email, booking_mails, suspension_reason
     from users, (select key as value from json_each(?)) where display_name = 'Straße'`,
    JSON.stringify(names),
  )
  const first = await run(site, null, 4)
  expect(first).toMatchObject({ counts: { folded: 500 }, cursor: expect.stringMatching(/^usr_/) })
  const second = await run(site, first.cursor, 4)
  expect(second.counts['folded']).toBe(500)
  expect(await run(site, second.cursor)).toMatchObject({ counts: { folded: 201 }, cursor: null })
  expect(await rowsOf(`select id from users where name_key like 'straße%'`)).toEqual([])
})

it('leaves alone who was renamed meanwhile', async () => {
  const site = await formerSite(['Straße'])
  const ada = await site.member('Straße')
  const renamed: number[] = []
  const { DB } = intercepted(async (call, proceed) => {
    if (/update users set name_key/.test(call.text))
      renamed.push((await ada.patch('/v1/me', { displayName: 'Ada' })).status)
    return proceed()
  })
  const page = await nameKeysRepository(openSession(DB, 'primary').db).fold(undefined, 10)
  expect([page, renamed]).toEqual([{ folded: 0, last: undefined }, [200]])
  expect(await rowsOf('select display_name, name_key from users where id = ?', ada.userId)).toEqual(
    [{ display_name: 'Ada', name_key: 'ada' }],
  )
})
