/** Texts that only who knows the site's secret can read: the private halves of its signing keys. */
import { decrypt, encrypt, NONCE_BYTES } from '../../crypto/aes-gcm.ts'
import { sha256 } from '../../crypto/digest.ts'

/** Names a secret without giving it away, so that a text sealed with another one is not tried. */
export async function nameOfSecret(secret: string | undefined): Promise<string> {
  if (secret === undefined) return 'nothing'
  return (await sha256(`guildhall sealed by\n${secret}`)).slice(0, 16)
}

/** `about` is authenticated, so that rows cannot be swapped. Without a secret, as it is. */
export async function seal(text: string, secret: string | undefined, about: string) {
  if (secret === undefined) return text
  const bytes = Buffer.from(await encrypt(text, await sealingKey(secret), about))
  const parts = [bytes.subarray(0, NONCE_BYTES), bytes.subarray(NONCE_BYTES)]
  return parts.map((part) => part.toString('base64url')).join('.')
}

/** What `seal` was given. @throws OperationError for another secret, or another `about` */
export async function unseal(sealed: string, secret: string | undefined, about: string) {
  if (secret === undefined) return sealed
  const parts = sealed.split('.').map((part) => Buffer.from(part, 'base64url'))
  return decrypt(Buffer.concat(parts), await sealingKey(secret), about)
}

async function sealingKey(secret: string): Promise<CryptoKey> {
  const root = await crypto.subtle.importKey('raw', utf8(secret), 'HKDF', false, ['deriveKey'])
  return crypto.subtle.deriveKey(
    { name: 'HKDF', hash: 'SHA-256', salt: new Uint8Array(), info: utf8('guildhall signing keys') },
    root,
    { name: 'AES-GCM', length: 256 },
    false,
    ['encrypt', 'decrypt'],
  )
}

function utf8(text: string) {
  return new TextEncoder().encode(text)
}
