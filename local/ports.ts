/** Ports: which one to serve on, and reaching it by either meaning of `localhost`. */
import { connect, createServer, type Server } from 'node:net'
import { Refusal } from './refusal.ts'

/** 0 stands for any free one. @throws Refusal */
export function parsePort(text: string): number {
  const port = /^\d{1,5}$/.test(text) ? Number(text) : Number.NaN
  if (port <= 65_535) return port
  throw new Refusal(`PORT must be a whole number from 0 to 65535, not "${text}"`)
}

/** The wanted port once it is known to be free; for 0, one that is. @throws Refusal */
export async function freePort(wanted: number): Promise<number> {
  const server = createServer()
  const port = await listen(server, wanted, '127.0.0.1')
  await new Promise((resolve) => server.close(resolve))
  return port
}

/**
 * Makes `[::1]` reach what serves on 127.0.0.1, for clients that know `localhost` as IPv6 only.
 * Does nothing where IPv6 is absent.
 */
export async function relayIpv6(port: number): Promise<() => void> {
  const server = createServer((incoming) => {
    const outgoing = connect(port, '127.0.0.1')
    incoming.pipe(outgoing).pipe(incoming)
    incoming.on('error', () => outgoing.destroy())
    outgoing.on('error', () => incoming.destroy())
  })
  try {
    await listen(server, port, '::1')
  } catch (error) {
    if (error instanceof Refusal) throw error
    return () => {}
  }
  server.unref()
  return () => server.close()
}

/** Whether anything on this machine accepts connections there. */
export function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1')
    const answer = (open: boolean) => {
      socket.destroy()
      resolve(open)
    }
    socket.on('connect', () => answer(true)).on('error', () => answer(false))
  })
}

/** The port listened on. @throws Refusal when it is taken */
export function listen(server: Server, port: number, host: string): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      const reason = REASONS[error.code ?? '']
      const advice = 'choose another with PORT=<number>, or PORT=0 for any free one'
      reject(reason ? new Refusal(`port ${port} ${reason}: ${advice}`) : error)
    })
    server.listen({ port, host, ipv6Only: true }, () => {
      const address = server.address()
      resolve(typeof address === 'object' && address ? address.port : port)
    })
  })
}

const REASONS: Readonly<Record<string, string>> = {
  EADDRINUSE: 'is in use',
  EACCES: 'may not be used by this account',
}
