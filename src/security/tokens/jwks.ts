/**
 * The public keys of each trusted issuer: inline, or fetched and kept for this isolate. Keys rotate
 * without an outage, a withdrawn key is dead within a minute, and nothing is ever trusted for lack
 * of an answer.
 */
import { waitUntil } from 'cloudflare:workers'
import { createLocalJWKSet, type JSONWebKeySet } from 'jose'
import { log } from '../../log.ts'
import type { TrustedIssuer } from '../../settings/trusted-issuers.ts'
import type { Issuer } from './own-issuers.ts'
import { Problem } from '../../problem.ts'
import { FETCH_TIMEOUT_MS, type FetchedKeySet, fetchKeySet, KeySetError } from './jwks-fetch.ts'

/** jose keeps the imported `CryptoKey`s on this object, so it lives as long as its set. */
type KeySet = ReturnType<typeof createLocalJWKSet>
type RemoteIssuer = Exclude<Issuer, { jwks: unknown }>

/** A withdrawn key dies within 60 s: the age at which a set is refetched, and the refetch itself. */
const FRESH_MS = 60_000 - FETCH_TIMEOUT_MS
/** How long known keys go on when the issuer does not answer. */
const USABLE_MS = 3_600_000
/** After a fetch that failed, or that was made for a `kid` the issuer turned out not to have, none is made. */
const COOLDOWN_MS = 30_000
const FIRST_POLL_MS = 5
const LAST_POLL_MS = 80

interface KeyStore {
  current:
    | {
        readonly keys: KeySet
        readonly published: JSONWebKeySet['keys']
        readonly kids: ReadonlySet<unknown>
        readonly fetchedAt: number
      }
    | undefined
  /** What was said of keys that are left out; it is said again when it has changed. */
  ignored: string
  /** Marks who is fetching. Not a promise: a request must not wait on the I/O of another one. */
  refresh: { readonly since: number } | undefined
  failedAt: number
  /** What went wrong with the last fetch; undefined if it went well. */
  fault: string | undefined
  /** By how much the clock of the issuer was ahead of this one; undefined if it did not say. */
  skewMs: number | undefined
  /** The `kid` that the last fetch was made for in vain. */
  missed: { readonly kid: string | undefined; readonly at: number }
}

const inline = new WeakMap<object, KeySet>()
/** There are as many as configured issuers. */
const stores = new Map<string, KeyStore>()
/** Keys of this site itself, by how they are read. */
const ownStores = new WeakMap<object, KeyStore>()

/**
 * The keys to verify a token of this issuer with; the token's `kid` is among them, or was looked up
 * within the last 30 s and is not the issuer's. `now` is in milliseconds; real time passes only in the
 * fetch timeout and while waiting for the fetch of another request.
 * @throws unavailable if there has been no good set for an hour, and for a `kid` that may not be looked up
 * before the cooldown ends: it may be that of a brand-new key
 */
export async function keysOf(
  trusted: Issuer,
  kid: string | undefined,
  now: number,
): Promise<KeySet> {
  return 'jwks' in trusted ? inlineKeys(trusted.jwks) : remoteKeys(trusted, kid, now)
}

/** What this isolate knows of the keys of an issuer. Times are milliseconds since the epoch. */
export interface KeyStanding {
  /** Undefined for keys that are not fetched, or were not yet. */
  readonly fetchedAt: number | undefined
  /** What went wrong with the last fetch; it quotes nothing of the answer. */
  readonly fault: string | undefined
  /** By how much the clock of the issuer was ahead when it answered, give or take the time that took. */
  readonly skewMs: number | undefined
  readonly keys: JSONWebKeySet['keys']
}

/** After a look of the kind that a token makes: keys are fetched only where they would be for that. */
export async function keyStandingOf(trusted: TrustedIssuer, now: number): Promise<KeyStanding> {
  if ('jwks' in trusted) {
    const { keys } = trusted.jwks
    return { fetchedAt: undefined, fault: undefined, skewMs: undefined, keys }
  }
  await keysOf(trusted, undefined, now).catch(expectUnavailable)
  const { current, fault, skewMs } = storeOf(trusted)
  return { fetchedAt: current?.fetchedAt, fault, skewMs, keys: current?.published ?? [] }
}

function expectUnavailable(error: unknown): void {
  if (!(error instanceof Problem)) throw error
}

function inlineKeys(jwks: JSONWebKeySet): KeySet {
  const known = inline.get(jwks)
  if (known) return known
  const keys = createLocalJWKSet(jwks)
  inline.set(jwks, keys)
  return keys
}

async function remoteKeys(
  issuer: RemoteIssuer,
  kid: string | undefined,
  arrived: number,
): Promise<KeySet> {
  const store = storeOf(issuer)
  let now = arrived
  if (isRefreshing(store, now) && !has(store, kid, now)) now += await refreshSettled(store)
  if (mayFetch(store, kid, now)) {
    const work = refresh(store, issuer, now)
    // The caller may hang up; the others still get their keys.
    waitUntil(work)
    const isAnswered = await work
    if (isAnswered && !has(store, kid, now)) store.missed = { kid, at: now }
  }
  const { current, missed } = store
  const isUsable = current && isWithin(USABLE_MS, current.fetchedAt, now)
  const isKnownToBeMissing = missed.kid === kid && isWithin(COOLDOWN_MS, missed.at, now)
  if (isUsable && (has(store, kid, now) || isKnownToBeMissing)) return current.keys
  throw new Problem('unavailable', 'The keys to check this token with cannot be had now.', {
    retryAfter: Math.ceil(cooldown(store, now) / 1000),
  })
}

/** Milliseconds until the next fetch; the fetch of another request is as good as over. */
function cooldown({ failedAt, missed }: KeyStore, now: number): number {
  const left = [failedAt, missed.at].map((at) => COOLDOWN_MS - Math.abs(now - at))
  return Math.max(1, ...left)
}

function storeOf(issuer: RemoteIssuer): KeyStore {
  const known = 'load' in issuer ? ownStores.get(issuer.load) : stores.get(issuer.jwksUrl)
  if (known) return known
  const store: KeyStore = {
    current: undefined,
    ignored: '',
    refresh: undefined,
    failedAt: -Infinity,
    fault: undefined,
    skewMs: undefined,
    missed: { kid: undefined, at: -Infinity },
  }
  if ('load' in issuer) ownStores.set(issuer.load, store)
  else stores.set(issuer.jwksUrl, store)
  return store
}

/**
 * A `kid` that is not in the set is worth a fetch at once, or a rotation would be an outage; only
 * fetches that did not find theirs count against the next.
 */
function mayFetch(store: KeyStore, kid: string | undefined, now: number): boolean {
  if (isRefreshing(store, now) || isWithin(COOLDOWN_MS, store.failedAt, now)) return false
  if (!store.current || !isWithin(FRESH_MS, store.current.fetchedAt, now)) return true
  return !has(store, kid, now) && !isWithin(COOLDOWN_MS, store.missed.at, now)
}

function has({ current }: KeyStore, kid: string | undefined, now: number): boolean {
  if (!current || !isWithin(USABLE_MS, current.fetchedAt, now)) return false
  return kid === undefined || current.kids.has(kid)
}

/** Ends by itself, in case the request that fetches was killed by the platform. */
function isRefreshing({ refresh }: KeyStore, now: number): boolean {
  return refresh !== undefined && isWithin(FETCH_TIMEOUT_MS, refresh.since, now)
}

/**
 * The distance counts in both directions, because requests see slightly different clocks, and a
 * clock can be set back.
 */
function isWithin(span: number, since: number, now: number): boolean {
  return Math.abs(now - since) < span
}

/** Waits for the fetch of another request, at most its timeout. Returns the milliseconds waited. */
async function refreshSettled(store: KeyStore): Promise<number> {
  const { refresh } = store
  let waited = 0
  // The pauses grow, because a flood of waiting requests must not keep the isolate busy.
  for (let pause = FIRST_POLL_MS; store.refresh === refresh && waited < FETCH_TIMEOUT_MS;) {
    await new Promise((resolve) => setTimeout(resolve, pause))
    waited += pause
    pause = Math.min(2 * pause, LAST_POLL_MS)
  }
  return waited
}

/** @returns whether the issuer's answer to this fetch is what counts now */
async function refresh(store: KeyStore, trusted: RemoteIssuer, now: number): Promise<boolean> {
  const mine = { since: now }
  store.refresh = mine
  try {
    const set: JSONWebKeySet & Partial<FetchedKeySet> =
      'load' in trusted ? await trusted.load() : await fetchKeySet(trusted.jwksUrl)
    const kids = new Set<unknown>(set.keys.map(({ kid }) => kid))
    // Somebody else took over: theirs is the newer answer.
    if (store.refresh !== mine) return false
    store.current = {
      keys: createLocalJWKSet(set),
      published: set.keys,
      kids,
      fetchedAt: now,
    }
    store.fault = undefined
    store.skewMs = set.answeredAt === undefined ? undefined : set.answeredAt - now
    noteIgnored(store, trusted.issuer, set.ignored ?? [])
    return true
  } catch (error) {
    store.failedAt = now
    const reason = error instanceof KeySetError ? error.message : nameOf(error)
    store.fault = reason
    log('error', 'key set not fetched', { issuer: trusted.issuer, reason })
    return false
  } finally {
    if (store.refresh === mine) store.refresh = undefined
  }
}

/** Once for as long as it stays so, since sets are fetched every minute. */
function noteIgnored(store: KeyStore, issuer: string, ignored: readonly string[]): void {
  const said = ignored.join(' ')
  if (said !== store.ignored && said !== '') log('warn', 'keys ignored', { issuer, ignored })
  store.ignored = said
}

function nameOf(error: unknown): string {
  return error instanceof Error ? error.name : 'unknown'
}
