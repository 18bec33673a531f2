/** `/problems`: what every code means and how to fix the call; `type` of a problem leads here. */
import { html } from 'hono/html'
import { Problem, PROBLEMS } from '../../problem.ts'
import type { Document } from './kept.ts'
import { page } from './page.ts'

export async function problemIndex(): Promise<Document> {
  const rows = Object.entries(PROBLEMS).map(
    ([code, { status, title }]) =>
      html`<tr>
        <td>${status}</td>
        <td>
          <a href="/problems/${code}"><code>${code}</code></a>
        </td>
        <td>${title}</td>
      </tr>`,
  )
  return page({
    title: 'Problem codes',
    body: html`<main class="text">
      <h1>Problem codes</h1>
      <p>
        Every refusal is <code>application/problem+json</code> (RFC 9457) with one of these in
        <code>code</code>. Build on the code: titles and details are for people and may change.
      </p>
      <table>
        <thead>
          <tr>
            <th scope="col">status</th>
            <th scope="col">code</th>
            <th scope="col">title</th>
          </tr>
        </thead>
        <tbody>
          ${rows}
        </tbody>
      </table>
      <p><a href="/docs">The API</a></p>
    </main>`,
  })
}

/** @throws Problem `not_found` */
export async function problemPage(code: string): Promise<Document> {
  if (!isProblemCode(code)) throw new Problem('not_found', 'There is no such problem code.')
  const { status, title, help } = PROBLEMS[code]
  return page({
    title: `${title} (${code})`,
    body: html`<main class="text">
      <h1>${title}</h1>
      <p><code>${code}</code>, status ${status}</p>
      <p>${marked(help)}</p>
      <p><a href="/problems">All problem codes</a></p>
    </main>`,
  })
}

/** What stands between backticks is code. */
function marked(text: string) {
  return text.split('`').map((part, index) => (index % 2 ? html`<code>${part}</code>` : part))
}

function isProblemCode(code: string): code is keyof typeof PROBLEMS {
  return Object.hasOwn(PROBLEMS, code)
}
