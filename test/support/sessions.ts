import { rowsOf } from './population.ts'

/**
 * Begins a session at the login of this site for a member, whose account it makes; one of a member who was
 * deleted leads to nobody. @returns its id
 */
export async function sessionOf(userId: string, userAgent: string | null = null): Promise<string> {
  const [account, id] = [`account of ${userId}`, crypto.randomUUID()]
  const [now, later] = [0, 86_400_000].map((ms) => new Date(Date.now() + ms).toISOString())
  await rowsOf(
    `insert into auth_users (id, name, email, email_verified, created_at, updated_at)
     values (?1, 'Ada', lower(?1) || '@example.com', 1, ?2, ?2) on conflict do nothing`,
    account,
    now,
  )
  await rowsOf(
    `insert into identities (issuer, subject, user_id, identity_hash, bootstrapped, created_at)
     select 'built-in', ?1, ?2, ?3, 0, ?4 where exists (select 1 from users where id = ?2)
     on conflict do nothing`,
    account,
    userId,
    crypto.randomUUID().replaceAll('-', '').padEnd(64, '0'),
    now,
  )
  await rowsOf(
    `insert into auth_sessions (id, token, user_id, expires_at, user_agent, created_at, updated_at)
     values (?1, ?1 || ' token', ?2, ?3, ?4, ?5, ?5)`,
    id,
    account,
    later,
    userAgent,
    now,
  )
  return id
}

/** A session of the member that `sessionOf` has begun, if one is left. */
export async function anySessionOf(userId: string): Promise<string | undefined> {
  const [found] = await rowsOf<{ id: string }>(
    'select id from auth_sessions where user_id = ? limit 1',
    `account of ${userId}`,
  )
  return found?.id
}
