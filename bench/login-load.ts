/**
 * Many people at the built-in login at once, each as a browser: signing in, pages, tokens, the API by
 * cookie and by token, the start of a passkey ceremony, signing out. Any other answer than it should be
 * is an error; the platform cancels requests that wait for the I/O of another, and answers them 500.
 */
import { hashPassword } from '../src/auth/passwords.ts'
import type { Site } from '../local/site.ts'

export interface Load {
  /** How many people at once. */
  readonly people: number
  /** How often each of them signs in and out. */
  readonly sessions: number
  /** Turns through the pages and the API in each session, five requests each. */
  readonly turns: number
}

export interface Outcome {
  readonly requests: number
  readonly signIns: number
  readonly errors: readonly string[]
  readonly seconds: number
}

const PASSWORD = 'violet kettle drums afternoon'

/** @param site of which `db` is used to make the accounts */
export async function loadLogin(site: Pick<Site, 'url' | 'db'>, load: Load): Promise<Outcome> {
  const emails = Array.from({ length: load.people }, (_, n) => `person-${n}@example.com`)
  await makeAccounts(site, emails)
  const errors: string[] = []
  const counted = { requests: 0, signIns: 0 }
  const startedAt = performance.now()
  await Promise.all(
    emails.map(async (email, person) => {
      for (let session = 0; session < load.sessions; session += 1) {
        const address = `2001:db8:${person}:${session}::1`
        await oneSession(browser(site.url, address, counted, errors), email, load.turns)
        counted.signIns += 1
      }
    }),
  )
  return { ...counted, errors, seconds: (performance.now() - startedAt) / 1000 }
}

type Browser = ReturnType<typeof browser>

function browser(url: string, address: string, counted: { requests: number }, errors: string[]) {
  let cookie = ''
  return async (
    method: 'GET' | 'POST',
    path: string,
    expected: number,
    { form, token }: { form?: Readonly<Record<string, string>>; token?: string } = {},
  ): Promise<string> => {
    counted.requests += 1
    const headers = {
      Origin: url,
      'CF-Connecting-IP': address,
      ...(token === undefined ? { Cookie: cookie } : { Authorization: `Bearer ${token}` }),
    }
    const body = form && new URLSearchParams(form)
    try {
      const answer = await fetch(url + path, {
        method,
        headers,
        redirect: 'manual',
        ...(body && { body }),
      })
      const text = await answer.text()
      if (answer.status !== expected) errors.push(`${method} ${path}: ${answer.status}`)
      const session = answer.headers.getSetCookie().find((set) => set.includes('session_token='))
      if (session !== undefined) cookie = session.split(';')[0] ?? ''
      return text
    } catch (error) {
      errors.push(`${method} ${path}: ${String(error)}`)
      return ''
    }
  }
}

async function oneSession(call: Browser, email: string, turns: number): Promise<void> {
  await call('POST', '/auth/sign-in', 303, { form: { email, password: PASSWORD } })
  for (let turn = 0; turn < turns; turn += 1) {
    await call('GET', '/auth/account', 200)
    const answer = await call('POST', '/auth/token', 200)
    await call('GET', '/v1/whoami', 200)
    await call('GET', '/v1/me', 200, { token: tokenIn(answer) })
    await call('GET', '/auth/passkey/generate-register-options', 200)
  }
  await call('POST', '/auth/sign-out', 303)
}

function tokenIn(answer: string): string {
  const [, token = ''] = /"token":"([^"]+)"/.exec(answer) ?? []
  return token
}

/** All with one hash: what is measured is signing in, not signing up. */
async function makeAccounts({ db }: Pick<Site, 'db'>, emails: readonly string[]): Promise<void> {
  const [hash, at] = [await hashPassword(PASSWORD), new Date().toISOString()]
  await db.batch(
    emails.flatMap((email) => [
      db
        .prepare(
          `insert into auth_users (id, name, email, email_verified, created_at, updated_at)
           values (?1, ?1, ?1, 1, ?2, ?2)`,
        )
        .bind(email, at),
      db
        .prepare(
          `insert into auth_accounts
             (id, account_id, provider_id, user_id, password, created_at, updated_at)
           values (?1, ?1, 'credential', ?1, ?2, ?3, ?3)`,
        )
        .bind(email, hash, at),
    ]),
  )
}
