/** The reference at /docs in a real browser, on the site as `npm start` serves it. */
import { fileURLToPath } from 'node:url'
import type { Locator } from 'playwright-core'
import { afterEach, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { createTestHarness } from 'wrangler'
import { browserForFile, type Watched } from './support/browser.ts'
import { localSite } from './support/local-site.ts'

const site = localSite()
const open = browserForFile()

/** Drawing the reference takes a browser seconds, so the tests share one page of it. */
let reference: Watched

beforeAll(async () => {
  reference = await open()
  await drawn(reference.page.goto(`${site.url}/docs`))
})
afterEach(() => void reference.faults.splice(0))

async function drawn(loading: Promise<unknown>): Promise<void> {
  await loading
  await reference.page.locator('.opblock').first().waitFor()
}

/** Unfolds an operation. @returns where it is on the page */
async function unfold({ page }: Watched, operationId: string): Promise<Locator> {
  const operation = page.locator(`.opblock[id$="-${operationId}"]`)
  if (!(await operation.getAttribute('class'))?.includes('is-open'))
    await operation.locator('.opblock-summary-control').click()
  await operation.locator('.responses-inner').first().waitFor()
  return operation
}

/** Calls an operation that needs nothing filled in. */
async function tryIt(watched: Watched, operationId: string, path: string) {
  const { page } = watched
  const operation = await unfold(watched, operationId)
  const answered = page.waitForResponse((response) => new URL(response.url()).pathname === path)
  await operation.locator('button.execute').click()
  const response = await answered
  const shown = operation.locator('.live-responses-table .response-col_status').nth(1)
  await shown.waitFor()
  const headers = await response.request().allHeaders()
  return { body: await response.json(), headers, shown: (await shown.innerText()).trim() }
}

async function authorize({ page }: Watched, field: string, value: string): Promise<void> {
  await page.locator('.auth-wrapper .authorize').first().click()
  const form = page.locator('.auth-container form', { has: page.locator(field) })
  await form.locator(field).fill(value)
  await form.locator('button.authorize').click()
  await page.locator('.modal-ux .btn-done').first().click()
}

async function forget({ page }: Watched): Promise<void> {
  await page.locator('.auth-wrapper .authorize').first().click()
  await page.locator('.auth-container button', { hasText: 'Logout' }).click()
  await page.locator('.modal-ux .btn-done').first().click()
}

async function makeKey(): Promise<{ id: string; secret: string }> {
  return site.admin('POST', '/v1/api-keys', { name: 'Docs', scopes: ['profile:read'] })
}

describe('the reference', () => {
  test('shows every operation; nothing is blocked, logged or asked of another origin', async () => {
    const { page, faults, requested } = reference
    const { paths } = (await (await fetch(`${site.url}/openapi.json`)).json()) as {
      paths: Record<string, object>
    }
    const documented = Object.entries(paths).flatMap(([path, operations]) =>
      Object.keys(operations)
        .filter((key) => key !== 'parameters')
        .map((method) => `${method.toUpperCase()} ${path}`),
    )
    const shown = await page.locator('.opblock').evaluateAll((blocks) =>
      blocks.map((block) => {
        const path = block.querySelector('.opblock-summary-path')?.getAttribute('data-path')
        return `${block.querySelector('.opblock-summary-method')?.textContent} ${path}`
      }),
    )
    expect(shown.toSorted()).toEqual(documented.toSorted())
    for (const operationId of ['listUsers', 'createBadge', 'patchMe', 'readDocsAsset'])
      await unfold(reference, operationId)
    expect(faults).toEqual([])
    expect(requested.filter((url) => !url.startsWith('data:')).length).toBeGreaterThan(5)
    const elsewhere = requested.filter((url) => !url.startsWith(`${site.url}/`))
    expect(elsewhere.filter((url) => !url.startsWith('data:'))).toEqual([])
  })

  test('does not run what is injected into it, nor load it from elsewhere', async () => {
    const { page, faults } = reference
    const ran = await page.evaluate(async () => {
      const script = document.createElement('script')
      script.textContent = 'globalThis.injected = true'
      document.body.insertAdjacentElement('beforeend', script)
      document.body.insertAdjacentHTML('beforeend', '<p style="color: red">styled</p>')
      await fetch('https://elsewhere.invalid').catch(() => undefined)
      return 'injected' in globalThis
    })
    expect(ran).toBe(false)
    const blocked = () => faults.filter((fault) => fault.startsWith('error: blocked by '))
    await expect
      .poll(() => blocked().toSorted())
      .toEqual([
        'error: blocked by connect-src: https://elsewhere.invalid/',
        'error: blocked by script-src-elem: inline',
        'error: blocked by style-src-attr: inline',
      ])
  })
})

describe('a call from the reference', () => {
  test('of an open operation needs no credential', async () => {
    await site.admin('POST', '/v1/badges', { title: 'Shown in the reference' })
    const { shown, body } = await tryIt(reference, 'listBadges', '/v1/badges')
    expect(shown).toBe('200')
    expect(body.items).toMatchObject([{ title: 'Shown in the reference' }])
    expect(reference.faults).toEqual([])
  })

  test('carries the credential that was given, and no cookie', async () => {
    const { id, secret } = await makeKey()
    const { page, faults } = reference
    await page.context().addCookies([{ name: 'session', value: 'a', url: site.url }])
    for (const [field, credential, caller] of [
      ['#auth-bearer-value', secret, { kind: 'partner', keyId: id }],
      ['#auth-bearer-value', await site.token('ada'), { kind: 'member', roles: ['member'] }],
    ] as const) {
      await authorize(reference, field, credential)
      const { body, headers } = await tryIt(reference, 'readWhoami', '/v1/whoami')
      expect(body, field).toMatchObject(caller)
      expect(headers['cookie']).toBeUndefined()
      await forget(reference)
    }
    expect(faults).toEqual([])
  })

  test('carries nothing that was given before the page was loaded', async () => {
    const { page } = reference
    await authorize(reference, '#auth-bearer-value', (await makeKey()).secret)
    const kept = () => [Object.keys(localStorage), Object.keys(sessionStorage)]
    expect(await page.evaluate(kept)).toEqual([[], []])
    expect(await page.evaluate(async () => (await indexedDB.databases()).length)).toBe(0)
    await drawn(page.reload())
    const { body } = await tryIt(reference, 'readWhoami', '/v1/whoami')
    expect(body.kind).toBe('anonymous')
  })
})

test('the other pages of documents load nothing that their policy forbids', async () => {
  for (const path of ['/problems', '/problems/forbidden']) {
    const { page, faults } = await open()
    await page.goto(`${site.url}${path}`)
    const width = await page.locator('main').evaluate((main) => getComputedStyle(main).maxWidth)
    expect([path, width.endsWith('px'), faults]).toEqual([path, true, []])
  }
})

test('what wrangler deploys serves the same files, and takes no path from the API', async () => {
  const configPath = fileURLToPath(new URL('../../wrangler.toml', import.meta.url))
  const server = createTestHarness({ workers: [{ configPath }] })
  onTestFinished(() => server.close())
  const url = new URL((await server.listen()).url).origin
  const page = await (await fetch(`${url}/docs`)).text()
  const assets = Array.from(page.matchAll(/"(\/docs\/assets\/[^"]+)"/g), ([, path = '']) => path)
  expect(assets).toHaveLength(4)
  for (const path of assets) {
    const [there, here] = await Promise.all([fetch(`${url}${path}`), fetch(`${site.url}${path}`)])
    const names = ['Content-Type', 'Cache-Control', 'X-Content-Type-Options']
    expect([there.status, ...names.map((name) => there.headers.get(name))]).toEqual([
      200,
      ...names.map((name) => here.headers.get(name)),
    ])
    expect((await there.text()) === (await here.text())).toBe(true)
  }
  for (const path of ['/', '/index.html', '/swagger-ui.css', '/package.json', '/docs/index.html']) {
    const response = await fetch(`${url}${path}`)
    const type = response.headers.get('Content-Type')
    // There is no schema yet, which the API says unless it waits for the database in vain.
    expect([404, 503]).toContain(response.status)
    expect([path, type]).toEqual([path, 'application/problem+json'])
  }
})
