/** Requests that are handed on to no origin, whoever makes them. */
import { Problem } from '../problem.ts'
import type { PagesSettings } from '../settings/pages.ts'
import { isReading } from './open-page.ts'

const METHODS = 'GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS'

export function isUpgrade(headers: Headers): boolean {
  return (headers.get('Upgrade') ?? '').toLowerCase().includes('websocket')
}

/**
 * A server in between makes a tunnel of any upgrade, in which nobody is asked again.
 * @throws Problem `not_forwarded` for a protocol that no rule can let through
 */
export function assertNoOtherUpgrade(headers: Headers): void {
  const protocol = headers.get('Upgrade') ?? ''
  if (protocol === '' || protocol.toLowerCase() === 'websocket') return
  throw new Problem('not_forwarded', 'A page becomes a websocket or nothing else.')
}

/** @throws Problem `method_not_allowed`, `not_forwarded` */
export function assertForwardable(
  { method, headers, body }: Pick<Request, 'method' | 'headers' | 'body'>,
  { allowsServiceWorkers }: PagesSettings,
): void {
  // What an origin echoes would show the assertion, and all that was added on the way.
  if (method === 'TRACE' || method === 'CONNECT') {
    const detail = 'Pages are not traced.'
    throw new Problem('method_not_allowed', detail, { headers: { Allow: METHODS } })
  }
  if (isReading(method) && body !== null && headers.get('Content-Length') !== '0') {
    throw new Problem(
      'not_forwarded',
      `A ${method} with a body means something else to each server.`,
    )
  }
  if (headers.has('Service-Worker') && !allowsServiceWorkers) {
    const detail = 'Service workers stay between people and this site, its sign-in included.'
    throw new Problem('not_forwarded', detail)
  }
}

export function badPath(fault: string): Problem {
  return new Problem('not_forwarded', `The path ${fault}.`)
}

export function noWebSocket(): Problem {
  return new Problem('not_forwarded', 'The rule of this page lets no websocket through.')
}
