import type { Deps } from '../deps.ts'
import { newId, type PageRuleId } from '../db/ids.ts'
import { invalidField, notFound, Problem } from '../problem.ts'
import { badgeIn, type PageRuleRow } from '../repositories/page-rules.ts'
import { accepts, type Revisions } from '../repositories/scope.ts'
import { auditRow } from '../security/audit.ts'
import type { Grant } from '../security/grant.ts'
import { MAX_PAGE_RULES, MAX_POSITION, patternKey } from '../security/pages/page-rule.ts'
import { isProductPath } from '../security/pages/product-paths.ts'
import { roundsIn } from '../security/pages/page-rounds.ts'
import { asForeseen, type Remember } from './foreseen.ts'
import { stale } from './outcome.ts'

type Written = Omit<PageRuleRow, 'id' | 'pathKey' | 'revision' | 'createdAt' | 'updatedAt'>

export interface NewPageRule extends Omit<Written, 'position' | 'onUnauthenticated'> {
  /** The sign-in, if there is one, and otherwise 401. */
  readonly onUnauthenticated?: Written['onUnauthenticated'] | undefined
  /** After all others if left out. */
  readonly position?: number | undefined
}

export type PageRulePatch = { readonly [K in keyof Written]?: Written[K] | undefined }

interface Change {
  readonly ruleId: PageRuleId
  readonly revisions: Revisions
}

/**
 * Which rules there are is read, looked at as a whole, and part of the condition of the write.
 * @throws Problem `not_found` for its badge, `conflict`, `validation_failed`
 */
export async function createPageRule(
  grant: Grant<'page:manage'>,
  rule: NewPageRule,
  remember: Remember<PageRuleRow>,
  deps: Deps,
): Promise<PageRuleRow> {
  const { pageRules, now } = deps
  const exercised = grant.exercise('page:manage')
  const id = newId('pgr', now)
  const at = new Date(now).toISOString()
  const onUnauthenticated =
    rule.onUnauthenticated ?? (hasSignIn(rule.signInPath, deps) ? 'sign-in' : '401')
  const audit = auditRow(exercised, now, {
    action: 'page-rule.create',
    target: id,
    changes: { ...rule, onUnauthenticated },
  })
  return asForeseen(async () => {
    const read = await readAround(rule.access, deps)
    if (read.length >= MAX_PAGE_RULES) {
      throw new Problem('conflict', `A site has at most ${MAX_PAGE_RULES} page rules.`)
    }
    const last = read.at(-1)?.position ?? 0
    const position = rule.position ?? Math.min(last + 1, MAX_POSITION)
    const row = {
      ...rule,
      id,
      pathKey: keyOf(rule.path),
      onUnauthenticated,
      position,
      revision: 1,
      createdAt: at,
      updatedAt: at,
    }
    assertFits(row, read, deps)
    const written = await pageRules.create(row, read, audit, await remember?.(row))
    return written ? row : undefined
  })
}

/** @throws Problem `not_found`, `precondition_failed`, `conflict`, `validation_failed` */
export async function updatePageRule(
  grant: Grant<'page:manage'>,
  { ruleId, patch, revisions }: Change & { readonly patch: PageRulePatch },
  deps: Deps,
): Promise<PageRuleRow> {
  const { pageRules, now } = deps
  const audit = auditRow(grant.exercise('page:manage'), now, {
    action: 'page-rule.update',
    target: ruleId,
    changes: patch,
  })
  return asForeseen(async () => {
    const read = await readAround(patch.access, deps)
    const current = currentIn(read, ruleId, revisions)
    const merged: PageRuleRow = { ...current, ...given(patch) }
    const row = {
      ...merged,
      pathKey: keyOf(merged.path),
      revision: current.revision + 1,
      updatedAt: audit.at,
    }
    assertFits(row, read, deps)
    return (await pageRules.replace(row, read, audit)) ? row : undefined
  })
}

/** A step past the rule that is next to it, which is named so that no other step can come of it. */
export interface Step {
  readonly to: 'up' | 'down'
  readonly past: PageRuleId
}

/**
 * Two neighbours change places, and no other rule does, whoever else moves rules at the same time.
 * @throws Problem `not_found`, `precondition_failed`, `conflict` unless the other is where the step says
 */
export async function movePageRule(
  grant: Grant<'page:manage'>,
  { ruleId, step, revisions }: Change & { readonly step: Step },
  deps: Deps,
): Promise<PageRuleRow> {
  const { pageRules, now } = deps
  const exercised = grant.exercise('page:manage')
  return asForeseen(async () => {
    const read = await readAround(undefined, deps)
    const current = currentIn(read, ruleId, revisions)
    const at = read.indexOf(current)
    const upper = step.to === 'up' ? at - 1 : at
    if (read[step.to === 'up' ? upper : upper + 1]?.id !== step.past) {
      throw new Problem(
        'conflict',
        `The order has changed: the next rule ${step.to} is not ${step.past}.`,
      )
    }
    const placed = swapped(read, upper)
    if (placed.some(({ position }) => position > MAX_POSITION)) {
      throw new Problem('conflict', `No position is left: the highest is ${MAX_POSITION}.`)
    }
    const updatedAt = new Date(now).toISOString()
    const after = placed.map((row) => {
      const before = read.find(({ id }) => id === row.id)
      if (before?.position === row.position) return before
      return { ...row, revision: row.revision + 1, updatedAt }
    })
    assertStraight(read, after)
    const moved = after.filter((row) => !read.includes(row))
    const [audit, ...audits] = moved.map(({ id, position }) =>
      auditRow(exercised, now, {
        action: 'page-rule.update',
        target: id,
        changes: { position },
      }),
    )
    if (!audit) throw new RangeError('a step moves at least one rule')
    const isDone = await pageRules.place(moved, read, audit, audits)
    return isDone ? after.find(({ id }) => id === ruleId) : undefined
  })
}

/**
 * The rules in their order after two neighbours have changed places. They take each other's positions;
 * where these are equal, what follows makes room as far as it has to.
 * @param upper which of the two is the first, from 0
 */
export function swapped<Row extends Pick<PageRuleRow, 'id' | 'position'>>(
  rows: readonly Row[],
  upper: number,
): readonly Row[] {
  const [above, below] = [rows[upper], rows[upper + 1]]
  if (!above || !below) return rows
  const wanted = rows
    .with(upper, { ...below, position: above.position })
    .with(upper + 1, { ...above, position: below.position })
  const placed: Row[] = []
  for (const row of wanted) {
    const last = placed.at(-1)
    const least = last ? last.position + (last.id < row.id ? 0 : 1) : 0
    placed.push(row.position < least ? { ...row, position: least } : row)
  }
  return placed
}

/** @throws Problem `not_found`, `precondition_failed`, `conflict` if others would send people round without it */
export async function deletePageRule(
  grant: Grant<'page:manage'>,
  { ruleId, revisions }: Change,
  deps: Deps,
): Promise<void> {
  const audit = auditRow(grant.exercise('page:manage'), deps.now, {
    action: 'page-rule.delete',
    target: ruleId,
  })
  await asForeseen(async () => {
    const read = await readAround(undefined, deps)
    currentIn(read, ruleId, revisions)
    assertStraight(
      read,
      read.filter(({ id }) => id !== ruleId),
    )
    return (await deps.pageRules.delete(ruleId, read, audit)) || undefined
  })
}

/** All rules in order. @throws Problem `not_found` for a badge that is to be named */
async function readAround(
  access: PageRuleRow['access'] | undefined,
  { pageRules }: Deps,
): Promise<readonly PageRuleRow[]> {
  const { rules, isBadgeThere } = await pageRules.surroundings(access && badgeIn(access))
  return isBadgeThere ? rules : notFound('badge')
}

function currentIn(
  read: readonly PageRuleRow[],
  ruleId: PageRuleId,
  revisions: Revisions,
): PageRuleRow {
  const current = read.find(({ id }) => id === ruleId) ?? notFound('page rule')
  if (!accepts(revisions, current.revision)) throw stale('page rule')
  return current
}

/** @throws Problem `validation_failed`, `conflict` */
function assertFits(row: PageRuleRow, read: readonly PageRuleRow[], deps: Deps): void {
  assertPlaces(row, deps)
  if (row.onUnauthenticated === 'sign-in' && !hasSignIn(row.signInPath, deps)) {
    const message = 'expected the path of a sign-in: this site has none of its own (BUILT_IN_LOGIN)'
    throw invalidField('signInPath', message)
  }
  const others = read.filter(({ id }) => id !== row.id)
  const equal = others.find(({ pathKey }) => pathKey === row.pathKey)
  if (equal) {
    throw new Problem('conflict', `The rule ${equal.id} is about the same paths: ${equal.path}.`)
  }
  assertStraight(read, [...others, row].toSorted(inOrder), row)
}

/**
 * What one rule does by itself is wrong with that rule; the rest is a conflict of rules.
 * @throws Problem `validation_failed`, `conflict` if these rules send somebody round whom those before did not
 */
function assertStraight(
  before: readonly PageRuleRow[],
  after: readonly PageRuleRow[],
  written?: PageRuleRow,
): void {
  const rounds = roundsIn(after)
  if (rounds.length === 0) return
  const known = new Set(roundsIn(before).map(({ text }) => text))
  const round = rounds.find(({ text }) => !known.has(text))
  if (!round) return
  const { text, field, rules } = round
  const isItsOwn = written !== undefined && [...rules].every((id) => id === written.id)
  throw isItsOwn ? invalidField(field, text) : new Problem('conflict', text)
}

function inOrder(one: PageRuleRow, other: PageRuleRow): number {
  return one.position - other.position || (one.id < other.id ? -1 : 1)
}

/** Where the product answers there is nothing to see for people but its sign-in. @throws Problem `validation_failed` */
function assertPlaces({ signInPath, forbiddenPath }: PageRuleRow, { settings }: Deps): void {
  const isOwnSignIn = settings.builtInLogin !== undefined && signInPath?.startsWith('/auth/')
  if (signInPath !== null && isProductPath(signInPath) && !isOwnSignIn) {
    throw invalidField('signInPath', 'expected a page of the site, or of its sign-in if it has one')
  }
  if (forbiddenPath !== null && isProductPath(forbiddenPath)) {
    throw invalidField('forbiddenPath', 'expected a page of the site')
  }
}

function hasSignIn(signInPath: string | null, { settings }: Deps): boolean {
  return signInPath !== null || settings.builtInLogin !== undefined
}

/** @throws Error for what is no pattern, which the route has refused */
function keyOf(path: string): string {
  const key = patternKey(path)
  if (key === undefined) throw new Error('not a pattern')
  return key
}

/** Without the fields that are not given. */
function given(patch: PageRulePatch): Partial<Written> {
  return Object.fromEntries(Object.entries(patch).filter(([, value]) => value !== undefined))
}
