/** Tokens of the site's built-in login, for whoever is signed in there. */
import { failureOf, networkFailure } from './errors.ts'

export interface LoginOptions {
  /** Instead of the one that is there anyway. */
  readonly fetch?: (url: string, init: RequestInit) => Promise<Response>
  /** Where no browser says who is signed in: the session's `Cookie`, and the site as `Origin`. */
  readonly headers?: Readonly<Record<string, string>>
}

/**
 * For `getToken`. In a browser the page has to be one of the site, whose cookie goes with the question.
 * What it returns throws a GuildhallError: `unexpected_answer` with status 401 if nobody is signed in.
 */
export function loginToken(baseUrl: string, options: LoginOptions = {}): () => Promise<string> {
  const { fetch = globalThis.fetch, headers = {} } = options
  return async () => {
    const url = new URL('/auth/token', baseUrl).href
    const init = { method: 'POST', headers, credentials: 'same-origin' } as const
    const response = await fetch(url, init).catch((error: unknown) => {
      throw networkFailure(error)
    })
    const text = await response.text()
    if (!response.ok) throw failureOf(response, text)
    const { token }: { token: string } = JSON.parse(text)
    return token
  }
}
