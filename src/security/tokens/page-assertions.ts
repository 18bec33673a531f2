/**
 * Assertions: what the origin of a page is told about who opens it, so that it need not take anybody's
 * word but this site's. Each is about one request, for a minute, and is no credential of this API.
 */
import { waitUntil } from 'cloudflare:workers'
import { SignJWT } from 'jose'
import { describeError, log } from '../../log.ts'
import type { PagesSettings } from '../../settings/pages.ts'
import { actorRef, type Caller } from '../actor.ts'
import { roleNamesOf } from '../held-roles.ts'
import type { CanonicalPath } from '../pages/canonical-path.ts'
import { ALGORITHM, loadSigningKey, PAGE_KEYS, type SigningKey } from './signing-keys.ts'

export const ASSERTION_TYPE = 'guildhall-assertion+jwt'
const ASSERTION_SECONDS = 60

/** How long the key is used before it is looked up once more; there is a new one a day before it is needed. */
const FRESH_MS = 600_000

type Database = Pick<D1Database, 'prepare'>

/** What is asserted. */
export interface OpenedPage {
  readonly caller: Caller
  /** The rule that let them through; undefined if none is about the page. */
  readonly rule: string | undefined
  readonly method: string
  /** The path as it is sent to the origin. */
  readonly path: CanonicalPath
  /** The origin. */
  readonly audience: string
}

export function assertionIssuer({ publicUrl }: Pick<PagesSettings, 'publicUrl'>): string {
  return `${publicUrl}/pages`
}

/** @param now milliseconds since the epoch */
export async function signAssertion(
  db: Database,
  pages: PagesSettings,
  { caller, rule, method, path, audience }: OpenedPage,
  now: number,
): Promise<string> {
  const { kid, key } = await keyFor(db, pages, now)
  const issuedAt = Math.floor(now / 1000)
  // Whoever is suspended may nothing here, so an origin that goes by roles gives them nothing either.
  const isActive = caller.kind === 'member' && caller.status === 'active'
  const roles = isActive ? roleNamesOf(caller) : []
  const about = { kind: caller.kind, roles, rule: rule ?? null, method, path }
  const signed = new SignJWT(about)
    .setProtectedHeader({ alg: ALGORITHM, typ: ASSERTION_TYPE, kid })
    .setIssuer(assertionIssuer(pages))
    .setAudience(audience)
    .setIssuedAt(issuedAt)
    .setExpirationTime(issuedAt + ASSERTION_SECONDS)
    .setJti(crypto.randomUUID())
  if (caller.kind !== 'anonymous') signed.setSubject(actorRef(caller))
  return signed.sign(key)
}

interface Kept extends SigningKey {
  /** Milliseconds since the epoch. */
  readonly askedAt: number
}

const kept = new WeakMap<PagesSettings, Kept>()

/** The first page of an isolate waits for D1, and none after it. */
async function keyFor(db: Database, pages: PagesSettings, now: number): Promise<SigningKey> {
  const load = async () => {
    const key = await loadSigningKey(db, PAGE_KEYS, pages.secret, now)
    kept.set(pages, { ...key, askedAt: now })
    return key
  }
  const known = kept.get(pages)
  if (!known || known.signsUntil <= now) return load()
  if (Math.abs(now - known.askedAt) >= FRESH_MS) {
    kept.set(pages, { ...known, askedAt: now })
    waitUntil(load().catch(notRenewed))
  }
  return known
}

function notRenewed(error: unknown): void {
  log('warn', 'page key not renewed', describeError(error))
}
