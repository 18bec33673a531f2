/** SHA-256 for fingerprints, in base64url. */
import { base64url } from 'jose'

export async function sha256(text: string): Promise<string> {
  const digest = await crypto.subtle.digest('SHA-256', new TextEncoder().encode(text))
  return base64url.encode(new Uint8Array(digest))
}

/** HMAC-SHA-256 as base64url: says nothing of the text to whoever has not got the secret. */
export async function keyedHash(secret: string, text: string): Promise<string> {
  const utf8 = new TextEncoder()
  const algorithm = { name: 'HMAC', hash: 'SHA-256' }
  const key = await crypto.subtle.importKey('raw', utf8.encode(secret), algorithm, false, ['sign'])
  const hash = await crypto.subtle.sign('HMAC', key, utf8.encode(text))
  return Buffer.from(hash).toString('base64url')
}
