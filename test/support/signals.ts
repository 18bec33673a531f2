/** An issuer that tells what has ended with it, and the site that it tells. */
import type { Bindings } from '../../src/env.ts'
import type { TrustedIssuer } from '../../src/settings/trusted-issuers.ts'
import { CLIENT_ID, ISSUER, ORIGIN, type Reply, SETTINGS, testSite, type Way } from './site.ts'

export const LOGGED_OUT = 'http://schemas.openid.net/event/backchannel-logout'
/** Whom security events are for. */
export const RECEIVER = 'https://members.example/signals'

const CAEP = 'https://schemas.openid.net/secevent/caep/event-type'
const RISC = 'https://schemas.openid.net/secevent/risc/event-type'
export const EVENTS = {
  'session-revoked': `${CAEP}/session-revoked`,
  'credential-change': `${CAEP}/credential-change`,
  'account-disabled': `${RISC}/account-disabled`,
  'account-purged': `${RISC}/account-purged`,
} as const

type Members = Readonly<Record<string, unknown>>
export type SignalSettings = Pick<TrustedIssuer, 'logout' | 'signals'>

export const TELLS: SignalSettings = {
  logout: { clientIds: [CLIENT_ID] },
  signals: {
    audience: RECEIVER,
    events: {
      'session-revoked': 'end-sessions',
      'credential-change': 'nothing',
      'account-disabled': 'suspend',
      'account-purged': 'suspend',
    },
  },
}

/** @param tells undefined for an issuer whose word on this is not taken */
export function tellingSite(
  overrides: Partial<Bindings> = {},
  { tells = TELLS, way }: { readonly tells?: SignalSettings; readonly way?: Way } = {},
) {
  const [trusted] = JSON.parse(SETTINGS.TRUSTED_ISSUERS)
  const TRUSTED_ISSUERS = JSON.stringify([{ ...trusted, ...tells }])
  const site = testSite({ TRUSTED_ISSUERS, ...overrides }, way)

  async function post(path: string, body: BodyInit, type: string): Promise<Reply> {
    const headers = { 'Content-Type': type }
    const request = new Request(`${ORIGIN}${path}`, { method: 'POST', headers, body })
    const response = await site.fetch(request)
    const text = await response.text()
    const parsed: unknown = text === '' ? undefined : JSON.parse(text)
    return { status: response.status, headers: response.headers, body: parsed, text }
  }

  const postLogout = (token: string, more: Readonly<Record<string, string>> = {}) =>
    post(
      '/v1/logout-tokens',
      new URLSearchParams({ logout_token: token, ...more }).toString(),
      'application/x-www-form-urlencoded',
    )
  const postEvent = (token: string) => post('/v1/signals', token, 'application/secevent+jwt')

  return {
    ...site,
    post,
    postLogout,
    postEvent,
    /** Signs the subject out at the issuer, which tells the site. */
    signOut: async (sub: string, claims: Members = {}) =>
      postLogout(await logoutToken({ sub, ...claims })),
    tell: async (kind: keyof typeof EVENTS, sub: string, claims: Members = {}) =>
      postEvent(await securityEvent(kind, sub, claims)),
  }
}

/** As oidc-provider makes it. */
export async function logoutToken(
  claims: Members = {},
  header: Members = {},
  key?: CryptoKey,
): Promise<string> {
  const now = seconds()
  const own = { aud: CLIENT_ID, exp: now + 120, jti: crypto.randomUUID() }
  const events = { [LOGGED_OUT]: {} }
  return ISSUER.sign({ ...own, events, ...claims }, { typ: 'logout+jwt', ...header }, key)
}

/** About a subject of the issuer, whom `sub_id` names. */
export async function securityEvent(
  kind: keyof typeof EVENTS,
  subject: string,
  claims: Members = {},
  header: Members = {},
  key?: CryptoKey,
): Promise<string> {
  return eventToken(
    {
      events: { [EVENTS[kind]]: {} },
      sub_id: { format: 'iss_sub', iss: ISSUER.issuer, sub: subject },
      ...claims,
    },
    header,
    key,
  )
}

export async function eventToken(
  claims: Members,
  header: Members = {},
  key?: CryptoKey,
): Promise<string> {
  const own = { aud: RECEIVER, jti: crypto.randomUUID(), sub: undefined, exp: undefined }
  return ISSUER.sign({ ...own, ...claims }, { typ: 'secevent+jwt', ...header }, key)
}

export function seconds(): number {
  return Math.floor(Date.now() / 1000)
}
