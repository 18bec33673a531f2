/** Members and their profiles. */
import { and, asc, eq, gte, lt, sql } from 'drizzle-orm'
import type { Database } from '../db/client.ts'
import type { UserId } from '../db/ids.ts'
import { type Address, users } from '../db/schema.ts'
import { type AuditRow, audited } from './audited.ts'
import { ceilingOfMember } from './ceiling.ts'
import {
  atRevision,
  type ReadScope,
  type Revisions,
  sortsAfter,
  within,
  type WriteScope,
} from './scope.ts'

export interface ProfilePatch {
  readonly displayName?: string | undefined
  readonly bio?: string | null | undefined
  readonly avatarUrl?: string | null | undefined
  readonly phone?: string | null | undefined
  /** Merged into the stored address part by part (RFC 7396); null clears it. */
  readonly address?: AddressPatch | null | undefined
}

type AddressPatch = { readonly [Part in keyof Address]?: string | null | undefined }

interface ProfileBadge {
  readonly id: string
  readonly slug: string
  readonly title: string
  readonly backgroundColor: string
  readonly textColor: string
  readonly iconUrl: string | null
}

/** Written out, because drizzle leaves table names off in a select from one table. */
const ROLES_OF_USER = sql`(select json_group_array(role) from
  (select role from user_roles where user_id = users.id order by role))`

const BADGES_OF_USER = sql`(select json_group_array(json_object(
    'id', id, 'slug', slug, 'title', title, 'backgroundColor', background_color,
    'textColor', text_color, 'iconUrl', icon_url)) from
  (select badges.* from badge_assignments held join badges on badges.id = held.badge_id
    where held.user_id = users.id and held.removed_at is null
    order by badges.position, badges.id))`

const profile = {
  id: users.id,
  displayName: users.displayName,
  bio: users.bio,
  avatarUrl: users.avatarUrl,
  email: users.email,
  phone: users.phone,
  address: users.address,
  status: users.status,
  visitShard: users.visitShard,
  revision: users.revision,
  createdAt: users.createdAt,
  updatedAt: users.updatedAt,
  roles: ROLES_OF_USER.mapWith(parseStrings),
  badges: BADGES_OF_USER.mapWith(parseBadges),
}

export type UsersRepository = ReturnType<typeof usersRepository>
export type UserRow = NonNullable<Awaited<ReturnType<UsersRepository['find']>>>

export function usersRepository(db: Database) {
  return {
    async find(scope: ReadScope, id: UserId) {
      const [row] = await selectUser(db, scope, id)
      return row
    },

    /**
     * Members are sorted by display name and then by id. `prefix` matches the start of the display
     * name in any case.
     */
    async list(scope: ReadScope, page: UserPage) {
      const start = page.prefix === undefined ? undefined : nameKey(page.prefix)
      const { after } = page
      return db
        .select({ ...profile, nameKey: users.nameKey })
        .from(users)
        .where(
          and(
            within(scope, users.id),
            start === undefined
              ? undefined
              : and(gte(users.nameKey, start), lt(users.nameKey, `${start}\u{10FFFF}`)),
            after && sortsAfter([users.nameKey, users.id], [after.nameKey, after.id]),
          ),
        )
        .orderBy(asc(users.nameKey), asc(users.id))
        .limit(page.limit)
    },

    /**
     * Applies the given fields.
     * @returns the row as it is now, whether it was changed, and the right in the way, if one was
     */
    async update(
      scope: WriteScope,
      id: UserId,
      patch: ProfilePatch,
      revisions: Revisions,
      audit: AuditRow,
    ) {
      const { displayName, address, ...rest } = patch
      const ceiling = ceilingOfMember(db, scope, id)
      const write = db
        .update(users)
        .set({
          ...rest,
          ...(displayName !== undefined && { displayName, nameKey: nameKey(displayName) }),
          ...(address !== undefined && { address: mergedAddress(address) }),
          revision: sql`${users.revision} + 1`,
          updatedAt: audit.at,
        })
        .where(
          and(
            eq(users.id, id),
            within(scope, users.id),
            atRevision(users.revision, revisions),
            ceiling.allows,
          ),
        )
        .returning({ id: users.id })
      const { written, found, inTheWay } = await audited(db, audit, write, {
        found: selectUser(db, scope, id),
        inTheWay: ceiling.inTheWay,
      })
      return { changed: written.length > 0, row: found[0], inTheWay: inTheWay?.[0] }
    },
  }
}

interface UserPage {
  readonly prefix?: string | undefined
  readonly after?: { readonly nameKey: string; readonly id: UserId } | undefined
  readonly limit: number
}

export function selectUser(db: Database, scope: ReadScope, id: UserId) {
  return db
    .select(profile)
    .from(users)
    .where(and(eq(users.id, id), within(scope, users.id)))
}

/** The display name as it is sorted and searched by: folded, so that a search finds any case. */
export function nameKey(displayName: string): string {
  // A capital sigma becomes ς at the end of a word, so a name's start would not begin its key.
  return displayName.normalize('NFC').toLowerCase().replaceAll('ς', 'σ')
}

function mergedAddress(patch: AddressPatch | null) {
  return patch && sql`json_patch(coalesce(${users.address}, '{}'), ${JSON.stringify(patch)})`
}

/** Guaranteed by the SQL above: `json_group_array` over role names. */
function parseStrings(json: string): string[] {
  return JSON.parse(json) as string[]
}

/** Guaranteed by the SQL above: one `json_object` per badge. */
function parseBadges(json: string): ProfileBadge[] {
  return JSON.parse(json) as ProfileBadge[]
}
