import { env } from 'cloudflare:workers'
import { decodeJwt } from 'jose'
import { CLIENT_ID, ISSUER } from './site.ts'

/** Makes all identities look as if they had been linked `ms` milliseconds ago. */
export async function aged(ms: number): Promise<void> {
  const at = new Date(Date.now() - ms).toISOString()
  await env.DB.prepare('update identities set created_at = ?').bind(at).run()
}

/** An ID token about the bearer of an access token, or about a stranger. */
export function idTokenFor(
  token: string | undefined,
  claims: Readonly<Record<string, unknown>> = {},
): Promise<string> {
  const sub = token === undefined ? 'stranger' : decodeJwt(token).sub
  return ISSUER.sign({ aud: CLIENT_ID, sub, ...claims })
}
