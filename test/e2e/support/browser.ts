/** A real browser for all tests of a file, with pages that note everything that goes wrong. */
import { type Browser, type BrowserContext, chromium, type Page } from 'playwright-core'
import { afterAll, beforeAll, inject } from 'vitest'
import { environmentOf } from './find-browser.ts'

const FLAGS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-dev-shm-usage',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
]

export function launchBrowser(): Promise<Browser> {
  const browser = inject('browser')
  const { executablePath } = browser
  return chromium.launch({ executablePath, args: FLAGS, env: environmentOf(browser) })
}

export interface Watched {
  readonly page: Page
  /** Errors and warnings of the page and violations of its policy. */
  readonly faults: string[]
  /** Every URL that the page asked for. */
  readonly requested: readonly string[]
}

/** @returns a function that opens a page without cookies or storage, until the file ends */
export function browserForFile(): () => Promise<Watched> {
  let browser: Browser | undefined
  beforeAll(async () => {
    browser = await launchBrowser()
  })
  afterAll(() => browser?.close())
  return async () => {
    if (!browser) throw new Error('the browser has not started')
    return watchedPage(await browser.newContext())
  }
}

/** A page of the context that notes everything that goes wrong. */
export async function watchedPage(context: BrowserContext): Promise<Watched> {
  const page = await context.newPage()
  page.setDefaultTimeout(30_000)
  const [faults, requested]: [string[], string[]] = [[], []]
  page.on('console', (message) => {
    if (message.type() !== 'log') faults.push(`${message.type()}: ${message.text()}`)
  })
  page.on('pageerror', (error) => faults.push(`uncaught: ${error}`))
  page.on('request', (request) => requested.push(request.url()))
  await page.addInitScript(() => {
    document.addEventListener('securitypolicyviolation', ({ violatedDirective, blockedURI }) =>
      console.error(`blocked by ${violatedDirective}: ${blockedURI}`),
    )
  })
  return { page, faults, requested }
}
