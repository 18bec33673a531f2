/**
 * A client that a generator makes of the OpenAPI document, for whoever uses another language or
 * other tools. It is made of what the running site serves, compiled at its strictest, and used.
 */
import { execFileSync } from 'node:child_process'
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { build } from 'esbuild'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { compile, ROOT } from './support/consumer.ts'
import { localSite } from './support/local-site.ts'

const site = localSite()
const folder = mkdtempSync(join(tmpdir(), 'guildhall-generated-'))
const generator = join(ROOT, 'node_modules/openapi-typescript-codegen/bin/index.js')

const JOURNEY = `
import { ApiError, ApiKeysService, BadgesService, OpenAPI, type Problem, WhoamiService } from './client'

export async function journey(site: string, admin: string) {
  OpenAPI.BASE = site
  OpenAPI.TOKEN = admin

  const idempotencyKey = 'once'
  const requestBody = { title: 'Early bird' }
  const badge = await BadgesService.postBadges({ requestBody, idempotencyKey })
  const again = await BadgesService.postBadges({ requestBody, idempotencyKey })
  const ids: string[] = []
  let cursor: string | null | undefined
  do {
    const page = await BadgesService.getBadges({ limit: 1, ...(cursor && { cursor }) })
    ids.push(...page.items.map(({ id }) => id))
    cursor = page.nextCursor
  } while (cursor)

  const change = { badgeId: badge.id, requestBody: { title: 'Night owl' }, ifMatch: \`"\${badge.revision}"\` }
  const changed = await BadgesService.patchBadgesBadgeId(change)
  const stale = await problemOf(BadgesService.patchBadgesBadgeId(change))

  const { secret } = await ApiKeysService.postApiKeys({ requestBody: { name: 'Generated', scopes: [] } })
  OpenAPI.TOKEN = secret
  const { kind } = await WhoamiService.getWhoami({})
  const refused = await problemOf(BadgesService.postBadges({ requestBody }))
  return { badge, again, ids, changed, stale, kind, refused }
}

async function problemOf(call: Promise<unknown>): Promise<Problem> {
  const error: unknown = await call.then(() => undefined, (reason) => reason)
  if (error instanceof ApiError) return error.body
  throw error
}
`

beforeAll(async () => {
  const document = join(folder, 'openapi.json')
  writeFileSync(document, await (await fetch(`${site.url}/openapi.json`)).text())
  const output = join(folder, 'client')
  const args = [generator, '--input', document, '--output', output, '--useOptions']
  execFileSync(process.execPath, args, { cwd: folder })
  writeFileSync(join(folder, 'journey.ts'), JOURNEY)
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const STRICT = { module: 'esnext', moduleResolution: 'bundler', exactOptionalPropertyTypes: false }

test('compiles, every operation of it and what is made with it', () => {
  expect(readdirSync(join(folder, 'client/services')).length).toBeGreaterThan(10)
  expect(compile(folder, ['client/index.ts', 'journey.ts'], STRICT)).toBe('')
})

test('knows what a call takes: a mistake does not compile', () => {
  writeFileSync(join(folder, 'mistake.ts'), JOURNEY.replace("title: 'Night owl'", 'title: 7'))
  expect(compile(folder, ['mistake.ts'], STRICT)).toContain("'number' is not assignable")
})

test('creates once, lists to the end, changes what has not changed, and is told what it may not', async () => {
  const bundle = join(folder, 'journey.mjs')
  const entryPoints = [join(folder, 'journey.ts')]
  await build({ entryPoints, bundle: true, format: 'esm', outfile: bundle, logLevel: 'silent' })
  const { journey } = await import(bundle)
  const told = await journey(site.url, await site.token())
  expect(told.again).toEqual(told.badge)
  expect(told.ids.filter((id: string) => id === told.badge.id)).toHaveLength(1)
  expect(told.changed).toEqual({
    ...told.badge,
    title: 'Night owl',
    revision: 2,
    updatedAt: told.changed.updatedAt,
  })
  expect(told.stale).toMatchObject({ status: 412, code: 'precondition_failed' })
  expect(told.kind).toBe('partner')
  expect(told.refused).toMatchObject({
    status: 403,
    code: 'forbidden',
    stage: 'permission',
    required: 'badge:manage',
    reach: 'any',
  })
})
