/** A row of a member as the API shows it. */
import type { UserRow } from '../repositories/users.ts'

/** Every member is a `member`, which is why no row says so. */
export function profileOf<Row extends Pick<UserRow, 'roles'>>(row: Row): Row {
  return { ...row, roles: ['member', ...row.roles] }
}
