/** People who are signed in to a site with the built-in login, without having signed in. */
import type { Bindings } from '../../src/env.ts'
import { LOGIN_SETTINGS, loginSite, type Browser } from './login.ts'
import type { Way } from './site.ts'

/** Signs what a cookie carries, as the login does. */
async function signed(token: string): Promise<string> {
  const bytes = new TextEncoder().encode(LOGIN_SETTINGS.AUTH_SECRET)
  const algorithm = { name: 'HMAC', hash: 'SHA-256' }
  const key = await crypto.subtle.importKey('raw', bytes, algorithm, false, ['sign'])
  const signature = await crypto.subtle.sign('HMAC', key, new TextEncoder().encode(token))
  return encodeURIComponent(`${token}.${Buffer.from(signature).toString('base64')}`)
}

export interface Person extends Browser {
  readonly userId: string
}

/** @param overrides of settings, or bindings that count */
export function consoleSite(overrides: Partial<Bindings> = {}, way?: Way) {
  const site = loginSite(overrides, way)

  /** Somebody with an account, a session, and these roles besides that of every member. */
  async function person(name: string, ...roles: string[]): Promise<Person> {
    const [id, at] = [crypto.randomUUID(), new Date().toISOString()]
    const until = new Date(Date.now() + 86_400_000).toISOString()
    const account = `insert into auth_users (id, name, email, email_verified, created_at, updated_at)
      values (?, ?, ?, 1, ?, ?)`
    const session = `insert into auth_sessions (id, token, user_id, expires_at, created_at, updated_at)
      values (?, ?, ?, ?, ?, ?)`
    await site.env.DB.batch([
      site.env.DB.prepare(account).bind(id, name, `${id}@example.com`, at, at),
      site.env.DB.prepare(session).bind(id, `token-${id}`, id, until, at, at),
    ])
    const browser = site.browser()
    browser.jar.set('__Host-guildhall.session_token', await signed(`token-${id}`))
    const whoami = await browser.get('/v1/whoami')
    const { userId }: { userId: string } = JSON.parse(whoami.text)
    const root = await site.root()
    for (const role of roles) await root.put(`/v1/users/${userId}/roles/${role}`)
    return { ...browser, userId }
  }

  return { ...site, person }
}

/** Ends every session of the site, as somebody elsewhere may. */
export async function endSessions({ env }: { readonly env: Bindings }): Promise<void> {
  await env.DB.prepare('delete from auth_sessions').run()
}
