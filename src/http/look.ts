/** How pages look on which people sign in, or are told that they may not go on. */
import { html } from 'hono/html'

export type Html = ReturnType<typeof html>

/** What a page says at its top. */
export interface Notice {
  readonly tone: 'good' | 'bad'
  readonly text: string
}

export const STYLE = `:root { color-scheme: light dark; font: 1rem/1.5 system-ui, sans-serif }
body { margin: 0 }
main { max-width: 26rem; margin: 3rem auto; padding: 0 1rem }
form { margin: 0 0 1rem }
label { display: block; margin: 0 0 .75rem }
input:not([type=hidden]) { display: block; width: 100%; box-sizing: border-box; font: inherit; padding: .5rem }
button { font: inherit; padding: .5rem 1rem; cursor: pointer }
li form { display: inline }
[role=alert], [role=status] { border-left: .25rem solid; padding-left: .75rem }
[role=alert] { border-color: #c33 }
[role=status] { border-color: #393 }
[hidden] { display: none }
`

interface Page {
  readonly title: string
  readonly notice?: Notice | undefined
  /** What loads `STYLE`, and scripts if there are any. */
  readonly head: Html
  readonly content: Html
}

export function lookOf({ title, notice, head, content }: Page): Html {
  return html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <title>${title}</title>
        ${head}
      </head>
      <body>
        <main class="sheet">
          <h1>${title}</h1>
          ${notice ? html`<p role="${notice.tone === 'bad' ? 'alert' : 'status'}">${notice.text}</p>` : ''}
          ${content}
        </main>
      </body>
    </html>`
}
