/** Roles of the site's own making. Whatever changes one changes the rights of everybody who holds it. */
import { and, asc, eq, sql, type SQL, type SQLWrapper } from 'drizzle-orm'
import { type Database, statement } from '../db/client.ts'
import { roles, userRoles } from '../db/schema.ts'
import { type AuditRow, audited, wasWritten } from './audited.ts'
import { type Ceiling, ceilingOfRole } from './ceiling.ts'
import { type Happened, note, openAbout, writeEvent } from './outbox.ts'
import { atRevision, type Revisions, type WriteScope } from './scope.ts'

export type RoleRow = typeof roles.$inferSelect

/** Each role by its name, with its permissions where the site has defined it. */
interface HeldRole {
  readonly name: string
  readonly permissions: RoleRow['permissions'] | null
}

/** The roles of the member with this id, as a column that `parseHeldRoles` reads. */
export function heldRolesOf(userId: SQLWrapper): SQL<string> {
  return sql`(select json_group_array(json(entry)) from (
    select json_object('name', held.role, 'permissions', json(defined.permissions)) as entry
    from user_roles held left join roles defined on defined.name = held.role
    where held.user_id = ${userId} order by held.role))`
}

/** What decides what somebody may. */
interface Standing {
  readonly status: 'active' | 'suspended'
  readonly roles: HeldRole[]
}

/** That of the member with this id, as a column; null if there is none. */
export function standingOf(userId: SQLWrapper): SQL<Standing | null> {
  return sql`(select json_object('status', status, 'roles', json(${heldRolesOf(sql`users.id`)}))
    from users where users.id = ${userId})`.mapWith(parseStanding)
}

/** Guaranteed by the SQL above; a null never comes here. */
function parseStanding(json: string): Standing | null {
  return JSON.parse(json) as Standing
}

/** Guaranteed by the SQL above. */
export function parseHeldRoles(json: string): HeldRole[] {
  return JSON.parse(json) as HeldRole[]
}

/** @param happened where it is noted that gates have to be told */
export function rolesRepository(db: Database, happened: Happened) {
  const select = (name: string) => db.select().from(roles).where(eq(roles.name, name))
  const isStill = (
    { name, revision }: Pick<RoleRow, 'name' | 'revision'>,
    revisions: Revisions,
    { allows }: Ceiling,
  ) =>
    and(
      eq(roles.name, name),
      eq(roles.revision, revision),
      atRevision(roles.revision, revisions),
      allows,
    )

  return {
    async find(name: string) {
      const [row] = await select(name)
      return row
    },

    async list() {
      return db.select().from(roles).orderBy(asc(roles.name))
    },

    /**
     * Revisions go on where a former role of this name ended: what was read of that one, an If-Match or
     * what a giver was compared with, is never taken for this one.
     * @returns the row as it is now and whether it was made by this
     */
    async create(role: Pick<RoleRow, 'name' | 'permissions'>, audit: AuditRow) {
      const at = { createdAt: audit.at, updatedAt: audit.at }
      const write = db
        .insert(roles)
        .values({ ...role, revision: sql`1 + (${timesDefined(role.name)})`, ...at })
        .onConflictDoNothing()
        .returning({ name: roles.name })
      const { written, found } = await audited(db, audit, write, { found: select(role.name) })
      return { changed: written.length > 0, row: found[0] }
    },

    /**
     * Redefines a role that is still as it was read, at a revision that is accepted.
     * @returns as `create` does, and the right in the way, if one was
     */
    async update(
      scope: WriteScope,
      { name, revision }: RoleRow,
      permissions: RoleRow['permissions'],
      revisions: Revisions,
      audit: AuditRow,
    ) {
      const ceiling = ceilingOfRole(db, scope, name)
      const write = db
        .update(roles)
        .set({ permissions, revision: revision + 1, updatedAt: audit.at })
        .where(isStill({ name, revision }, revisions, ceiling))
        .returning({ name: roles.name })
      const { written, found, inTheWay, open } = await audited(db, audit, write, {
        rights: movedRights(name, wasWritten(audit)),
        keyRights: movedKeys(name, wasWritten(audit)),
        found: select(name),
        inTheWay: ceiling.inTheWay,
        ...writeEvent(db, audit, 'keys-changed', keysOfHolders(name)),
      })
      note(happened, open)
      return { changed: written.length > 0, row: found[0], inTheWay: inTheWay?.[0] }
    },

    /**
     * Deletes a role as `update` redefines one, and takes it from its holders.
     * @returns whether it did, and the right in the way, if one was
     */
    async delete(
      scope: WriteScope,
      { name, revision }: RoleRow,
      revisions: Revisions,
      audit: AuditRow,
    ) {
      const gone = wasWritten(audit)
      const ceiling = ceilingOfRole(db, scope, name)
      const write = db
        .delete(roles)
        .where(isStill({ name, revision }, revisions, ceiling))
        .returning({ name: roles.name })
      const { written, inTheWay, open } = await audited(db, audit, write, {
        ...writeEvent(db, audit, 'role-deleted', keysOfHolders(name)),
        rights: statement(
          db,
          sql`update users set access_revision = access_revision + 1, revision = revision + 1,
            updated_at = ${audit.at} where id in ${holdersOf(name)} and ${gone}`,
        ),
        keyRights: movedKeys(name, gone),
        held: db.delete(userRoles).where(and(eq(userRoles.role, name), gone)),
        inTheWay: ceiling.inTheWay,
      })
      note(happened, open)
      return { isDeleted: written.length > 0, inTheWay: inTheWay?.[0] }
    },

    /**
     * Notes what is still to be followed up about a role, for an act that has nothing to write.
     * @returns whether that is its deletion
     */
    async reopen(name: string) {
      const open = await openAbout(db, name)
      note(happened, open)
      return open.some(({ kind }) => kind === 'role-deleted')
    },
  }

  function movedRights(name: string, written: SQL) {
    return statement(
      db,
      sql`update users set access_revision = access_revision + 1
      where id in ${holdersOf(name)} and ${written}`,
    )
  }

  function movedKeys(name: string, written: SQL) {
    return statement(
      db,
      sql`update api_keys set access_revision = access_revision + 1
      where created_by in ${holdersOf(name)} and ${written}`,
    )
  }
}

function keysOfHolders(name: string): SQL {
  return sql`select id from api_keys where created_by in ${holdersOf(name)}`
}

/** How often a role of this name was made or redefined: each time is on record, and the record stays. */
function timesDefined(name: string): SQL {
  return sql`select count(*) from audit_log where target = ${name} and action = 'role.define'`
}

function holdersOf(name: string): SQL {
  return sql`(select user_id from user_roles where role = ${name})`
}
