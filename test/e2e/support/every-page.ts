/** What holds for every page of the product, looked at in a browser: one visit is enough for all of it. */
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import type { BrowserContextOptions, Page } from 'playwright-core'
import type { Watched } from './browser.ts'

const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')

/** At once: as many as keep two cores busy, while one of them has the server. */
const PAGES_AT_ONCE = 3
/** The narrowest screen there is. */
const NARROW = { width: 320, height: 640 }
const WIDE = { width: 1280, height: 800 }

/** What is wrong with a page; empty for a good one. */
export interface Findings {
  readonly path: string
  readonly axe: readonly string[]
  readonly inTheDark: readonly string[]
  /** What the console of the browser and the policy of the page have said. */
  readonly faults: readonly string[]
  readonly tooWideBy: number
}

/**
 * Visits every path, by somebody's pages in parallel.
 * @param isDarkToo which of them are looked at in the dark as well, where colours differ and nothing else
 */
export async function lookAt(
  paths: readonly string[],
  open: (options: BrowserContextOptions) => Promise<Watched>,
  {
    start,
    isDarkToo = () => false,
    isNarrowOnly = false,
  }: {
    readonly start: string
    readonly isDarkToo?: (path: string) => boolean
    /** For pages that are looked at elsewhere, at the width that is harder. */
    readonly isNarrowOnly?: boolean
  },
): Promise<Findings[]> {
  const left = [...paths]
  const found: Findings[] = []
  const size = isNarrowOnly ? NARROW : WIDE
  const look = async () => {
    // A colour on its way to another one is neither.
    const { page, faults } = await open({ viewport: size, reducedMotion: 'reduce' })
    await page.goto(start)
    await page.locator('main h1').waitFor()
    for (let path = left.shift(); path !== undefined; path = left.shift()) {
      await follow(page, path)
      // The policy forbids it to the page, not to whoever drives the browser.
      await page.evaluate(AXE)
      const axe = await axeFindings(page)
      const inTheDark = isDarkToo(path) ? await darkFindings(page) : []
      if (!isNarrowOnly) await page.setViewportSize(NARROW)
      const tooWideBy = await tooWide(page)
      if (!isNarrowOnly) await page.setViewportSize(size)
      found.push({ path, axe, inTheDark, faults: faults.splice(0), tooWideBy })
    }
    await page.context().close()
  }
  await Promise.all(Array.from({ length: PAGES_AT_ONCE }, look))
  return found
}

/** As by a link of the page, which asks for the next one just once. */
async function follow(page: Page, path: string): Promise<void> {
  await Promise.all([
    page.waitForEvent('domcontentloaded'),
    page.evaluate((to) => location.assign(to), path),
  ])
  await page.locator('main h1').waitFor()
}

async function darkFindings(page: Page): Promise<string[]> {
  await page.emulateMedia({ colorScheme: 'dark' })
  const found = await axeFindings(page, ['color-contrast'])
  await page.emulateMedia({ colorScheme: 'light' })
  return found
}

/** What axe finds, and the place of each. */
async function axeFindings(page: Page, rules?: readonly string[]): Promise<string[]> {
  return page.evaluate(async (only) => {
    const { violations } = await Reflect.get(globalThis, 'axe').run(document, {
      resultTypes: ['violations'],
      ...(only && { runOnly: only }),
    })
    return violations.flatMap(({ id, nodes }: { id: string; nodes: { html: string }[] }) =>
      nodes.map(({ html }) => `${id}: ${html.slice(0, 160)}`),
    )
  }, rules)
}

async function tooWide(page: Page): Promise<number> {
  return page.evaluate(() =>
    // A table hides what it has no place for.
    Math.max(
      0,
      ...[...document.querySelectorAll('html, .table')].map(
        (each) => each.scrollWidth - each.clientWidth,
      ),
    ),
  )
}

export const nothingFound = (paths: readonly string[]): Findings[] =>
  paths.map((path) => ({ path, axe: [], inTheDark: [], faults: [], tooWideBy: 0 }))
