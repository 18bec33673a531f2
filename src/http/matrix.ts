/** The authorization matrix: every route by every kind of caller, computed by `decide` and nothing else. */
import type { UserId, VisitorId } from '../db/ids.ts'
import type { Caller, MemberActor } from '../security/actor.ts'
import { decide, type Target } from '../security/decide.ts'
import { KEY_SCOPES, type Role } from '../security/permissions.ts'
import type { Restricted } from './access.ts'
import { documentedPath, type Route } from './route.ts'

export const CALLER_NAMES = [
  'anonymous',
  'visitor',
  'member',
  'moderator',
  'bookings-manager',
  'admin',
  'partner',
] as const
export type CallerName = (typeof CALLER_NAMES)[number]

/** `own`: only where the resource is theirs. */
export const ANSWERS = ['allowed', 'own', '401', '403'] as const
export type MatrixAnswer = (typeof ANSWERS)[number]

export interface MatrixRow {
  readonly method: string
  readonly path: string
  /** The permission it takes, or why it is open. */
  readonly access: string
  readonly answers: Record<CallerName, MatrixAnswer>
}

export function matrixOf(routes: readonly Route[]): MatrixRow[] {
  return routes.flatMap(({ method, path, access }) => {
    const documented = documentedPath(path)
    if ('may' in access) return [rowOf(method, documented, access)]
    const open = {
      method,
      path: documented,
      access: `open: ${access.open}`,
      answers: forAll(() => 'allowed'),
    }
    const { unless } = access
    return unless
      ? [open, rowOf(method, `${documented}?${unless.query.join('=')}`, unless)]
      : [open]
  })
}

function rowOf(method: string, path: string, restriction: Restricted): MatrixRow {
  return {
    method,
    path,
    access: restriction.may,
    answers: forAll((name) => answerFor(CALLERS[name], restriction)),
  }
}

function answerFor(caller: Caller, { may, owner }: Restricted): MatrixAnswer {
  const others: Target = owner?.startsWith(':') ? { owner: 'somebody else' } : wholeOf(owner)
  const decision = decide(caller, may, others)
  if (decision.allowed) return decision.scope === 'everyone' ? 'allowed' : 'own'
  const own = decide(caller, may, typeof others === 'object' ? { owner: ownIdOf(caller) } : others)
  if (own.allowed) return 'own'
  return decision.refusal.code === 'unauthenticated' ? '401' : '403'
}

function wholeOf(owner: Restricted['owner']): Target {
  return owner === 'self' || owner === 'rows' ? owner : 'site'
}

const MEMBER = 'usr_00000000000000000000000000' satisfies UserId
const VISITOR = 'vis_00000000000000000000000000' satisfies VisitorId

function memberWith(...roles: Role[]): MemberActor {
  return { kind: 'member', userId: MEMBER, status: 'active', roles, accessRevision: 1 }
}

/** One of each kind; the partner's key has every scope a key may have. */
export const CALLERS: Record<CallerName, Caller> = {
  anonymous: { kind: 'anonymous' },
  visitor: { kind: 'visitor', visitorId: VISITOR },
  member: memberWith(),
  moderator: memberWith('moderator'),
  'bookings-manager': memberWith('bookings-manager'),
  admin: memberWith('admin'),
  partner: {
    kind: 'partner',
    keyId: 'key_00000000000000000000000000',
    scopes: KEY_SCOPES,
    accessRevision: 1,
  },
}

function ownIdOf(caller: Caller): string {
  return caller.kind === 'visitor' ? VISITOR : MEMBER
}

function forAll(answer: (name: CallerName) => MatrixAnswer): Record<CallerName, MatrixAnswer> {
  return Object.fromEntries(CALLER_NAMES.map((name) => [name, answer(name)])) as Record<
    CallerName,
    MatrixAnswer
  >
}
