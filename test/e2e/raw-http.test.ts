import { readFileSync } from 'node:fs'
import { connect } from 'node:net'
import { expect, it } from 'vitest'
import { startServer, token } from './support/site.ts'

interface Naughty {
  readonly raw: readonly { readonly id: string; readonly data: string }[]
}

const { raw } = JSON.parse(
  readFileSync(new URL('../data/naughty.json', import.meta.url), 'utf8'),
) as Naughty

/** Sends the message and closes our side. @returns everything that comes back */
function exchange(port: number, message: string): Promise<string> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1')
    let answer = ''
    socket.setEncoding('latin1')
    socket.on('data', (text) => (answer += text))
    // A reset ends the answer too, and what came before it counts.
    socket.on('error', () => resolve(answer))
    socket.on('close', () => resolve(answer))
    socket.end(Buffer.from(message, 'latin1'))
  })
}

function statusesOf(answer: string): number[] {
  return Array.from(answer.matchAll(/^HTTP\/1\.1 (\d{3})/gm), ([, status]) => Number(status))
}

/** The runtime refuses to make a URL of two Host headers before the Worker sees the request. */
const ANSWERED_BY_THE_RUNTIME = new Set(['two-hosts'])

it('no raw HTTP message breaks, hangs or tricks the local server', async () => {
  const server = await startServer()
  const { url, stateDir } = server
  const { port, host } = new URL(url)
  const credential = `Authorization: Bearer ${await token(stateDir, 'ada')}`
  for (const { id, data } of raw) {
    for (const type of ['text/plain', 'application/json']) {
      const headers = `${host}\r\n${credential}\r\nContent-Type: ${type}`
      const message = data.replaceAll('{P}', '/v1/me/visits').replaceAll('{H}', headers)
      const statuses = statusesOf(await exchange(Number(port), message))
      const broken = ANSWERED_BY_THE_RUNTIME.has(id) ? [500] : []
      expect([id, statuses.filter((status) => status >= 500)]).toEqual([id, broken])
      // A request that is hidden in a body is not taken for one of its own.
      expect([id, statuses.length <= (id === 'pipelined' ? 2 : 1)]).toEqual([id, true])
    }
    expect([id, (await fetch(`${url}/healthz`)).status]).toEqual([id, 200])
  }
  await server.stop()
})
