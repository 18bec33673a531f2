/** An identity provider that nobody here wrote, and people who sign in to it in a browser without a window. */
import { createHash, randomBytes } from 'node:crypto'
import { createServer } from 'node:http'
import { exportJWK, generateKeyPair } from 'jose'
import { Provider } from 'oidc-provider'
import { afterAll, beforeAll } from 'vitest'

/** Clients with a front end each. */
type ClientId = 'front-end' | 'elsewhere'

/** The client that the site itself is, when people sign in to it with this provider. */
export const SITE_CLIENT = { clientId: 'the-site', clientSecret: 'known to two' } as const

export interface Tokens {
  readonly id_token: string
  readonly access_token: string
}

const RESOURCE = 'https://members.example'
const AUDIENCE = 'guildhall'
const back = (clientId: string) => `https://${clientId}.example/back`

/** What is known there of everybody who signs in. */
const PERSON = { name: 'Ada Lovelace', email: 'ada@example.com', email_verified: true }

/** One provider for all tests of a file. @returns how to trust it, and to sign in to it */
export function oidcProvider() {
  const server = createServer()
  let issuer = ''
  beforeAll(async () => {
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const address = server.address()
    if (address === null || typeof address === 'string') throw new Error('it has no port')
    issuer = `http://127.0.0.1:${address.port}`
    const answer = (await provider(issuer)).callback()
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
    }),
    signIn: async (subject: string, clientId: ClientId = 'front-end') =>
      signIn(issuer, subject, clientId),
    /** Has somebody sign in who was sent there, and agree. @returns where they are sent back to */
    arrive: async (url: string, subject: string) => agree(browser(issuer), url, subject),
    /** What its userinfo says to the bearer of an access token. */
    userinfo: async ({ access_token: token }: Tokens) =>
      fetch(`${issuer}/me`, { headers: { Authorization: `Bearer ${token}` } }),
  }
}

async function provider(issuer: string): Promise<Provider> {
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
      })),
      {
        client_id: SITE_CLIENT.clientId,
        client_secret: SITE_CLIENT.clientSecret,
        redirect_uris: ['https://the-site.example/auth/callback/acme'],
        id_token_signed_response_alg: 'ES256',
      },
    ],
    findAccount: (_, accountId) => ({
      accountId,
      claims: () => ({ sub: accountId, ...PERSON }),
    }),
    claims: { openid: ['sub'], profile: ['name'], email: ['email', 'email_verified'] },
    features: {
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

/** The authorization code flow with PKCE. */
async function signIn(issuer: string, subject: string, clientId: ClientId): Promise<Tokens> {
  const verifier = randomBytes(32).toString('base64url')
  const asked = new URLSearchParams({
    client_id: clientId,
    response_type: 'code',
    redirect_uri: back(clientId),
    scope: 'openid profile email members',
    resource: RESOURCE,
    code_challenge: createHash('sha256').update(verifier).digest('base64url'),
    code_challenge_method: 'S256',
  })
  const done = new URL(await agree(browser(issuer), `${issuer}/auth?${asked}`, subject))
  const answer = await fetch(`${issuer}/token`, {
    method: 'POST',
    body: new URLSearchParams({
      grant_type: 'authorization_code',
      client_id: clientId,
      redirect_uri: back(clientId),
      code: done.searchParams.get('code') ?? '',
      code_verifier: verifier,
      resource: RESOURCE,
    }),
  })
  const text = await answer.text()
  if (!answer.ok) throw new Error(text)
  return JSON.parse(text)
}

/** Through the forms that it has for development. @returns where the browser is sent in the end */
async function agree(visit: ReturnType<typeof browser>, url: string, subject: string) {
  const login = await visit(url)
  const consent = await visit(login, { prompt: 'login', login: subject, password: 'any' })
  return visit(consent, { prompt: 'consent' })
}

/** Follows redirects with cookies, while they stay there. @returns a function to visit an address, which returns the last one */
function browser(site: string) {
  const cookies = new Map<string, string>()
  return async (address: string, form?: Readonly<Record<string, string>>): Promise<string> => {
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
        if (!response.ok) throw new Error(await response.text())
        return url
      }
      url = new URL(next, url).href
      body = undefined
    }
    return url
  }
}
