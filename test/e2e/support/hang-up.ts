/** A client whose connection is reset while the site works for it. */
import { connect } from 'node:net'
import { expect } from 'vitest'
import { eventually } from '../../support/eventually.ts'
import type { Isolate } from './isolates.ts'

interface Sent {
  readonly method: 'POST' | 'DELETE'
  readonly path: string
  readonly headers: Readonly<Record<string, string>>
  readonly body?: string
}

/** Hangs up once the n-th call to D1 has begun. @returns false if there was an answer before */
export async function hangUp(isolate: Isolate, sent: Sent, n: number): Promise<boolean> {
  const { method, path, body = '' } = sent
  const { hostname, port, host } = new URL(isolate.url)
  const head = { Host: host, ...sent.headers, 'Content-Length': String(body.length) }
  const lines = Object.entries(head).map(([name, value]) => `${name}: ${value}`)
  const before = isolate.callsOf(path)
  let isAnswered = false
  const socket = connect(Number(port), hostname)
  socket.on('error', () => {}).on('data', () => (isAnswered = true))
  socket.write([`${method} ${path} HTTP/1.1`, ...lines, '', body].join('\r\n'))
  await eventually(() => expect(isAnswered || isolate.callsOf(path) >= before + n).toBe(true))
  socket.resetAndDestroy()
  return !isAnswered
}
