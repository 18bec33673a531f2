/** Texts that only who knows the site's secret can read: the private halves of its signing keys. */
import { sha256 } from '../security/digest.ts'

/** Names a secret without giving it away, so that a text sealed with another one is not tried. */
export async function nameOfSecret(secret: string | undefined): Promise<string> {
  if (secret === undefined) return 'nothing'
  return (await sha256(`guildhall sealed by\n${secret}`)).slice(0, 16)
}

/** AES-256-GCM; `about` is authenticated, so that rows cannot be swapped. Without a secret, as it is. */
export async function seal(text: string, secret: string | undefined, about: string) {
  if (secret === undefined) return text
  const iv = crypto.getRandomValues(new Uint8Array(12))
  const bytes = await crypto.subtle.encrypt(
    { name: 'AES-GCM', iv, additionalData: utf8(about) },
    await sealingKey(secret),
    utf8(text),
  )
  return `${Buffer.from(iv).toString('base64url')}.${Buffer.from(bytes).toString('base64url')}`
}

/** What `seal` was given. @throws OperationError for another secret, or another `about` */
export async function unseal(sealed: string, secret: string | undefined, about: string) {
  if (secret === undefined) return sealed
  const [iv = '', bytes = ''] = sealed.split('.')
  const text = await crypto.subtle.decrypt(
    { name: 'AES-GCM', iv: Buffer.from(iv, 'base64url'), additionalData: utf8(about) },
    await sealingKey(secret),
    Buffer.from(bytes, 'base64url'),
  )
  return new TextDecoder().decode(text)
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
