/** An identity provider that nobody here wrote, and people who sign in to it in a browser without a window. */
import { createHash, randomBytes } from 'node:crypto'
import { createServer } from 'node:http'
import { decodeJwt, exportJWK, generateKeyPair, type JWTPayload } from 'jose'
import { type Configuration, Provider } from 'oidc-provider'
import { afterAll, beforeAll } from 'vitest'

/** Clients with a front end each. */
type ClientId = 'front-end' | 'elsewhere'

/** The client that the site itself is, when people sign in to it with this provider. */
export const SITE_CLIENT = { clientId: 'the-site', clientSecret: 'known to two' } as const

export interface Tokens {
  readonly id_token: string
  readonly access_token: string
  readonly refresh_token: string
}

/** What the provider has told the site, and what that has answered. */
interface Told {
  readonly claims: JWTPayload
  readonly status: number
}

const RESOURCE = 'https://members.example'
const AUDIENCE = 'guildhall'
const back = (clientId: string) => `https://${clientId}.example/back`

/** What is known there of everybody who signs in. */
const PERSON = { name: 'Ada Lovelace', email: 'ada@example.com', email_verified: true }

/** One provider for all tests of a file. @returns how to trust it, and to sign in to it */
export function oidcProvider() {
  const server = createServer()
  const told: Told[] = []
  let issuer = ''
  let site = ''
  let meanwhile = async (): Promise<unknown> => undefined

  /** It sends to no address of a local network, so what it sends is brought to the site. */
  const bring: Fetch = async (input, init) => {
    const sent = new Request(input, init)
    const body = await sent.text()
    const { pathname } = new URL(sent.url)
    const response = await fetch(`${site}${pathname}`, {
      method: 'POST',
      headers: sent.headers,
      body,
    })
    const [token = ''] = new URLSearchParams(body).getAll('logout_token')
    told.push({ claims: decodeJwt(token), status: response.status })
    await meanwhile()
    return response
  }

  beforeAll(async () => {
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const address = server.address()
    if (address === null || typeof address === 'string') throw new Error('it has no port')
    issuer = `http://127.0.0.1:${address.port}`
    const answer = (await provider(issuer, bring)).callback()
    server.on('request', (request, response) => void answer(request, response))
  })
  afterAll(async () => {
    server.closeAllConnections()
    await new Promise((resolve) => server.close(resolve))
  })
  return {
    /** An entry for TRUSTED_ISSUERS. */
    trusted: (clientIds: readonly ClientId[]) => ({
      issuer,
      audience: AUDIENCE,
      jwksUrl: `${issuer}/jwks`,
      clientIds,
      logout: { clientIds: [...clientIds, SITE_CLIENT.clientId] },
    }),
    /** Everything that was told so far. */
    told,
    /** Where what it tells is brought. */
    tellsTo(url: string): void {
      site = url
    },
    /** Has something be done after the site has answered a logout token, and before the provider goes on. */
    doMeanwhile(work: () => Promise<unknown>): void {
      meanwhile = work
    },
    visitor: () => visitorOf(issuer),
    signIn: async (subject: string, clientId: ClientId = 'front-end') =>
      visitorOf(issuer).signIn({ subject, clientId }),
    /** Has somebody sign in who was sent there, and agree. @returns where they are sent back to */
    arrive: async (url: string, subject: string) => visitorOf(issuer).arrive(url, subject),
    renew: async ({ refresh_token: token }: Tokens, clientId: ClientId = 'front-end') =>
      tokensFor(issuer, {
        grant_type: 'refresh_token',
        client_id: clientId,
        refresh_token: token,
        resource: RESOURCE,
      }),
    /** What its userinfo says to the bearer of an access token. */
    userinfo: async ({ access_token: token }: Tokens) =>
      fetch(`${issuer}/me`, { headers: { Authorization: `Bearer ${token}` } }),
  }
}

type Fetch = NonNullable<Configuration['fetch']>

async function provider(issuer: string, bring: Fetch): Promise<Provider> {
  const { privateKey } = await generateKeyPair('ES256', { extractable: true })
  const made = new Provider(issuer, {
    jwks: { keys: [{ ...(await exportJWK(privateKey)), kty: 'EC', use: 'sig', alg: 'ES256' }] },
    cookies: { keys: ['of this test'] },
    clients: [
      ...['front-end', 'elsewhere'].map((clientId) => ({
        client_id: clientId,
        redirect_uris: [back(clientId)],
        token_endpoint_auth_method: 'none' as const,
        id_token_signed_response_alg: 'ES256' as const,
        grant_types: ['authorization_code', 'refresh_token'],
        backchannel_logout_uri: 'https://members.example/v1/logout-tokens',
        backchannel_logout_session_required: true,
      })),
      {
        client_id: SITE_CLIENT.clientId,
        client_secret: SITE_CLIENT.clientSecret,
        redirect_uris: ['https://the-site.example/auth/callback/acme'],
        id_token_signed_response_alg: 'ES256',
        backchannel_logout_uri: 'https://members.example/v1/logout-tokens',
        backchannel_logout_session_required: true,
      },
    ],
    fetch: bring,
    // Without offline_access, so that they end with the session.
    issueRefreshToken: async () => true,
    findAccount: (_, accountId) => ({
      accountId,
      claims: () => ({ sub: accountId, ...PERSON }),
    }),
    claims: { openid: ['sub'], profile: ['name'], email: ['email', 'email_verified'] },
    features: {
      backchannelLogout: { enabled: true },
      resourceIndicators: {
        enabled: true,
        useGrantedResource: () => true,
        getResourceServerInfo: () => ({
          scope: 'members',
          audience: AUDIENCE,
          accessTokenFormat: 'jwt',
          jwt: { sign: { alg: 'ES256' } },
        }),
      },
    },
  })
  // The site has whatever port is free when it starts, which is after this.
  made.Client.prototype.redirectUriAllowed = function redirectUriAllowed(uri) {
    return this.clientId === SITE_CLIENT.clientId
      ? /^http:\/\/localhost:\d+\/auth\/callback\/acme$/.test(uri)
      : this.redirectUris?.includes(uri) === true
  }
  return made
}

interface SignIn {
  readonly subject: string
  readonly clientId?: ClientId
  /** Asks for the password although there is a session. */
  readonly again?: true
}

/** Somebody with a browser without a window, and the session that it has at the provider. */
function visitorOf(issuer: string) {
  const visit = browser(issuer)

  /** Signs in and agrees, as far as they are asked. @returns where they are sent in the end */
  async function arrive(address: string, subject: string): Promise<string> {
    let page = await visit(address)
    while (page.form) page = await page.form({ login: subject, password: 'any' })
    return page.url
  }

  return {
    arrive,
    /** The authorization code flow with PKCE, through the forms that the provider has for development. */
    async signIn({ subject, clientId = 'front-end', again }: SignIn): Promise<Tokens> {
      const verifier = randomBytes(32).toString('base64url')
      const asked = new URLSearchParams({
        client_id: clientId,
        response_type: 'code',
        redirect_uri: back(clientId),
        scope: 'openid profile email members',
        resource: RESOURCE,
        code_challenge: createHash('sha256').update(verifier).digest('base64url'),
        code_challenge_method: 'S256',
        ...(again && { prompt: 'login' }),
      })
      const url = await arrive(`${issuer}/auth?${asked}`, subject)
      return tokensFor(issuer, {
        grant_type: 'authorization_code',
        client_id: clientId,
        redirect_uri: back(clientId),
        code: new URL(url).searchParams.get('code') ?? '',
        code_verifier: verifier,
        resource: RESOURCE,
      })
    },
    /** @param everywhere whether they say so when they are asked, or leave the asking client only */
    async signOut({ id_token: hint }: Tokens, everywhere = true): Promise<void> {
      const page = await visit(
        `${issuer}/session/end?${new URLSearchParams({ id_token_hint: hint })}`,
      )
      await page.form?.(everywhere ? { logout: 'yes' } : {})
    },
  }
}

async function tokensFor(issuer: string, body: Readonly<Record<string, string>>): Promise<Tokens> {
  const answer = await fetch(`${issuer}/token`, {
    method: 'POST',
    body: new URLSearchParams(body),
  })
  const text = await answer.text()
  if (!answer.ok) throw new Error(text)
  return JSON.parse(text)
}

type Fields = Readonly<Record<string, string>>

interface Page {
  readonly url: string
  /** Sends its form, if it has one, with these fields besides those that are filled in. */
  readonly form: ((fields: Fields) => Promise<Page>) | undefined
}

/** Follows redirects with cookies, while they stay there. @returns a function to visit an address, which returns the last page */
function browser(site: string) {
  const cookies = new Map<string, string>()
  return async function visit(address: string, form?: Fields): Promise<Page> {
    let [url, body] = [address, form && new URLSearchParams(form)]
    while (url.startsWith(`${site}/`)) {
      const sent = [...cookies].map(([name, value]) => `${name}=${value}`).join('; ')
      const response = await fetch(url, {
        redirect: 'manual',
        headers: { Cookie: sent },
        ...(body && { method: 'POST', body }),
      })
      for (const cookie of response.headers.getSetCookie()) {
        const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(cookie) ?? []
        cookies.set(name, value)
      }
      const next = response.headers.get('Location')
      if (next === null) {
        const html = await response.text()
        if (!response.ok) throw new Error(html)
        return { url, form: formIn(html, url, visit) }
      }
      url = new URL(next, url).href
      body = undefined
    }
    return { url, form: undefined }
  }
}

function formIn(
  html: string,
  url: string,
  visit: (address: string, form: Fields) => Promise<Page>,
): Page['form'] {
  const [, action] = /<form[^>]* action="([^"]+)"/.exec(html) ?? []
  if (action === undefined) return undefined
  const filled = [...html.matchAll(/<input type="?hidden"? name="([^"]+)" value="([^"]+)"/g)]
  const hidden = Object.fromEntries(filled.map(([, name = '', value = '']) => [name, value]))
  return async (fields) => visit(new URL(action, url).href, { ...hidden, ...fields })
}
