/**
 * The cells of the authorization matrix: every row, by everybody who can come in over HTTP, to
 * every kind of target, with the refusal that has to come. All of them are made from the routes.
 */
import { routes } from '../../src/api/index.ts'
import { CALLER_NAMES, type CallerName, matrixOf, type MatrixRow } from '../../src/http/matrix.ts'
import type { Restricted } from '../../src/http/access.ts'
import { type Route, statusOf } from '../../src/http/route.ts'

/** Callers who have no column in the matrix: the contract alone says what they may do. */
export const OUTCASTS = [
  'suspended',
  'deleted',
  'bad token',
  'unknown key',
  'revoked key',
  'key without scopes',
] as const
export type Outcast = (typeof OUTCASTS)[number]

export type CastName = CallerName | Outcast
export const EVERYBODY: readonly CastName[] = [...CALLER_NAMES, ...OUTCASTS]

/** Callers who have no id that a path could name. */
const NO_MEMBERS = new Set<CastName>(['visitor', 'partner', 'key without scopes'])

export function isOutcast(name: CastName): name is Outcast {
  return OUTCASTS.some((outcast) => outcast === name)
}

/** A path that names a member or a booking has `own` and `other`, any other has `existing`. */
export type Target = 'own' | 'other' | 'existing' | 'absent' | 'malformed'

/** One row of the matrix, and the route it comes from. */
export interface Row {
  readonly declared: Route
  readonly matrix: MatrixRow
  /** An open row has no restriction. */
  readonly restriction: Restricted | undefined
  /** What it takes besides, to those who have that. */
  readonly further: Restricted | undefined
  /** The query that selects this row of the route, as in `?view=full`. */
  readonly search: string
  readonly targets: readonly Target[]
}

/** What the filters are asked for; what names somebody names nobody in particular. */
const ASKED: Readonly<Record<string, string>> = {
  email: 'ada@example.com',
  role: 'moderator',
  status: 'active',
  owner: `usr_${'0'.repeat(26)}`,
}

export const ROWS: readonly Row[] = routes.flatMap((declared) =>
  matrixOf([declared]).map((matrix) => {
    const asked = /\?.*/.exec(matrix.path)?.[0] ?? ''
    const search = asked.replace(/\{(\w+)\}/, (_, name: string) => ASKED[name] ?? noValue(name))
    const { access } = declared
    const restriction = 'may' in access ? access : search === '' ? undefined : access.unless
    const further = 'may' in access ? furtherOf(access, asked) : undefined
    return { declared, matrix, restriction, further, search, targets: targetsOf(declared) }
  }),
)

function noValue(name: string): never {
  throw new Error(`ASKED in test/support/cells.ts has no value for the filter ${name}: add one.`)
}

/** What a query takes besides the permission of its route. */
function furtherOf({ filters = {}, more }: Restricted, search: string): Restricted | undefined {
  const name = /\{(\w+)\}/.exec(search)?.[1] ?? ''
  const filter = filters[name]
  if (filter) return { may: filter.may, ...(filter.of && { owner: `:${name}` as const }) }
  return more && search !== '' ? { may: more.may } : undefined
}

/** The rows about members, about badges, and so on, for `test.each`. */
export const RESOURCES = [...Map.groupBy(ROWS, ({ matrix }) => matrix.path.split(/[/?]/)[2])]

export function titleOf({ matrix }: Row): string {
  return `${matrix.method} ${matrix.path}`
}

function targetsOf({ method, path }: Route): Target[] {
  // This PUT makes a role that is absent, so it has no target `absent`.
  if (method === 'PUT' && path === '/v1/roles/:role') return ['existing', 'malformed']
  if (/\/:(userId|bookingId)/.test(path)) return ['own', 'other', 'absent', 'malformed']
  return path.includes('/:') ? ['existing', 'absent', 'malformed'] : ['existing']
}

export interface Refusal {
  readonly status: 401 | 403
  readonly code: string
  readonly stage: string
  readonly required?: string
  readonly reach?: 'own' | 'any'
}

/** The refusal by the matrix, or for outcasts by the contract; undefined if the caller may. */
export function refusalOf(row: Row, caller: CastName, target: Target): Refusal | undefined {
  switch (caller) {
    case 'bad token':
      return { status: 401, code: 'invalid_token', stage: 'credential' }
    case 'unknown key':
    case 'revoked key':
      return { status: 401, code: 'invalid_api_key', stage: 'credential' }
    case 'deleted':
      return { status: 401, code: 'session_revoked', stage: 'session' }
  }
  if (!row.restriction) return undefined
  const { may: required, owner } = decisiveOf(row, row.restriction, caller)
  const isMember = !NO_MEMBERS.has(caller)
  const isOwn = owner?.startsWith(':') ? target === 'own' && isMember : owner !== undefined
  const forbidden = { status: 403, required, reach: isOwn ? 'own' : 'any' } as const
  if (caller === 'suspended') return { ...forbidden, code: 'suspended', stage: 'session' }
  if (!isMember && owner === 'self') return { ...forbidden, code: 'members_only', stage: 'session' }
  switch (caller === 'key without scopes' ? '403' : row.matrix.answers[caller]) {
    case 'allowed':
      return undefined
    case 'own':
      return isOwn ? undefined : { ...forbidden, code: 'forbidden', stage: 'ownership' }
    case '401':
      return { status: 401, code: 'unauthenticated', stage: 'credential' }
    case '403':
      return { ...forbidden, code: 'forbidden', stage: 'permission' }
  }
}

/** Of what a row takes, that by which the caller is refused: the permission of the route comes first. */
function decisiveOf(row: Row, restriction: Restricted, caller: CastName): Restricted {
  const { declared, further } = row
  if (!further || isOutcast(caller)) return restriction
  const answer = matrixOf([declared])[0]?.answers[caller]
  return answer === 'allowed' || answer === 'own' ? further : restriction
}

/**
 * The challenge by RFC 6750, section 3: without a credential it has no `error`, and with one that
 * is too weak it names the scope that would be enough.
 */
export function challengeOf({ status, code, required }: Refusal): string | null {
  if (code === 'unauthenticated') return 'Bearer realm="guildhall"'
  if (status === 401) return 'Bearer realm="guildhall", error="invalid_token"'
  if (code !== 'forbidden') return null
  return `Bearer realm="guildhall", error="insufficient_scope", scope="${required}"`
}

/**
 * Refusals that no matrix shows: nobody settles a booking of theirs, gives themselves a badge, or unlinks
 * an identity of theirs as if it were somebody else's.
 */
export function exceptionOf(row: Row, caller: CastName, target: Target): Refusal | undefined {
  const { restriction, matrix } = row
  const required = restriction?.may
  const settles = required === 'booking:confirm'
  const gives = required === 'badge:assign' && matrix.method === 'PUT' && !NO_MEMBERS.has(caller)
  const unlinks = required === 'identity:manage' && matrix.method === 'DELETE'
  const isOwn = target === 'own' && (settles || gives || (unlinks && !NO_MEMBERS.has(caller)))
  if (!isOwn || refusalOf(row, caller, target)) return undefined
  return { status: 403, code: 'forbidden', stage: 'ownership', required, reach: 'any' }
}

/** The statuses that a caller who may can get: things they may not see do not exist for them. */
export function successOf(row: Row, caller: CastName, target: Target): readonly number[] {
  const { declared, restriction, matrix } = row
  const reachesOwn = !isOutcast(caller) && matrix.answers[caller] === 'own'
  const isHidden = restriction?.owner === 'rows' && reachesOwn && target === 'other'
  if (isHidden || target === 'absent' || target === 'malformed') return [404]
  return declared.statuses ?? [statusOf(declared)]
}
