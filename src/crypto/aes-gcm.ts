/** Text that only who has the key can read, and nobody can change: AES-GCM under a nonce of its own. */

export const NONCE_BYTES = 12

/** @param about authenticated and not kept, so that one text cannot pass for another @returns nonce and all */
export async function encrypt(text: string, key: CryptoKey, about = ''): Promise<Uint8Array> {
  const iv = crypto.getRandomValues(new Uint8Array(NONCE_BYTES))
  const sealed = await crypto.subtle.encrypt(paramsOf(iv, about), key, utf8(text))
  return new Uint8Array([...iv, ...new Uint8Array(sealed)])
}

/** What `encrypt` was given. @throws OperationError for another key, or another `about` */
export async function decrypt(bytes: Uint8Array, key: CryptoKey, about = ''): Promise<string> {
  const [iv, sealed] = [bytes.slice(0, NONCE_BYTES), bytes.slice(NONCE_BYTES)]
  const text = await crypto.subtle.decrypt(paramsOf(iv, about), key, sealed)
  return new TextDecoder().decode(text)
}

function paramsOf(iv: Uint8Array<ArrayBuffer>, about: string) {
  return { name: 'AES-GCM', iv, additionalData: utf8(about) }
}

function utf8(text: string) {
  return new TextEncoder().encode(text)
}
