/**
 * The issuers that are this site itself: the built-in login for members, and one for visitors that is
 * always there. Their keys are read from D1 in process; all else about their tokens is as anybody's.
 */
import type { JSONWebKeySet } from 'jose'
import { BUILT_IN, VISITORS } from '../../db/issuers.ts'
import type { BuiltInLogin } from '../../settings/login.ts'
import type { Settings } from '../../settings/settings.ts'
import type { TrustedIssuer } from '../../settings/trusted-issuers.ts'
import { type KeySet, MEMBER_KEYS, publicKeys, VISITOR_KEYS } from './signing-keys.ts'

export interface OwnIssuer {
  /** The issuer as in the token. */
  readonly issuer: string
  /** What its subjects are known under here, wherever the site is at home. */
  readonly name: typeof BUILT_IN | typeof VISITORS
  readonly audience: string
  readonly algorithms: 'ES256'[]
  readonly claims?: undefined
  readonly load: () => Promise<JSONWebKeySet>
}

/** Anyone whose tokens count. */
export type Issuer = TrustedIssuer | OwnIssuer

const known = new WeakMap<Settings, readonly Issuer[]>()

/** One list for each settings object, for the keys of an own issuer are kept by its `load`. */
export function issuersOf(settings: Settings, db: Pick<D1Database, 'prepare'>): readonly Issuer[] {
  const { trustedIssuers, builtInLogin } = settings
  const issuers = known.get(settings) ?? [...trustedIssuers, ...ownIssuers(db, builtInLogin)]
  known.set(settings, issuers)
  return issuers
}

function ownIssuers(db: Pick<D1Database, 'prepare'>, login: BuiltInLogin | undefined): OwnIssuer[] {
  const of = (name: OwnIssuer['name'], issuer: string, keySet: KeySet): OwnIssuer => ({
    issuer,
    name,
    audience: keySet.audience,
    algorithms: ['ES256'],
    load: () => publicKeys(db, keySet, Date.now()),
  })
  return [
    of(VISITORS, VISITORS, VISITOR_KEYS),
    ...(login ? [of(BUILT_IN, login.publicUrl, MEMBER_KEYS)] : []),
  ]
}
