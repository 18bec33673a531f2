/** The frame of every page for people, and what a browser may load on it. */
import { html } from 'hono/html'
import { assetUrl } from './assets.ts'
import type { Document } from './kept.ts'

const NOTHING = "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
const POLICIES = {
  text: `${NOTHING}; style-src 'self'; img-src data:`,
  form: `${NOTHING.replace("form-action 'none'", "form-action 'self'")}; style-src 'self'; img-src data:`,
  docs: `${NOTHING}; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'`,
} as const

type Html = ReturnType<typeof html>

interface Page {
  readonly title: string
  readonly head?: Html
  readonly body: Html
  /** `docs` runs our scripts and calls the API; `form` sends a form; `text`, the default, does nothing. */
  readonly policy?: keyof typeof POLICIES
}

export async function page({ title, head, body, policy = 'text' }: Page): Promise<Document> {
  const text = await html`<!doctype html>
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
    </html>`
  return { type: 'text/html; charset=UTF-8', text: text.toString(), policy: POLICIES[policy] }
}
