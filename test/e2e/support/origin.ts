/** The origin of a site's pages, and how it checks who opens them, as docs/pages.md has it. */
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import {
  createServer,
  type IncomingMessage,
  type RequestListener,
  type Server,
  type ServerResponse,
} from 'node:http'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { onTestFinished } from 'vitest'
import { listen } from '../../../local/ports.ts'
import { ROOT } from '../../../local/root.ts'

/** The blocks of docs/pages.md in one language. */
export function blocksOf(language: string): string[] {
  const page = readFileSync(join(ROOT, 'docs/pages.md'), 'utf8')
  return [...page.matchAll(new RegExp(`^\`\`\`${language}\n([^]*?)^\`\`\``, 'gm'))].map(
    ([, block = '']) => block,
  )
}

type Claims = Readonly<Record<string, unknown>>
export type OpenedBy = (assertion: string, method: string, path: string) => Promise<Claims>

/** The check that docs/pages.md shows, for a site and its origin that are somewhere else. */
export async function documentedCheck(site: string, origin: string): Promise<OpenedBy> {
  const [code = ''] = blocksOf('js')
  const placed = code
    .replace('https://members.example', site)
    .replace('https://site.example', origin)
  // Below node_modules, so that jose is found from there.
  const folder = join(ROOT, 'node_modules/.cache/guildhall')
  const file = join(folder, `check-${crypto.randomUUID()}.mjs`)
  mkdirSync(folder, { recursive: true })
  writeFileSync(file, placed)
  onTestFinished(() => rmSync(file, { force: true }))
  const { openedBy }: { openedBy: OpenedBy } = await import(pathToFileURL(file).href)
  return openedBy
}

export interface Origin {
  readonly url: string
  readonly server: Server
  /** Every request that came, as method and path. */
  readonly asked: string[]
}

/** On 127.0.0.1, for the length of a test. */
export async function startOrigin(answer: RequestListener): Promise<Origin> {
  const asked: string[] = []
  const server = createServer((request: IncomingMessage, response: ServerResponse) => {
    asked.push(`${request.method} ${request.url}`)
    answer(request, response)
  })
  const port = await listen(server, 0, '127.0.0.1')
  onTestFinished(async () => {
    server.closeAllConnections()
    await new Promise((resolve) => server.close(resolve))
  })
  return { url: `http://127.0.0.1:${port}`, server, asked }
}

/** The field as it came; several are one. */
export function field({ headers }: IncomingMessage, name: string): string {
  return [headers[name] ?? ''].flat().join(', ')
}
