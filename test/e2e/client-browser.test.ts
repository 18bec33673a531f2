/** The built client works on a page of another origin, with what CORS lets through. */
import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { createServer } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { freePort } from '../../local/ports.ts'
import { createClient } from '../../src/client/index.ts'
import { launchBrowser } from './support/browser.ts'
import { siteForFile } from './support/client-site.ts'

declare const guildhall: typeof import('../../src/client/index.ts')

const port = await freePort(0)
const LISTED = `http://localhost:${port}`
const UNLISTED = `http://127.0.0.1:${port}`
const site = siteForFile({ ALLOWED_ORIGINS: LISTED })

const dist = mkdtempSync(join(tmpdir(), 'guildhall-client-'))
const pages = createServer((request, response) => {
  if (request.url === '/client.js') {
    response.setHeader('Content-Type', 'text/javascript')
    return void response.end(readFileSync(join(dist, 'client/index.js')))
  }
  response.setHeader('Content-Type', 'text/html')
  response.end(`<!doctype html><title>A page</title><script type="module">
    import * as guildhall from '/client.js'
    globalThis.guildhall = guildhall
  </script>`)
})
let browser: Browser

beforeAll(async () => {
  const script = fileURLToPath(new URL('../../local/build-client.ts', import.meta.url))
  execFileSync(process.execPath, [script, dist])
  await new Promise<void>((resolve) => pages.listen(port, resolve))
  browser = await launchBrowser()
})
afterAll(async () => {
  await browser?.close()
  pages.closeAllConnections()
  pages.close()
  rmSync(dist, { recursive: true, force: true })
})

async function pageOf(origin: string): Promise<Page> {
  const page = await browser.newPage()
  await page.goto(origin)
  await page.waitForFunction(() => 'guildhall' in globalThis)
  return page
}

test('a member reads and writes, and the bookmark goes back', async () => {
  const page = await pageOf(LISTED)
  const given = { baseUrl: site.url, token: await site.token('in-a-browser') }
  const bio = await page.evaluate(async (options) => {
    const { v1 } = guildhall.createClient(options)
    const { revision } = await v1.me.$get()
    await v1.me.$patch({ json: { bio: 'written on a page' }, ifMatch: revision })
    await v1.me.visits.$post()
    return (await v1.me.$get()).bio
  }, given)
  expect(bio).toBe('written on a page')
  const methods = site.seen.map(({ method }) => method)
  expect(methods.filter((method) => method !== 'OPTIONS')).toEqual(['GET', 'PATCH', 'POST', 'GET'])
  expect(methods).toContain('OPTIONS')
  const [patch, post] = site.seen.filter(({ method }) => method === 'PATCH' || method === 'POST')
  expect(post?.headers.get('X-D1-Bookmark')).toBe(patch?.answer?.headers.get('X-D1-Bookmark'))
})

test('a refusal says all that it says elsewhere', async () => {
  const page = await pageOf(LISTED)
  const given = { baseUrl: site.url, token: await site.token('in-a-browser') }
  const refused = await page.evaluate(async (options) => {
    const { v1 } = guildhall.createClient(options)
    try {
      return await v1.users.$get()
    } catch (error) {
      if (!(error instanceof guildhall.GuildhallError) || error.code !== 'forbidden') throw error
      const { code, required, reach, stage, requestId } = error
      return { code, required, reach, stage, requestId }
    }
  }, given)
  expect(refused).toEqual({
    code: 'forbidden',
    required: 'profile:list',
    reach: 'any',
    stage: 'permission',
    requestId: site.seen.at(-1)?.answer?.headers.get('Request-Id'),
  })
})

test('a limit says when to come back', async () => {
  const admin = createClient({ baseUrl: site.url, token: await site.token() })
  const { secret } = await admin.v1['api-keys'].$post({
    json: { name: 'page', scopes: [], rateLimit: { limit: 1, windowSeconds: 86_400 } },
  })
  const page = await pageOf(LISTED)
  const seconds = await page.evaluate(
    async (options) => {
      const { v1 } = guildhall.createClient(options)
      await v1.whoami.$get()
      try {
        await v1.whoami.$get()
      } catch (error) {
        if (!(error instanceof guildhall.GuildhallError) || error.code !== 'rate_limited')
          throw error
        return error.retryAfter
      }
    },
    { baseUrl: site.url, apiKey: secret, retries: 0 },
  )
  expect(seconds).toBeGreaterThan(0)
  expect(seconds).toBeLessThanOrEqual(86_400)
})

test('a page of an origin that is not listed learns nothing', async () => {
  const page = await pageOf(UNLISTED)
  const given = { baseUrl: site.url, token: await site.token('in-a-browser'), retries: 0 }
  const code = await page.evaluate(async (options) => {
    const { v1 } = guildhall.createClient(options)
    return v1.me.$get().then(
      ({ id }) => id,
      (error: { code: string }) => error.code,
    )
  }, given)
  expect(code).toBe('network_failure')
  expect(site.seen.map(({ method }) => method)).toEqual(['OPTIONS'])
})
