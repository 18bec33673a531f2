/** What the built-in login needs on this machine: a secret of its own, and an address. */
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { SECRETS } from './state.ts'

/** Stands for whatever port the site gets. */
export const ANY_PORT = 'http://localhost'

/** Made once per state directory, for its cookies and signing keys to outlive a restart. */
export function authSecret(stateDir: string): string {
  const file = join(stateDir, SECRETS.authSecret)
  try {
    const secret = Buffer.from(crypto.getRandomValues(new Uint8Array(32))).toString('base64url')
    writeFileSync(file, secret, { mode: 0o600, flag: 'wx' })
    return secret
  } catch {
    return readFileSync(file, 'utf8')
  }
}

export function loginAt(url: string, { PUBLIC_URL }: Readonly<Record<string, string>>) {
  return PUBLIC_URL === ANY_PORT ? { PUBLIC_URL: url } : {}
}
