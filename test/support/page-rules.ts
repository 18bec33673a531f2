/** Page rules in the form that `decidePage` takes, and the columns of the table of what they mean. */
import type { BadgeId } from '../../src/db/ids.ts'
import type { Caller } from '../../src/security/actor.ts'
import type { DecidingRule } from '../../src/security/pages/decide-page.ts'
import type { CanonicalPath } from '../../src/security/pages/canonical-path.ts'
import { patternKey } from '../../src/security/pages/page-rule.ts'
import { member, partner, suspended, VISITOR } from './actors.ts'

export const BADGE: BadgeId = 'bdg_00000000000000000000000005'

export function pageRule(path: string, changes: Partial<DecidingRule> = {}): DecidingRule {
  return {
    id: 'pgr_00000000000000000000000006',
    path,
    pathKey: patternKey(path) ?? '',
    access: 'members',
    onUnauthenticated: 'sign-in',
    signInPath: null,
    forbiddenPath: null,
    ...changes,
  }
}

/** A path that is canonical as it stands, which only who writes a test can say. */
export function canonical(path: string): CanonicalPath {
  return path as CanonicalPath
}

interface Asking {
  readonly caller: Caller
  readonly badges: readonly BadgeId[]
}

/** Who asks for a page, by the names of the table in docs/pages.md. */
export const ASKING = {
  'signed out': { caller: { kind: 'anonymous' }, badges: [] },
  'visitor token': { caller: VISITOR, badges: [] },
  member: { caller: member(), badges: [] },
  moderator: { caller: member('moderator'), badges: [] },
  'with the badge': { caller: member(), badges: [BADGE] },
  suspended: { caller: suspended('admin'), badges: [BADGE] },
  key: { caller: partner('badge:assign'), badges: [] },
  'key with the scope': { caller: partner('profile:list', 'booking:read'), badges: [] },
} as const satisfies Record<string, Asking>

export type AskingName = keyof typeof ASKING
