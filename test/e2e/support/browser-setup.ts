/** Finds the browser before any test starts, and stops there if there is none. */
import type { TestProject } from 'vitest/node'
import { type BrowserBinary, findBrowser } from './find-browser.ts'

declare module 'vitest' {
  interface ProvidedContext {
    browser: BrowserBinary
  }
}

export async function setup(project: TestProject): Promise<void> {
  const browser = await findBrowser()
  if (browser) {
    project.provide('browser', browser)
    return
  }
  const named = process.env['CHROMIUM']
  process.stderr.write(
    named
      ? `The browser that CHROMIUM names does not start: ${named}\n`
      : 'The tests drive a browser and found none that starts: install Chrome, Chromium or Edge, or set CHROMIUM to the path of one.\n',
  )
  process.exit(1)
}
