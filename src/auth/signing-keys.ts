/**
 * The keys of the tokens this site issues, to members and to visitors. They are in D1; each signs for
 * 30 days, is published a day before it first does, and stays published while its tokens are good.
 */
import {
  exportJWK,
  generateKeyPair,
  importJWK,
  type JSONWebKeySet,
  type JWTPayload,
  SignJWT,
} from 'jose'

const ALGORITHM = 'ES256'
export const AUDIENCE = 'guildhall'
export const TOKEN_SECONDS = 300

const DAY_MS = 86_400_000
const SIGNS_MS = 30 * DAY_MS

type Database = Pick<D1Database, 'prepare'>

interface KeyRow {
  readonly kid: string
  readonly private_jwk: string
  readonly signs_until: number
}

/** Keys that sign tokens of one kind. */
export interface KeyRing {
  readonly table: 'signing_keys' | 'visitor_keys'
  /** How long keys stay published after they have signed the last time: no shorter than a token lives. */
  readonly publishedForMs: number
}

const MEMBER_KEYS: KeyRing = { table: 'signing_keys', publishedForMs: DAY_MS }

/** What `/.well-known/jwks.json` serves and the API verifies with; never the private half. */
export async function publicKeys(
  db: Database,
  now: number,
  { table, publishedForMs } = MEMBER_KEYS,
): Promise<JSONWebKeySet> {
  const { results } = await db
    .prepare(`select kid, public_jwk from ${table} where signs_until > ? order by signs_until`)
    .bind(now - publishedForMs)
    .all<{ kid: string; public_jwk: string }>()
  return {
    keys: results.map(({ kid, public_jwk }) => ({
      ...JSON.parse(public_jwk),
      kid,
      alg: ALGORITHM,
      use: 'sig',
    })),
  }
}

export interface TokenOptions {
  readonly issuer: string
  /** Encrypts the private halves; undefined for keys that are worth nothing to who can read D1. */
  readonly secret: string | undefined
  /** Milliseconds since the epoch. */
  readonly now: number
  readonly seconds?: number
  readonly audience?: string
  readonly ring?: KeyRing
}

/** A token of this site for its own API. */
export async function signToken(
  db: Database,
  claims: JWTPayload & { readonly sub: string },
  {
    issuer,
    secret,
    now,
    seconds = TOKEN_SECONDS,
    audience = AUDIENCE,
    ring = MEMBER_KEYS,
  }: TokenOptions,
): Promise<string> {
  const { kid, private_jwk: sealed } = await signingKey(db, ring, secret, now)
  const jwk = JSON.parse(secret === undefined ? sealed : await unseal(sealed, secret, kid))
  const issuedAt = Math.floor(now / 1000)
  return new SignJWT(claims)
    .setProtectedHeader({ alg: ALGORITHM, typ: 'JWT', kid })
    .setIssuer(issuer)
    .setAudience(audience)
    .setIssuedAt(issuedAt)
    .setExpirationTime(issuedAt + seconds)
    .sign(await importJWK(jwk, ALGORITHM))
}

async function signingKey(
  db: Database,
  ring: KeyRing,
  secret: string | undefined,
  now: number,
): Promise<KeyRow> {
  const current = await keyFor(db, ring, now)
  if (current && current.signs_until > now + DAY_MS) return current
  // Whatever happens at once elsewhere: the unique end of the term lets only one successor in.
  const from = current?.signs_until ?? now
  await insertKey(db, ring, secret, from, current ? from + SIGNS_MS : firstTerm(now))
  const made = current ?? (await keyFor(db, ring, now))
  if (!made) throw new Error('there is no key to sign with')
  return made
}

/** The same for everybody who finds no key at about the same time. */
function firstTerm(now: number): number {
  return Math.ceil((now + SIGNS_MS) / DAY_MS) * DAY_MS
}

function keyFor(db: Database, { table }: KeyRing, now: number): Promise<KeyRow | null> {
  return db
    .prepare(
      `select kid, private_jwk, signs_until from ${table}
       where signs_from <= ?1 and signs_until > ?1 order by signs_until limit 1`,
    )
    .bind(now)
    .first<KeyRow>()
}

async function insertKey(
  db: Database,
  { table }: KeyRing,
  secret: string | undefined,
  from: number,
  until: number,
): Promise<void> {
  const { publicKey, privateKey } = await generateKeyPair(ALGORITHM, { extractable: true })
  const kid = crypto.randomUUID()
  const jwk = JSON.stringify(await exportJWK(privateKey))
  const sealed = secret === undefined ? jwk : await seal(jwk, secret, kid)
  await db
    .prepare(
      `insert into ${table} (kid, public_jwk, private_jwk, signs_from, signs_until)
       values (?, ?, ?, ?, ?) on conflict do nothing`,
    )
    .bind(kid, JSON.stringify(await exportJWK(publicKey)), sealed, from, until)
    .run()
}

/** AES-256-GCM; the key id is authenticated, so that rows cannot be swapped. */
async function seal(text: string, secret: string, kid: string): Promise<string> {
  const iv = crypto.getRandomValues(new Uint8Array(12))
  const bytes = await crypto.subtle.encrypt(
    { name: 'AES-GCM', iv, additionalData: utf8(kid) },
    await sealingKey(secret),
    utf8(text),
  )
  return `${Buffer.from(iv).toString('base64url')}.${Buffer.from(bytes).toString('base64url')}`
}

async function unseal(sealed: string, secret: string, kid: string): Promise<string> {
  const [iv = '', bytes = ''] = sealed.split('.')
  const text = await crypto.subtle.decrypt(
    { name: 'AES-GCM', iv: Buffer.from(iv, 'base64url'), additionalData: utf8(kid) },
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
