/** A site with the built-in login and an outbox for its mail, and clients that act as browsers. */
import type { Bindings } from '../../src/env.ts'
import { ORIGIN, testSite, type Way } from './site.ts'

export const PASSWORD = 'violet kettle drums afternoon'

export const LOGIN_SETTINGS = {
  BUILT_IN_LOGIN: 'on',
  PUBLIC_URL: ORIGIN,
  AUTH_SECRET: 'Zk3vQm8LwT1xR5nB9cD2fG7hJ4pS6uY0',
  MAIL_FROM: 'hello@members.example',
} as const satisfies Partial<Bindings>

interface Sent {
  readonly to: string
  readonly subject: string
  readonly text: string
}

export type Form = Readonly<Record<string, string>>

export interface Page {
  readonly status: number
  readonly headers: Headers
  readonly text: string
  readonly location: string | null
}

export type LoginSite = ReturnType<typeof loginSite>
export type Browser = ReturnType<LoginSite['browser']>

export function loginSite(overrides: Partial<Bindings> = {}, way?: Way) {
  const outbox: Sent[] = []
  const MAIL = { send: async (mail: Sent) => void outbox.push(mail) }
  const site = testSite({ ...LOGIN_SETTINGS, MAIL, ...overrides }, way)

  /** A client that keeps cookies and says where its requests come from, as browsers do. */
  function browser(address = '192.0.2.1') {
    const jar = new Map<string, string>()

    async function send(method: string, path: string, init: RequestInit = {}): Promise<Page> {
      const headers = new Headers({
        Cookie: [...jar].map(([name, value]) => `${name}=${value}`).join('; '),
        'CF-Connecting-IP': address,
        'Sec-Fetch-Site': 'same-origin',
        ...(method === 'POST' && { Origin: ORIGIN }),
      })
      for (const [name, value] of new Headers(init.headers)) {
        if (value === '') headers.delete(name)
        else headers.set(name, value)
      }
      const url = path.startsWith('/') ? `${ORIGIN}${path}` : path
      const response = await site.fetch(
        new Request(url, { ...init, method, headers, redirect: 'manual' }),
      )
      for (const cookie of response.headers.getSetCookie()) {
        const [pair = ''] = cookie.split(';')
        const at = pair.indexOf('=')
        if (/max-age=0/i.test(cookie)) jar.delete(pair.slice(0, at))
        else jar.set(pair.slice(0, at), pair.slice(at + 1))
      }
      return {
        status: response.status,
        headers: response.headers,
        text: await response.text(),
        location: response.headers.get('Location'),
      }
    }

    return {
      jar,
      send,
      get: (path: string, headers: Form = {}) => send('GET', path, { headers }),
      post: (path: string, form: Form | [string, string][] = {}, headers: Form = {}) =>
        send('POST', path, {
          body: new URLSearchParams(form).toString(),
          headers: {
            'Content-Type': 'application/x-www-form-urlencoded',
            ...headers,
          },
        }),
      /** A token for the API, of whoever is signed in. */
      async token(): Promise<string> {
        const { text } = await send('POST', '/auth/token')
        return JSON.parse(text).token
      },
    }
  }

  /** The secret of the last link mailed to this address. */
  function secretFor(email: string): string {
    const mail = outbox.findLast(({ to }) => to === email)
    const [, secret] = /\/auth\/mailed\/\w+#([\w-]+)/.exec(mail?.text ?? '') ?? []
    if (secret === undefined)
      throw new Error(`no link was mailed to ${email}: ${JSON.stringify(outbox)}`)
    return secret
  }

  /** Signs up, confirms the address, and is signed in. */
  async function account(email: string, password: string = PASSWORD, address?: string) {
    const person = browser(address)
    const asked = await person.post('/auth/sign-up', { name: 'Ada', email })
    if (asked.status !== 200) throw new Error(asked.text)
    const { status, text } = await person.post('/auth/verify', {
      token: secretFor(email),
      password,
    })
    if (status !== 303) throw new Error(text)
    return person
  }

  return { ...site, outbox, browser, secretFor, account }
}
