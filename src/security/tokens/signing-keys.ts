/**
 * The keys of the tokens this site issues, to members, to visitors and to the origin of its pages, and of the
 * heads of its audit log. They are in D1; each signs for
 * 30 days and is published while its tokens are good, all but the first a day before they sign. A key
 * is used only with the secret it was made with: after a change of the secret there is a new one.
 */
import {
  exportJWK,
  generateKeyPair,
  importJWK,
  type JSONWebKeySet,
  type JWTPayload,
  SignJWT,
} from 'jose'
import { countCall } from '../../log.ts'
import { nameOfSecret, seal, unseal } from './sealing.ts'

export const ALGORITHM = 'ES256'
const DAY_MS = 86_400_000
const SIGNS_MS = 30 * DAY_MS

type Database = Pick<D1Database, 'prepare'>

/** Keys that sign what is of one kind, and nothing but that. */
export interface KeyUse {
  readonly use: 'member' | 'visitor' | 'page' | 'audit'
  /** How long keys stay published after they have signed the last time: no shorter than a token usually lives. */
  readonly publishedForMs: number
}

/** Keys of tokens for this site's own API. */
export interface KeySet extends KeyUse {
  /** The audience of its tokens, so that neither kind can pass for the other. */
  readonly audience: string
  readonly tokenSeconds: number
}

export const MEMBER_KEYS = {
  use: 'member',
  audience: 'guildhall',
  tokenSeconds: 300,
  publishedForMs: DAY_MS,
} as const satisfies KeySet

export const VISITOR_KEYS = {
  use: 'visitor',
  audience: 'guildhall-visitors',
  tokenSeconds: 30 * 86_400,
  publishedForMs: 31 * DAY_MS,
} as const satisfies KeySet

/** Keys of assertions, which say to the origin of a page who opens it and are good for nothing here. */
export const PAGE_KEYS = { use: 'page', publishedForMs: DAY_MS } as const satisfies KeyUse

/** Keys of the heads that seal the audit log. They stay published: what they signed is to verify for years. */
export const AUDIT_KEYS = {
  use: 'audit',
  publishedForMs: Number.MAX_SAFE_INTEGER,
} as const satisfies KeyUse

/** What the API verifies with; never the private half. @param now milliseconds since the epoch */
export async function publicKeys(
  db: Database,
  { use, publishedForMs }: KeyUse,
  now: number,
): Promise<JSONWebKeySet> {
  countCall('d1')
  const { results } = await db
    .prepare(
      `select kid, public_jwk from token_keys where use = ? and max(signs_until, tokens_until) > ?
       order by signs_until`,
    )
    .bind(use, now - publishedForMs)
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
  readonly keySet: KeySet
  readonly issuer: string
  /** Encrypts the private halves; undefined for keys that are worth little to who can read D1. */
  readonly secret: string | undefined
  /** Milliseconds since the epoch. */
  readonly now: number
  /** Until when it has to be good at least (milliseconds), if that is longer than its usual time. */
  readonly until?: number | undefined
}

/** A token of this site for its own API, and until when it is good (milliseconds since the epoch). */
export async function signToken(
  db: Database,
  claims: JWTPayload & { readonly sub: string },
  { keySet, issuer, secret, now, until = 0 }: TokenOptions,
): Promise<{ readonly token: string; readonly expiresAt: number }> {
  const { kid, key } = await loadSigningKey(db, keySet, secret, now)
  const issuedAt = Math.floor(now / 1000)
  const usual = issuedAt + keySet.tokenSeconds
  const expiresAt = Math.max(usual, Math.ceil(until / 1000))
  // The key is published for as long before anybody has the token.
  if (expiresAt > usual) await keepPublished(db, kid, expiresAt * 1000)
  const token = await new SignJWT(claims)
    .setProtectedHeader({ alg: ALGORITHM, typ: 'JWT', kid })
    .setIssuer(issuer)
    .setAudience(keySet.audience)
    .setIssuedAt(issuedAt)
    .setExpirationTime(expiresAt)
    .sign(key)
  return { token, expiresAt: expiresAt * 1000 }
}

/** A key with which something can be signed. */
export interface SigningKey {
  readonly kid: string
  readonly key: Awaited<ReturnType<typeof importJWK>>
  readonly publicJwk: unknown
  /** Milliseconds since the epoch. */
  readonly signsUntil: number
}

/** The key that signs now; it is made if there is none. @param now milliseconds since the epoch */
export async function loadSigningKey(
  db: Database,
  use: KeyUse,
  secret: string | undefined,
  now: number,
): Promise<SigningKey> {
  const {
    kid,
    private_jwk: sealed,
    public_jwk,
    signs_until,
  } = await signingKey(db, use, secret, now)
  const jwk = JSON.parse(await unseal(sealed, secret, kid))
  const key = await importJWK(jwk, ALGORITHM)
  return { kid, key, publicJwk: JSON.parse(public_jwk), signsUntil: signs_until }
}

async function keepPublished(db: Database, kid: string, until: number): Promise<void> {
  countCall('d1')
  await db
    .prepare(`update token_keys set tokens_until = max(tokens_until, ?) where kid = ?`)
    .bind(until, kid)
    .run()
}

interface KeyRow {
  readonly kid: string
  readonly private_jwk: string
  readonly public_jwk: string
  readonly signs_until: number
  /** When the last key that exists so far stops signing. */
  readonly last_until: number
}

/** Keys with one use that were made with one secret. */
interface SealedSet {
  readonly use: KeyUse['use']
  readonly secret: string | undefined
  /** `secret` by its name. */
  readonly sealedBy: string
}

async function signingKey(
  db: Database,
  { use }: KeyUse,
  secret: string | undefined,
  now: number,
): Promise<KeyRow> {
  const sealedSet = { use, secret, sealedBy: await nameOfSecret(secret) }
  const current = await keyFor(db, sealedSet, now)
  if (current && current.last_until > now + DAY_MS) return current
  // Whatever happens at once elsewhere: the unique end of the term lets only one successor in.
  // The first one has begun a while ago: whoever asks with an earlier clock has to find it.
  const from = current?.signs_until ?? now - DAY_MS
  await insertKey(db, sealedSet, from, current ? from + SIGNS_MS : firstTerm(now))
  const made = current ?? (await keyFor(db, sealedSet, now))
  if (!made) throw new Error('there is no key to sign with')
  return made
}

/** The end of the first term, which is equal for everybody who finds no key at about the same time. */
function firstTerm(now: number): number {
  return Math.ceil((now + SIGNS_MS) / DAY_MS) * DAY_MS
}

function keyFor(db: Database, { use, sealedBy }: SealedSet, now: number): Promise<KeyRow | null> {
  countCall('d1')
  return db
    .prepare(
      `select kid, private_jwk, public_jwk, signs_until, (select max(signs_until) from token_keys
         where use = ?1 and sealed_by = ?2) as last_until
       from token_keys
       where use = ?1 and sealed_by = ?2 and signs_from <= ?3 and signs_until > ?3
       order by signs_until limit 1`,
    )
    .bind(use, sealedBy, now)
    .first<KeyRow>()
}

async function insertKey(
  db: Database,
  { use, secret, sealedBy }: SealedSet,
  from: number,
  until: number,
): Promise<void> {
  const { publicKey, privateKey } = await generateKeyPair(ALGORITHM, { extractable: true })
  const kid = crypto.randomUUID()
  const publicJwk = JSON.stringify(await exportJWK(publicKey))
  const privateJwk = await seal(JSON.stringify(await exportJWK(privateKey)), secret, kid)
  countCall('d1')
  await db
    .prepare(
      `insert into token_keys
         (kid, use, sealed_by, public_jwk, private_jwk, signs_from, signs_until)
       values (?, ?, ?, ?, ?, ?, ?) on conflict do nothing`,
    )
    .bind(kid, use, sealedBy, publicJwk, privateJwk, from, until)
    .run()
}
