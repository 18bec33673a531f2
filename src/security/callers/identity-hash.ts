/** What stands for an identity where its issuer and subject must not be written. */
export interface IdentityHash {
  /** SHA-256 of issuer and subject, in hexadecimal. */
  readonly identityHash: string
  /** 32 bits of it, to choose a shard by. */
  readonly shardHash: number
}

export async function identityHashOf(issuer: string, subject: string): Promise<IdentityHash> {
  const text = new TextEncoder().encode(`${issuer}\n${subject}`)
  const digest = new Uint8Array(await crypto.subtle.digest('SHA-256', text))
  return {
    identityHash: Array.from(digest, (byte) => byte.toString(16).padStart(2, '0')).join(''),
    shardHash: new DataView(digest.buffer).getUint32(0),
  }
}
