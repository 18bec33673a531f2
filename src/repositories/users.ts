/** Members and their profiles. */
import { and, eq, lt, type SQL, sql } from 'drizzle-orm'
import type { Database } from '../db/client.ts'
import type { UserId } from '../db/ids.ts'
import { shapes } from '../db/shape.ts'
import { type Address, userRoles, users } from '../db/schema.ts'
import { type AuditRow, audited } from './audited.ts'
import { allowsMember, ceilingOfMember } from './ceiling.ts'
import {
  atRevisionAsked,
  kindOf,
  ownerOf,
  type ReadScope,
  type Revisions,
  type RevisionsAsked,
  revisionsAsked,
  revisionValues,
  type ScopeKind,
  withinKind,
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
  suspensionReason: users.suspensionReason,
  visitShard: users.visitShard,
  revision: users.revision,
  createdAt: users.createdAt,
  updatedAt: users.updatedAt,
  roles: ROLES_OF_USER.mapWith(parseStrings).as('role_names'),
  badges: BADGES_OF_USER.mapWith(parseBadges).as('held_badges'),
}

export interface UserRow extends Omit<
  typeof users.$inferSelect,
  'nameKey' | 'accessRevision' | 'ownName' | 'ownEmail' | 'bookingMails'
> {
  readonly roles: string[]
  readonly badges: ProfileBadge[]
}

export function usersRepository(db: Database) {
  return {
    async find(scope: ReadScope, id: UserId) {
      const [row] = await selectUser(db, scope, id).run()
      return row
    },

    /**
     * Members are sorted by display name and then by id. `prefix` matches the start of the display
     * name in any case, `email` the whole address in any case.
     */
    async list(scope: ReadScope, filter: UserFilter, page: UserPage) {
      const { prefix, email, role, status } = filter
      const { after, limit } = page
      const [start = '', former = ''] = prefix === undefined ? [] : keysOf(prefix)
      const starts = prefix === undefined ? 'any' : former === '' ? 'one' : 'two'
      const by = {
        email: email !== undefined,
        role: role !== undefined,
        status: status !== undefined,
      }
      return LIST(
        kindOf(scope),
        starts,
        by,
      )(db, {
        owner: ownerOf(scope),
        email: email ?? '',
        // The database folds ASCII alone; accounts have every letter in small.
        folded: email?.toLowerCase() ?? '',
        role: role ?? '',
        status: status ?? '',
        start,
        end: endOf(start),
        former,
        formerEnd: endOf(former),
        afterKey: after?.nameKey ?? '',
        afterId: after?.id ?? '',
        limit,
      }).run()
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
      const { displayName, address } = patch
      const ceiling = ceilingOfMember(db, scope, id)
      const fields = FIELDS.filter((field) => patch[field] !== undefined)
      const isMerged = address !== undefined && address !== null
      const statement = UPDATE(
        fields,
        isMerged,
        kindOf(scope),
        revisionsAsked(revisions),
        ceiling.allows !== undefined,
      )
      const write = statement(db, {
        ...patch,
        id,
        owner: ownerOf(scope),
        nameKey: displayName === undefined ? '' : nameKey(displayName),
        address: isMerged ? JSON.stringify(address) : null,
        at: audit.at,
        missing: JSON.stringify(scope.missing),
        ...revisionValues(revisions),
      })
      const { written, found, inTheWay } = await audited(db, audit, write, {
        found: selectUser(db, scope, id),
        inTheWay: ceiling.inTheWay,
      })
      return { changed: written.length > 0, row: found[0], inTheWay: inTheWay?.[0] }
    },
  }
}

export interface UserFilter {
  readonly prefix?: string | undefined
  readonly email?: string | undefined
  /** It has to be given: every member has the role `member`. */
  readonly role?: string | undefined
  readonly status?: UserRow['status'] | undefined
}

interface UserPage {
  readonly after?: { readonly nameKey: string; readonly id: UserId } | undefined
  readonly limit: number
}

export function selectUser(db: Database, scope: ReadScope, id: UserId) {
  return FIND(kindOf(scope))(db, { id, owner: ownerOf(scope) })
}

const value = sql.placeholder

const FIND = shapes<[ScopeKind], { id: UserId; owner: string }, UserRow[]>((db, kind) =>
  db
    .select(profile)
    .from(users)
    .where(and(eq(users.id, value('id')), withinKind(kind, users.id))),
)

/**
 * With two starts, a page is merged from those of each, for no index has them in one order. By role, it is
 * found where roles are held, and by address among the few who have that one.
 */
const LIST = shapes<
  [
    scope: ScopeKind,
    starts: 'any' | 'one' | 'two',
    by: { readonly email: boolean; readonly role: boolean; readonly status: boolean },
  ],
  Record<
    | 'owner'
    | 'email'
    | 'folded'
    | 'role'
    | 'status'
    | 'start'
    | 'end'
    | 'former'
    | 'formerEnd'
    | 'afterKey'
    | 'afterId',
    string
  > & { limit: number },
  (UserRow & { nameKey: string })[]
>((db, kind, starts, by) => {
  const isHeld = by.role && !by.email
  const [from, id] = isHeld ? [userRoles, userRoles.userId] : [users, users.id]
  // The plus keeps SQLite from reading everybody by another index until somebody has the address.
  const plus = by.email ? sql`+` : sql``
  const order = sql`${plus}${from.nameKey}, ${id}`
  const [afterKey, afterId] = [value('afterKey'), value('afterId')]
  // One bound for where it begins, because an index is searched for one only. The database says which is
  // later: it sorts other than strings are compared here.
  const found = (start: 'start' | 'former', end?: 'end' | 'formerEnd') =>
    and(
      withinKind(kind, id),
      by.email
        ? sql`${users.email} is not null
            and lower(${users.email}) in (lower(${value('email')}), ${value('folded')})`
        : undefined,
      isHeld ? eq(userRoles.role, value('role')) : undefined,
      by.email && by.role
        ? sql`exists (select 1 from user_roles where user_id = users.id and role = ${value('role')})`
        : undefined,
      by.status ? sql`${plus}${from.status} = ${value('status')}` : undefined,
      sql`(${order}) > (max(${value(start)}, ${afterKey}),
        iif(${afterKey} >= ${value(start)}, ${afterId}, ''))`,
      end && lt(from.nameKey, value(end)),
    )
  const page = db.select({ ...profile, nameKey: users.nameKey })
  const first = starts === 'any' ? found('start') : found('start', 'end')
  if (starts !== 'two' && !isHeld) {
    return page.from(users).where(first).orderBy(order).limit(value('limit'))
  }
  const one = (where: SQL | undefined) =>
    sql`select ${from.nameKey}, ${id} as id from ${from} where ${where}`
  const all = starts === 'two' ? [first, found('former', 'formerEnd')] : [first]
  return page
    .from(
      sql`(${sql.join(all.map(one), sql` union `)} order by name_key, id limit ${value('limit')}) page`,
    )
    .innerJoin(users, sql`${users.id} = page.id`)
    .orderBy(sql`page.name_key, page.id`)
})

const FIELDS = ['displayName', 'bio', 'avatarUrl', 'phone', 'address'] as const

const UPDATE = shapes<
  [
    fields: (typeof FIELDS)[number][],
    isMerged: boolean,
    scope: ScopeKind,
    revisions: RevisionsAsked,
    hasCeiling: boolean,
  ],
  Readonly<Record<string, unknown>>,
  { id: UserId }[]
>((db, fields, isMerged, kind, revisions, hasCeiling) =>
  db
    .update(users)
    .set({
      ...Object.fromEntries(fields.map((field) => [field, value(field)])),
      ...(fields.includes('displayName') && {
        nameKey: sql`${value('nameKey')}`,
        ownName: sql`1`,
      }),
      ...(fields.includes('address') && {
        address: isMerged
          ? sql`json_patch(coalesce(${users.address}, '{}'), ${value('address')})`
          : sql`null`,
      }),
      revision: sql`${users.revision} + 1`,
      updatedAt: sql`${value('at')}`,
    })
    .where(
      and(
        eq(users.id, value('id')),
        withinKind(kind, users.id),
        atRevisionAsked(users.revision, revisions),
        hasCeiling ? allowsMember(value('missing'), value('id')) : undefined,
      ),
    )
    .returning({ id: users.id }),
)

/**
 * The display name as it is sorted and searched by: folded as Unicode does it, so that a search finds
 * any case, and `STRASS` finds Straße.
 */
export function nameKey(displayName: string): string {
  return displayName.normalize('NFD').split(DOTLESS).map(folded).join(DOTLESS).normalize('NFC')
}

/** It is no other letter in small, although its capital is that of another. */
const DOTLESS = 'ı'

/** Capitals of some letters are several, and some have a capital alone, so it takes all three steps. */
function folded(text: string): string {
  return inSmall(inSmall(text).toUpperCase())
}

function inSmall(text: string): string {
  // A capital sigma becomes ς at the end of a word, so a name's start would not begin its key.
  return text.toLowerCase().replaceAll('ς', 'σ')
}

/** The keys that names with this start begin with: of now, and if that is another, of before it was folded. */
function keysOf(prefix: string): readonly [key: string, former?: string] {
  const [key, former] = [nameKey(prefix), inSmall(prefix.normalize('NFC'))]
  return key === former ? [key] : [key, former]
}

/** What sorts after every key that begins so. */
function endOf(start: string): string {
  return `${start}\u{10FFFF}`
}

/** Guaranteed by the SQL above: `json_group_array` over role names. */
function parseStrings(json: string): string[] {
  return JSON.parse(json) as string[]
}

/** Guaranteed by the SQL above: one `json_object` per badge. */
function parseBadges(json: string): ProfileBadge[] {
  return JSON.parse(json) as ProfileBadge[]
}
