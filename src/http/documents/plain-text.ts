/** Documents that are plain text. */
import type { AppContext } from '../context.ts'

export function plainText(c: AppContext, text: string): Response {
  return c.body(text, 200, { 'Content-Type': 'text/plain; charset=UTF-8' })
}
