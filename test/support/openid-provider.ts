/**
 * An OpenID provider as far as signing in goes, in place of `fetch`: a code is good once, for the client and
 * address it was asked for with, and only with the fitting PKCE verifier (RFC 7636).
 */
import { exportJWK, generateKeyPair, type JWTPayload, SignJWT } from 'jose'
import { onTestFinished, vi } from 'vitest'

export const OPENID = {
  issuer: 'https://login.acme.example',
  clientId: 'the-site',
  clientSecret: 'known to two',
} as const

const { publicKey, privateKey } = await generateKeyPair('ES256', { extractable: true })
const jwk = { ...(await exportJWK(publicKey)), kid: 'acme-1', alg: 'ES256', use: 'sig' }

/** Settings of a site that trusts it and lets people sign in with it. */
export const OPENID_SETTINGS = {
  TRUSTED_ISSUERS: JSON.stringify([
    {
      issuer: OPENID.issuer,
      audience: 'guildhall',
      jwks: { keys: [jwk] },
      logout: { clientIds: [OPENID.clientId] },
    },
  ]),
  OPENID_PROVIDERS: JSON.stringify({ acme: { ...OPENID, label: 'Acme' } }),
} as const

/** What it tells its clients of a sign-out. */
export async function logoutTokenOf(claims: JWTPayload): Promise<string> {
  const now = Math.floor(Date.now() / 1000)
  const events = { 'http://schemas.openid.net/event/backchannel-logout': {} }
  const usual = { iss: OPENID.issuer, aud: OPENID.clientId, iat: now, exp: now + 120 }
  return new SignJWT({ ...usual, events, jti: crypto.randomUUID(), ...claims })
    .setProtectedHeader({ alg: 'ES256', kid: 'acme-1', typ: 'logout+jwt' })
    .sign(privateKey)
}

export function openidProvider() {
  const grants = new Map<string, { readonly asked: URLSearchParams; readonly claims: JWTPayload }>()
  let isDown = false
  const asked: string[] = []

  async function idToken(asked: URLSearchParams, claims: JWTPayload): Promise<string> {
    const now = Math.floor(Date.now() / 1000)
    const usual = {
      iss: OPENID.issuer,
      aud: asked.get('client_id') ?? '',
      nonce: asked.get('nonce'),
      iat: now,
      exp: now + 300,
    }
    return new SignJWT({ ...usual, ...claims })
      .setProtectedHeader({ alg: 'ES256', kid: 'acme-1' })
      .sign(privateKey)
  }

  async function token(request: Request): Promise<Response> {
    const form = new URLSearchParams(new TextDecoder().decode(await request.arrayBuffer()))
    const grant = grants.get(form.get('code') ?? '')
    grants.delete(form.get('code') ?? '')
    const verifier = new TextEncoder().encode(form.get('code_verifier') ?? '')
    const digest = Buffer.from(await crypto.subtle.digest('SHA-256', verifier))
    const basic = Buffer.from(`${OPENID.clientId}:${encodeURIComponent(OPENID.clientSecret)}`)
    const sent = Buffer.from(request.headers.get('Authorization')?.slice(6) ?? '', 'base64')
    const isRight =
      decodeURIComponent(sent.toString().replaceAll('+', ' ')) ===
        decodeURIComponent(basic.toString()) &&
      grant?.asked.get('code_challenge_method') === 'S256' &&
      grant.asked.get('code_challenge') === digest.toString('base64url') &&
      grant.asked.get('redirect_uri') === form.get('redirect_uri')
    if (!grant || !isRight) return Response.json({ error: 'invalid_grant' }, { status: 400 })
    const id_token = await idToken(grant.asked, grant.claims)
    return Response.json({ access_token: 'opaque', token_type: 'Bearer', id_token })
  }

  const spy = vi.spyOn(globalThis, 'fetch').mockImplementation(async (input, init) => {
    const request = new Request(input, init)
    asked.push(request.url)
    if (isDown) return new Response('out of order', { status: 503 })
    switch (request.url) {
      case `${OPENID.issuer}/.well-known/openid-configuration`:
        return Response.json({
          issuer: OPENID.issuer,
          authorization_endpoint: `${OPENID.issuer}/authorize`,
          token_endpoint: `${OPENID.issuer}/token`,
          authorization_response_iss_parameter_supported: true,
        })
      case `${OPENID.issuer}/token`:
        return token(request)
      default:
        throw new Error(`nobody answers ${request.url}`)
    }
  })
  onTestFinished(() => spy.mockRestore())

  return {
    /** Every URL that was asked for. */
    asked,
    goDown: () => void (isDown = true),
    /** Has somebody agree. @param claims of the ID token, over the usual ones @returns where their browser is sent */
    agree(location: string | null, claims: JWTPayload): URL {
      const { searchParams: asked } = new URL(location ?? '')
      const code = crypto.randomUUID()
      grants.set(code, { asked, claims })
      const back = new URL(asked.get('redirect_uri') ?? '')
      const state = asked.get('state') ?? ''
      back.search = new URLSearchParams({ code, state, iss: OPENID.issuer }).toString()
      return back
    },
  }
}
