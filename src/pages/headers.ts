/**
 * The header fields that pass between a visitor and the origin. What an origin might take for the word of
 * this site is the word of this site, however its name is spelled: servers read `X_User` as `X-User`.
 */
import { COOKIE_PREFIX } from '../security/callers/session-cookie.ts'

export const ASSERTION_FIELD = 'Guildhall-Assertion'
/** On every request to the origin: one that comes back with it goes round in a circle. */
export const HOP_FIELD = 'Guildhall-Hop'

const folded = (name: string) => name.toLowerCase().replaceAll('_', '-')

/** What says who or where somebody is, how a request came here, or is for this site alone. */
const NOT_TO_ORIGIN = new Set([
  'remote-user',
  'x-remote-user',
  'x-original-url',
  'x-original-uri',
  'x-rewrite-url',
  'forwarded',
  'x-real-ip',
  'expect',
  'http2-settings',
  'x-api-key',
  'cookie',
])
const NOT_TO_ORIGIN_BEGINNINGS = [
  'guildhall-',
  'x-user',
  'cf-access-',
  'cf-connecting-ip',
  'x-forwarded-',
  'proxy-',
  'mf-',
]

/** What would change more than the page that it comes with. */
const NOT_FROM_ORIGIN = new Set(['service-worker-allowed', 'clear-site-data', 'set-cookie'])
const NOT_FROM_ORIGIN_BEGINNINGS = ['guildhall-', 'proxy-']

/** Networks put these above `Cache-Control`. */
const CACHE_FIELDS = [
  'cdn-cache-control',
  'cloudflare-cdn-cache-control',
  'surrogate-control',
  'expires',
]

export interface Onward {
  /** The origin of the site, which is told as the host that was asked. */
  readonly publicUrl: string
  readonly assertion: string
  readonly passesAuthorization: boolean
  /** Whether a websocket is asked for and may be. */
  readonly upgrades: boolean
}

/** The fields of the request to the origin. */
export function toOrigin(sent: Headers, onward: Onward): Headers {
  const fields = new Headers()
  for (const [name, value] of sent) {
    if (isKept(name, onward)) fields.append(name, value)
  }
  const cookies = othersCookies(sent.get('Cookie'))
  if (cookies !== '') fields.set('Cookie', cookies)
  const { host, protocol } = new URL(onward.publicUrl)
  const address = sent.get('CF-Connecting-IP')
  if (address !== null) fields.set('X-Forwarded-For', address)
  fields.set('X-Forwarded-Host', host)
  fields.set('X-Forwarded-Proto', protocol.slice(0, -1))
  fields.set(ASSERTION_FIELD, onward.assertion)
  fields.set(HOP_FIELD, '1')
  return fields
}

function isKept(name: string, { passesAuthorization, upgrades }: Onward): boolean {
  const plain = folded(name)
  if (plain === 'authorization') return passesAuthorization && plain === name.toLowerCase()
  if (plain === 'upgrade') return upgrades
  return !NOT_TO_ORIGIN.has(plain) && !begins(plain, NOT_TO_ORIGIN_BEGINNINGS)
}

function begins(name: string, beginnings: readonly string[]): boolean {
  return beginnings.some((each) => name.startsWith(each))
}

/**
 * The cookies that are not ours. Several fields arrive as one, joined by commas, so a pair may hold one of
 * ours behind another: what names it anywhere is left out.
 */
function othersCookies(cookies: string | null): string {
  return (cookies ?? '')
    .split(';')
    .map((pair) => pair.trim())
    .filter((pair) => pair !== '' && !isOurs(pair))
    .join('; ')
}

function isOurs(cookie: string): boolean {
  return cookie.toLowerCase().includes(COOKIE_PREFIX.toLowerCase())
}

export interface Back {
  /** Where the origin was asked. */
  readonly asked: URL
  readonly publicUrl: string
  /** Whether not everybody may see the page. */
  readonly isRestricted: boolean
  /** A cookie of ours that goes with the answer. */
  readonly cookie?: string | undefined
}

/** The fields of the answer to the visitor. */
export function fromOrigin(
  answered: Headers,
  { asked, publicUrl, isRestricted, cookie }: Back,
): Headers {
  const fields = new Headers()
  for (const [name, value] of answered) {
    const plain = folded(name)
    if (NOT_FROM_ORIGIN.has(plain) || begins(plain, NOT_FROM_ORIGIN_BEGINNINGS)) continue
    fields.append(name, value)
  }
  for (const each of answered.getSetCookie()) {
    const [pair = ''] = each.split(';')
    if (!isOurs(pair)) fields.append('Set-Cookie', each)
  }
  const location = answered.get('Location')
  if (location !== null) fields.set('Location', onSite(location, asked, publicUrl))
  if (cookie !== undefined) fields.append('Set-Cookie', cookie)
  // A cookie that is taken from one visitor must not be taken from whoever gets the same answer.
  if (isRestricted || cookie !== undefined) {
    for (const name of CACHE_FIELDS) fields.delete(name)
    fields.set('Cache-Control', 'private, no-store')
  }
  return fields
}

/** Where a redirect leads, with the site in place of its origin. */
function onSite(location: string, asked: URL, publicUrl: string): string {
  const to = URL.parse(location, asked.href)
  const namesHost = URL.canParse(location) || /^[/\\]{2}/.test(location)
  if (!to || !namesHost || to.host !== asked.host) return location
  return `${publicUrl}${to.pathname}${to.search}${to.hash}`
}
