/** Base64url as RFC 7515 section 2 means it: one spelling for each sequence of bytes. */
import { base64url } from 'jose'

/** Undefined for padding, foreign characters and set bits behind the last byte. */
export function decodeBase64url(text: string): Uint8Array | undefined {
  try {
    const bytes = base64url.decode(text)
    return base64url.encode(bytes) === text ? bytes : undefined
  } catch {
    return undefined
  }
}
