/**
 * GitHub and Google as far as signing in goes, in place of `fetch`. A code is good once, for the
 * client and address it was asked for with, and only with the fitting PKCE verifier (RFC 7636).
 */
import { generateKeyPair, SignJWT } from 'jose'
import { onTestFinished, vi } from 'vitest'

export const PROVIDERS = {
  github: { clientId: 'guildhall-github', clientSecret: 'github-secret' },
  google: { clientId: 'guildhall-google', clientSecret: 'google-secret' },
} as const
type ProviderName = keyof typeof PROVIDERS

/** Somebody who is signed in at the provider. */
export interface Person {
  readonly id: string
  readonly name: string
  readonly email: string
  readonly isVerified: boolean
}

interface Grant {
  readonly person: Person
  readonly asked: URLSearchParams
}

const { privateKey } = await generateKeyPair('RS256')

export function socialProvider() {
  const grants = new Map<string, Grant>()
  let isDown = false

  async function token(body: URLSearchParams, provider: ProviderName): Promise<Response> {
    const code = body.get('code') ?? ''
    const grant = grants.get(code)
    grants.delete(code)
    const { clientId, clientSecret } = PROVIDERS[provider]
    const isRight =
      grant?.asked.get('redirect_uri') === body.get('redirect_uri') &&
      grant?.asked.get('code_challenge') === (await challenge(body.get('code_verifier') ?? '')) &&
      grant?.asked.get('client_id') === clientId &&
      body.get('client_id') === clientId &&
      body.get('client_secret') === clientSecret
    if (!isRight || !grant) return Response.json({ error: 'invalid_grant' }, { status: 400 })
    const { person, asked } = grant
    const access_token = Buffer.from(JSON.stringify(person)).toString('base64url')
    const given = { access_token, token_type: 'bearer', scope: asked.get('scope') ?? '' }
    if (provider === 'github') return Response.json(given)
    return Response.json({ ...given, id_token: await signIdToken(person, asked) })
  }

  function signIdToken({ id, name, email, isVerified }: Person, asked: URLSearchParams) {
    const nonce = asked.get('nonce') ?? undefined
    const claims = { sub: id, name, email, email_verified: isVerified, picture: '', nonce }
    return new SignJWT({ ...claims, aud: PROVIDERS.google.clientId })
      .setProtectedHeader({ alg: 'RS256', kid: 'google-1' })
      .setIssuer('https://accounts.google.com')
      .setIssuedAt()
      .setExpirationTime('1h')
      .sign(privateKey)
  }

  const spy = vi.spyOn(globalThis, 'fetch').mockImplementation(async (input, init) => {
    const request = new Request(input, init)
    if (isDown) return new Response('out of order', { status: 503 })
    const form = async () =>
      new URLSearchParams(new TextDecoder().decode(await request.arrayBuffer()))
    switch (request.url) {
      case 'https://github.com/login/oauth/access_token':
        return token(await form(), 'github')
      case 'https://oauth2.googleapis.com/token':
        return token(await form(), 'google')
      case 'https://api.github.com/user': {
        const { id, name, email } = bearer(request)
        return Response.json({ id: Number(id), login: 'login', name, email, avatar_url: null })
      }
      case 'https://api.github.com/user/emails': {
        const { email, isVerified } = bearer(request)
        return Response.json([{ email, primary: true, verified: isVerified }])
      }
      default:
        throw new Error(`nobody answers ${request.url}`)
    }
  })
  onTestFinished(() => spy.mockRestore())

  return {
    goDown: () => void (isDown = true),
    /** Has the person agree. @returns where the provider sends their browser */
    agree(location: string | null, person: Person): string {
      const { searchParams: asked } = new URL(location ?? '')
      const code = crypto.randomUUID()
      grants.set(code, { person, asked })
      const back = new URL(asked.get('redirect_uri') ?? '')
      back.search = new URLSearchParams({ code, state: asked.get('state') ?? '' }).toString()
      return back.href
    },
  }
}

function bearer(request: Request): Person {
  const [, token = ''] = /^Bearer (.+)$/.exec(request.headers.get('Authorization') ?? '') ?? []
  return JSON.parse(Buffer.from(token, 'base64url').toString())
}

async function challenge(verifier: string): Promise<string> {
  const digest = await crypto.subtle.digest('SHA-256', new TextEncoder().encode(verifier))
  return Buffer.from(digest).toString('base64url')
}
