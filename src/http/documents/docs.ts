/** `/docs`: every operation, to read and to try with a credential of one's own. */
import { html } from 'hono/html'
import { assetUrl } from './assets.ts'
import type { Document } from './kept.ts'
import { page } from './page.ts'

export async function docs(): Promise<Document> {
  return page({
    title: 'Guildhall API',
    policy: 'docs',
    head: html`<link rel="stylesheet" href="${await assetUrl('swagger-ui.css')}" />
      <script defer src="${await assetUrl('swagger-ui-bundle.js')}"></script>
      <script defer src="${await assetUrl('start.js')}"></script>`,
    body: html`<header class="links">
        <a href="/openapi.json">OpenAPI document</a>
        <a href="/problems">Problem codes</a>
        <a href="/llms.txt">For language models</a>
      </header>
      <div id="api"></div>
      <noscript>
        <main class="text">
          This page needs JavaScript. <a href="/openapi.json">The document</a> does not.
        </main>
      </noscript>`,
  })
}
