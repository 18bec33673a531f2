/** The ceremonies of passkeys as a page goes through them, with an authenticator in software. */
import { env } from 'cloudflare:workers'
import {
  type Authenticator,
  type CeremonyOptions,
  type Deviations,
  makeAuthenticator,
} from './authenticator.ts'
import { type Browser, loginSite, type Page } from './login.ts'
import { ORIGIN } from './site.ts'

export const ADA = 'ada@example.com'
export const EVE = 'eve@example.com'
export const COOKIE = '__Host-guildhall.session_token'
export const CHALLENGE = '__Host-guildhall.passkey_challenge'

/** Wrong answers, which are refused whether a passkey is added or used. */
export const WRONG: readonly (readonly [string, Deviations])[] = [
  ['made for another site', { origin: 'https://evil.example' }],
  ['made for a part of this site’s domain', { origin: 'https://login.members.example' }],
  ['of another relying party', { rpId: 'evil.example' }],
  ['to another challenge', { challenge: 'A'.repeat(43) }],
  ['without a check of its user', { isUserVerified: false }],
  ['of the other ceremony', { type: 'webauthn.something' }],
]

export function postJson(browser: Browser, path: string, body: unknown): Promise<Page> {
  const raw = typeof body === 'string' ? body : JSON.stringify(body)
  const headers = { 'Content-Type': 'application/json' }
  return browser.send('POST', path, { body: raw, headers })
}

export async function optionsFor(browser: Browser, ceremony: 'register' | 'authenticate') {
  const { status, text } = await browser.get(`/auth/passkey/generate-${ceremony}-options`)
  if (status !== 200) throw new Error(`no options: ${status} ${text}`)
  const options: CeremonyOptions & Readonly<Record<string, unknown>> = JSON.parse(text)
  return options
}

export const finish = (
  browser: Browser,
  step: 'registration' | 'authentication',
  response: unknown,
) => postJson(browser, `/auth/passkey/verify-${step}`, { response })

export async function add(
  browser: Browser,
  key: Authenticator,
  by: Deviations = {},
): Promise<Page> {
  return finish(
    browser,
    'registration',
    await key.create(await optionsFor(browser, 'register'), by),
  )
}

export async function signIn(
  browser: Browser,
  key: Authenticator,
  by: Deviations = {},
): Promise<Page> {
  const options = await optionsFor(browser, 'authenticate')
  return finish(browser, 'authentication', await key.get(options, by))
}

/** A site whose first member, `ADA`, has a passkey. */
export async function siteWithPasskey() {
  const site = loginSite()
  const ada = await site.account(ADA)
  const key = await makeAuthenticator(ORIGIN)
  const added = await add(ada, key)
  if (added.status !== 200) throw new Error(`no passkey: ${added.status} ${added.text}`)
  return { site, ada, key }
}

export const countPasskeys = async () =>
  (await env.DB.prepare('select count(*) as n from auth_passkeys').first<number>('n')) ?? 0
export const countSessions = async () =>
  (await env.DB.prepare('select count(*) as n from auth_sessions').first<number>('n')) ?? 0
