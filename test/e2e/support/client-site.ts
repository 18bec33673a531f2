/** One site for all tests of a file, behind a proxy that loses and refuses what it is told to. */
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach } from 'vitest'
import { sign } from '../../../local/dev-issuer.ts'
import { freePort } from '../../../local/ports.ts'
import { localSettings } from '../../../local/settings.ts'
import { type Site, startSite } from '../../../local/site.ts'

/** The fate of a request: it or its answer is lost, or the proxy answers itself. */
export type Fault =
  | 'lost request'
  | 'lost answer'
  | 'half an answer'
  | {
      readonly status: number
      readonly headers?: Readonly<Record<string, string>>
      readonly body?: string
    }

interface Seen {
  readonly method: string
  readonly path: string
  readonly headers: Headers
  /** The answer, if there was one. */
  readonly answer?: Response
}

export interface TestSite {
  /** The address of the proxy. */
  readonly url: string
  /** The requests since the test began, oldest first. */
  readonly seen: readonly Seen[]
  /** Has the next requests fail, each by one of the faults. */
  fail(...faults: readonly Fault[]): void
  /** Resolves when the next request has come in. */
  nextRequest(): Promise<void>
  /**
   * A token of the development issuer, for the admin `root` unless named.
   * @param lifetime seconds
   */
  token(subject?: string, lifetime?: number): Promise<string>
}

export function siteForFile(settings: Readonly<Record<string, string>> = {}): TestSite {
  const stateDir = mkdtempSync(join(tmpdir(), 'guildhall-'))
  const seen: Seen[] = []
  const faults: Fault[] = []
  const waiting: (() => void)[] = []
  let site: Site
  let url = ''

  const proxy = createServer((request, response) => {
    // The last requests of a file may find the site gone.
    handle(request, response).catch(() => request.socket.destroy())
  })

  async function handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { method = '', url: path = '' } = request
    const headers = new Headers(
      Object.entries(request.headersDistinct).map(([name, values]) => [name, values?.join() ?? '']),
    )
    const entry: Omit<Seen, 'answer'> & { answer?: Response } = { method, path, headers }
    const body = Buffer.concat(await request.toArray())
    seen.push(entry)
    waiting.splice(0).forEach((resolve) => resolve())
    const fault = faults.shift()
    if (fault === 'lost request') return void request.socket.destroy()
    if (typeof fault === 'object')
      return void response.writeHead(fault.status, fault.headers).end(fault.body)
    const sent = new Headers(headers)
    for (const name of ['host', 'connection', 'content-length']) sent.delete(name)
    const answer = await fetch(`${site.url}${path}`, {
      method,
      headers: sent,
      ...(body.length > 0 && { body }),
    })
    // The test that asked may be over, and what the next one has seen is its own.
    entry.answer = answer
    const bytes = new Uint8Array(await answer.arrayBuffer())
    if (fault === 'lost answer') return void request.socket.destroy()
    const received = new Headers(answer.headers)
    // `fetch` has unpacked the answer, so these two fields would be wrong.
    for (const name of ['content-encoding', 'content-length']) received.delete(name)
    response.writeHead(answer.status, Object.fromEntries(received))
    if (fault === 'half an answer') {
      response.write(bytes.slice(0, 1), () => request.socket.destroy())
      return
    }
    response.end(bytes)
  }

  beforeAll(async () => {
    site = await startSite({
      stateDir,
      settings: { ...(await localSettings(stateDir, stateDir)), ...settings },
    })
    const port = await freePort(0)
    await new Promise<void>((resolve) => proxy.listen(port, resolve))
    url = `http://localhost:${port}`
  })
  beforeEach(() => {
    seen.length = 0
    faults.length = 0
  })
  afterAll(async () => {
    proxy.closeAllConnections()
    proxy.close()
    await site?.stop()
    rmSync(stateDir, { recursive: true, force: true })
  })

  return {
    get url() {
      return url
    },
    seen,
    fail: (...next) => void faults.push(...next),
    nextRequest: () => new Promise((resolve) => void waiting.push(resolve)),
    token: (subject = 'root', lifetime = 3600) => sign(stateDir, subject, {}, lifetime),
  }
}
