/** The frame of every page for people, and what a browser may load on it. */
import { html } from 'hono/html'
import type { AppContext } from '../context.ts'
import { assetUrl } from './assets.ts'

const NOTHING = "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
const POLICIES = {
  text: `${NOTHING}; style-src 'self'; img-src data:`,
  docs: `${NOTHING}; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'`,
} as const

type Html = ReturnType<typeof html>

interface Page {
  readonly title: string
  readonly head?: Html
  readonly body: Html
  /** `docs` runs our scripts and calls the API; `text`, the default, does neither. */
  readonly policy?: keyof typeof POLICIES
}

export async function page(
  c: AppContext,
  { title, head, body, policy = 'text' }: Page,
): Promise<Response> {
  return c.html(
    html`<!doctype html>
      <html lang="en">
        <head>
          <meta charset="utf-8" />
          <meta name="viewport" content="width=device-width" />
          <title>${title}</title>
          <link rel="icon" href="data:," />
          <link rel="stylesheet" href="${await assetUrl('page.css')}" />
          ${head ?? ''}
        </head>
        <body>
          ${body}
        </body>
      </html>`,
    200,
    { 'Content-Security-Policy': POLICIES[policy] },
  )
}
