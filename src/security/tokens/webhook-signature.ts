/**
 * The signature of Standard Webhooks, symmetric: HMAC-SHA256 over id, time and body. It is ten lines of
 * WebCrypto here; partners verify it with the libraries there are, and so do the tests.
 */
import { nameOfSecret, seal, unseal } from './sealing.ts'

export interface SealedSecret {
  readonly sealed: string
  /** The name of what it is sealed with. */
  readonly sealedBy: string
  /** Until when it signs beside the one after it, in milliseconds since the epoch; null for the current one. */
  readonly until: number | null
}

const PREFIX = 'whsec_'
const BYTES = 32

/** A new secret as its holder gets it: base64 of the standard alphabet, which the libraries expect. */
export function newWebhookSecret(): string {
  return `${PREFIX}${Buffer.from(crypto.getRandomValues(new Uint8Array(BYTES))).toString('base64')}`
}

/** @param about the id of the webhook, so that no row works with the secret of another */
export async function sealSecret(
  secret: string,
  authSecret: string | undefined,
  about: string,
): Promise<SealedSecret> {
  const sealed = await seal(secret, authSecret, aboutWebhook(about))
  return { sealed, sealedBy: await nameOfSecret(authSecret), until: null }
}

/** @returns undefined for one that was sealed under another secret of the site */
async function unsealSecret(
  { sealed, sealedBy }: SealedSecret,
  authSecret: string | undefined,
  about: string,
): Promise<string | undefined> {
  if (sealedBy !== (await nameOfSecret(authSecret))) return undefined
  return unseal(sealed, authSecret, aboutWebhook(about))
}

function aboutWebhook(id: string): string {
  return `secret of ${id}`
}

/**
 * The secrets that sign now, the current one first; undefined if that cannot be read.
 * @param now milliseconds since the epoch
 */
export async function signingSecrets(
  secrets: readonly SealedSecret[],
  { authSecret, about, now }: { authSecret: string | undefined; about: string; now: number },
): Promise<readonly string[] | undefined> {
  const [current, ...earlier] = secrets.filter(({ until }) => until === null || until > now)
  const first = current && (await unsealSecret(current, authSecret, about))
  if (first === undefined) return undefined
  const others = await Promise.all(
    earlier.map(async (each) => unsealSecret(each, authSecret, about)),
  )
  return [first, ...others.filter((each) => each !== undefined)]
}

/** The fields by which a receiver knows who sends. @param now milliseconds since the epoch */
export async function signedFields(
  { id, body }: { readonly id: string; readonly body: string },
  secrets: readonly string[],
  now: number,
): Promise<Record<string, string>> {
  const timestamp = String(Math.floor(now / 1000))
  const signatures = secrets.map(async (secret) => sign(secret, `${id}.${timestamp}.${body}`))
  return {
    'webhook-id': id,
    'webhook-timestamp': timestamp,
    'webhook-signature': (await Promise.all(signatures)).join(' '),
  }
}

async function sign(secret: string, text: string): Promise<string> {
  const bytes = Buffer.from(secret.slice(PREFIX.length), 'base64')
  const hmac = { name: 'HMAC', hash: 'SHA-256' }
  const key = await crypto.subtle.importKey('raw', bytes, hmac, false, ['sign'])
  const signature = await crypto.subtle.sign('HMAC', key, new TextEncoder().encode(text))
  return `v1,${Buffer.from(signature).toString('base64')}`
}
