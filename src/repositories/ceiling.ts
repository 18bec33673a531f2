/**
 * The ceiling of taking, as SQL: whoever has a right that the scope of a write is missing loses
 * nothing by it. A write has the ceiling in its `where`, so somebody who was promoted a moment ago is
 * safe, and its batch reads afterwards what was in the way.
 */
import { type Placeholder, type SQL, sql } from 'drizzle-orm'
import { type Database, rows } from '../db/client.ts'
import type { KeyId, UserId } from '../db/ids.ts'
import type { MissingRight, WriteScope } from './scope.ts'

/** A right of theirs that whoever writes does not have. */
export type RightInTheWay = Pick<MissingRight, 'permission' | 'reach'>

export interface Ceiling {
  /** The condition in the `where` of the write; undefined if nothing can be in the way. */
  readonly allows: SQL | undefined
  /** For the same batch, after the write: the first right that is in the way, if one is. */
  readonly inTheWay: ReturnType<typeof rows<RightInTheWay>> | undefined
}

/** To take from a member takes what their roles give, whether they are suspended or not. */
export function ceilingOfMember(db: Database, scope: WriteScope, id: UserId): Ceiling {
  return ceiling(db, scope, heldBy(sql`${id}`))
}

/** What `ceilingOfMember` allows, for a statement whose text is made once. */
export function allowsMember(missing: Placeholder, id: Placeholder): SQL {
  return sql`not exists (${theirs(missing, heldBy(sql`${id}`))})`
}

/** To change a role, or to delete it, is to take from everybody who holds it. */
export function ceilingOfRole(db: Database, scope: WriteScope, name: string): Ceiling {
  return ceiling(db, scope, heldBy(sql`select user_id from user_roles where role = ${name}`))
}

/**
 * To take from a key takes its scopes, and the rights of whoever created it.
 * @param except a creator who needs neither
 */
export function ceilingOfKey(
  db: Database,
  scope: WriteScope,
  id: KeyId,
  except: string | null = null,
): Ceiling {
  const key = sql`from api_keys where id = ${id} and created_by is not ${except}`
  const isScope = sql`(reach = 'any' and permission in (
    select value from json_each((select scopes ${key}))))`
  return ceiling(db, scope, sql`(${isScope} or ${heldBy(sql`select created_by ${key}`)})`)
}

/** @param isTheirs whether it is a right of theirs, by `permission`, `reach` and the `roles` with it */
function ceiling(db: Database, scope: WriteScope, isTheirs: SQL): Ceiling {
  if (scope.missing.length === 0) return { allows: undefined, inTheWay: undefined }
  const inTheWay = theirs(JSON.stringify(scope.missing), isTheirs)
  return {
    allows: sql`not exists (${inTheWay})`,
    inTheWay: rows<RightInTheWay>(db, sql`${inTheWay} limit 1`),
  }
}

function theirs(missing: string | Placeholder, isTheirs: SQL): SQL {
  return sql`select permission, reach from (
      select value ->> 'permission' as permission, value ->> 'reach' as reach,
        value -> 'roles' as roles
      from json_each(${missing}))
    where ${isTheirs}`
}

/** Whether one of these members has the right: by a built-in role, or by one that the site has defined. */
function heldBy(members: SQL): SQL {
  return sql`exists (
    select 1 from user_roles held left join roles defined on defined.name = held.role
    where held.user_id in (${members}) and (
      held.role in (select value from json_each(roles))
      or exists (select 1 from json_each(defined.permissions)
        where key = permission and value = reach)))`
}
