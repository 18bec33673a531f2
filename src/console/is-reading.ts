import type { ConsoleContext } from './context.ts'

/** Whether a request asks for a page, and changes nothing. */
export function isReading({ req }: ConsoleContext): boolean {
  return req.method === 'GET' || req.method === 'HEAD'
}
