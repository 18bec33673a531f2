import type { Deps } from '../deps.ts'
import { isUniqueViolation } from '../db/errors.ts'
import { type BadgeId, newId } from '../db/ids.ts'
import { Problem } from '../problem.ts'
import type { BadgePatch, BadgeRow } from '../repositories/badges.ts'
import { accepts, type Revisions } from '../repositories/scope.ts'
import { auditRow } from '../security/audit.ts'
import type { Grant } from '../security/grant.ts'
import type { Remember } from './foreseen.ts'
import { assertDeleted, changedRow } from './outcome.ts'

export interface NewBadge extends Omit<
  BadgeRow,
  'id' | 'slug' | 'position' | 'revision' | 'createdAt' | 'updatedAt'
> {
  /** Made from the title if left out. */
  readonly slug?: string | undefined
  /** After all others if left out. */
  readonly position?: number | undefined
}

/** @throws Problem `conflict` if the slug is taken */
export async function createBadge(
  grant: Grant<'badge:manage'>,
  badge: NewBadge,
  remember: Remember<BadgeRow>,
  { badges, now }: Deps,
): Promise<BadgeRow> {
  const exercised = grant.exercise('badge:manage')
  const id = newId('bdg', now)
  const wanted = badge.slug ?? slugOf(badge.title)
  const isComplete = badge.slug !== undefined && badge.position !== undefined
  const { lastPosition, slugTaken } = isComplete
    ? { lastPosition: 0, slugTaken: false }
    : await badges.surroundings(wanted)
  const at = new Date(now).toISOString()
  const createAs = async (slug: string): Promise<BadgeRow> => {
    const position = badge.position ?? lastPosition + 1
    const row = { ...badge, id, slug, position, revision: 1, createdAt: at, updatedAt: at }
    const changes = { ...badge, slug }
    const act = { action: 'badge.create', target: id, changes } as const
    await badges.create(row, auditRow(exercised, now, act), await remember?.(row))
    return row
  }
  if (badge.slug !== undefined) return slugConflict(createAs(badge.slug))
  const distinct = `${wanted}-${id.slice(-6)}`
  if (slugTaken) return slugConflict(createAs(distinct))
  return createAs(wanted).catch(async (error: unknown) => {
    // Somebody was faster with the same title; whoever sent no slug has no conflict with it.
    if (!isUniqueViolation(error, 'badges.slug')) throw error
    return slugConflict(createAs(distinct))
  })
}

/** @throws Problem `not_found`, `precondition_failed`, `conflict` */
export async function updateBadge(
  grant: Grant<'badge:manage'>,
  change: { readonly badgeId: BadgeId; readonly patch: BadgePatch; readonly revisions: Revisions },
  { badges, now }: Deps,
) {
  const { badgeId, patch, revisions } = change
  const audit = auditRow(grant.exercise('badge:manage'), now, {
    action: 'badge.update',
    target: badgeId,
    changes: patch,
  })
  return changedRow(await slugConflict(badges.update(badgeId, patch, revisions, audit)), 'badge')
}

/**
 * Its assignments and rules go too.
 * @throws Problem `not_found`, `precondition_failed`, `conflict` for one that opens a page
 */
export async function deleteBadge(
  grant: Grant<'badge:manage'>,
  { badgeId, revisions }: { readonly badgeId: BadgeId; readonly revisions: Revisions },
  { badges, now }: Deps,
): Promise<void> {
  const audit = auditRow(grant.exercise('badge:manage'), now, {
    action: 'badge.delete',
    target: badgeId,
  })
  const { changed, row, pageRule } = await badges.delete(badgeId, revisions, audit)
  if (row && pageRule && accepts(revisions, row.revision)) {
    const detail = `The page rule of ${pageRule.path} opens it to holders of this badge; change the rule first.`
    throw new Problem('conflict', detail)
  }
  assertDeleted({ changed, row }, 'badge')
}

async function slugConflict<T>(write: Promise<T>): Promise<T> {
  try {
    return await write
  } catch (error) {
    if (!isUniqueViolation(error, 'badges.slug')) throw error
    throw new Problem('conflict', 'Another badge has this slug.', { cause: error })
  }
}

/**
 * The title is cut so that a slug of 64 characters has room for a suffix; NFKD can make a title
 * many times longer.
 */
const MAX_SLUG = 57

/** Letters without their marks, everything else a hyphen; `badge` if nothing is left. */
function slugOf(title: string): string {
  const words = title.normalize('NFKD').replaceAll(/\p{M}/gu, '').toLowerCase()
  const hyphenated = words.replaceAll(/[^a-z0-9]+/g, '-').slice(0, MAX_SLUG)
  return hyphenated.replaceAll(/^-|-$/g, '') || 'badge'
}
