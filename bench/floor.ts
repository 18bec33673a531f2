/**
 * Two floors: what nobody can do without, and nothing else. No framework, no routing to speak of, no
 * validation; raw SQL, the audit row included. `same` makes the trips that the site made before it assumed
 * whom it knows, one for who calls and one for what they want; `one` sends both as one batch.
 */
import { DurableObject } from 'cloudflare:workers'

interface Env {
  readonly DB: D1Database
  readonly COUNTER: DurableObjectNamespace<Counter>
  /** The origin of the pages. */
  readonly PAGES: Fetcher
  /** Of the issuer, as JSON. */
  readonly JWK: string
  readonly TRIPS: 'same' | 'one'
}

export class Counter extends DurableObject<Env> {
  constructor(ctx: DurableObjectState, env: Env) {
    super(ctx, env)
    ctx.storage.sql.exec(
      'create table if not exists uses (who text primary key, uses integer) strict, without rowid',
    )
  }

  /** One upsert, as a counted visit or a counted use of a key takes at least. */
  count(who: string): number {
    return this.ctx.storage.sql
      .exec<{ uses: number }>(
        `insert into uses values (?, 1)
          on conflict (who) do update set uses = uses + 1 returning uses`,
        who,
      )
      .one().uses
  }
}

type Statement = readonly [sql: string, ...values: unknown[]]
type Row = Record<string, unknown>

const ID = '(select user_id from identities where subject = ?)'
const ROLES = `(select json_group_array(json(entry)) from (
  select json_object('name', held.role, 'permissions', json(defined.permissions)) as entry
  from user_roles held left join roles defined on defined.name = held.role
  where held.user_id = users.id order by held.role)) as roles`
const MEMBER = `select users.id, status, access_revision, visit_shard, bootstrapped, ${ROLES}
  from identities join users on users.id = identities.user_id where identities.subject = ?`
const PROFILE = `select users.*, (select json_group_array(role) from
    (select role from user_roles where user_id = users.id order by role)) as role_names,
  (select json_group_array(json_object('id', id, 'slug', slug, 'title', title, 'backgroundColor',
      background_color, 'textColor', text_color, 'iconUrl', icon_url)) from
    (select badges.* from badge_assignments held join badges on badges.id = held.badge_id
      where held.user_id = users.id and held.removed_at is null
      order by badges.position, badges.id)) as badges from users`
const AUDIT = `insert into audit_log
  (id, at, actor, on_behalf_of, action, target, reason, request_id, changes)
  select ?, ?, ${ID}, null, ?, ?, null, ?, '{}' where changes() > 0`
const LIVE = "status in ('pending', 'confirmed') and (hold_until is null or hold_until > ?)"
const BOOK = `insert into bookings (id, service_id, slot_id, starts_at, ends_at, owner, booked_by, status,
    hold_until, note, contact, revision, created_at, updated_at)
  select ?, service_id, slots.id, starts_at, ends_at, ${ID}, ${ID}, 'pending', null, null, null, 1, ?, ?
  from slots where slots.id = ? and starts_at > ?
    and not exists (select 1 from bookings where slot_id = slots.id and owner = ${ID} and ${LIVE})
    and (select count(*) from bookings where slot_id = slots.id and ${LIVE}) < capacity`
const BOOKING = `select bookings.*, services.name from bookings
  join services on services.id = bookings.service_id where bookings.id = ?`
const RULES = `select page_rules.*, exists (select 1 from badge_assignments where user_id = ${ID}
    and badge_id = access ->> 'badge' and removed_at is null) as is_held
  from page_rules order by position, id`
/** As many as the site has. */
const SHARDS = 8
const BYTES = new TextEncoder()

let key: Promise<CryptoKey> | undefined
let made = 0

export default {
  async fetch(request, env) {
    const { pathname, searchParams } = new URL(request.url)
    const bearer = (request.headers.get('Authorization') ?? '').slice('Bearer '.length)
    const session = env.DB.withSession('first-primary')
    const bound = ([sql, ...values]: Statement) => session.prepare(sql).bind(...values)
    const last = (results: D1Result<Row>[]) => results.at(-1)?.results
    const anything = async (...statements: Statement[]) =>
      last(await session.batch<Row>(statements.map(bound)))
    const user: Statement = [`${PROFILE} where users.id = ?`, pathname.slice('/v1/users/'.length)]
    if (bearer === '') return answer((await anything(user))?.[0])
    if (bearer.startsWith('guild_')) {
      await crypto.subtle.digest('SHA-256', BYTES.encode(bearer))
      await env.COUNTER.getByName('key').count('key')
      return answer((await anything(user))?.[0])
    }
    const subject = await subjectOf(bearer, env)
    if (!subject) return new Response(null, { status: 401 })
    const member: Statement = [MEMBER, subject]
    const known = async (...statements: Statement[]) => {
      if (env.TRIPS === 'one') return anything(member, ...statements)
      await anything(member)
      return anything(...statements)
    }
    const [now, id] = [new Date().toISOString(), `bench_${Date.now()}_${made++}`]
    const audit = (action: string): Statement => [AUDIT, id, now, subject, action, id, id]
    if (pathname.startsWith('/members/')) {
      if (!(await known([RULES, subject]))?.[0]) return answer(undefined)
      const { body, status, headers } = await env.PAGES.fetch(request.url, { redirect: 'manual' })
      return new Response(body, { status, headers })
    }
    if (pathname === '/v1/whoami') return answer((await anything(member))?.[0])
    if (pathname === '/v1/users') {
      const limit = Number(searchParams.get('limit'))
      return answer(await known([`${PROFILE} order by name_key, id limit ?`, limit]))
    }
    if (pathname === '/v1/me/visits') {
      await anything(member)
      const shard = subject.charCodeAt(subject.length - 1) % SHARDS
      const total = await env.COUNTER.getByName(`shard ${shard}`).count(subject)
      return answer({ total }, 201)
    }
    if (pathname === '/v1/bookings') {
      const { slotId } = await request.json<{ slotId: string }>()
      const who = [subject, now, now]
      const booking: Statement = [BOOK, id, subject, subject, now, now, slotId, now, ...who]
      return answer((await known(booking, audit('booking.create'), [BOOKING, id]))?.[0], 201)
    }
    if (request.method === 'PATCH') {
      const { bio } = await request.json<{ bio: string }>()
      const update: Statement = [
        `update users set bio = ?, revision = revision + 1, updated_at = ? where id = ${ID}`,
        bio,
        now,
        subject,
      ]
      const mine: Statement = [`${PROFILE} where users.id = ${ID}`, subject]
      return answer((await known(update, audit('profile.update'), mine))?.[0])
    }
    return answer((await known(user))?.[0])
  },
} satisfies ExportedHandler<Env>

/** Whoever gets nothing has not done what is measured. */
function answer(body: unknown, status = 200): Response {
  return body === undefined ? new Response(null, { status: 500 }) : Response.json(body, { status })
}

async function subjectOf(token: string, { JWK }: Env): Promise<string | undefined> {
  const ES256 = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' }
  key ??= crypto.subtle.importKey('jwk', JSON.parse(JWK), ES256, false, ['verify'])
  const [head = '', payload = '', signature = ''] = token.split('.')
  const signed = BYTES.encode(`${head}.${payload}`)
  const isGood = await crypto.subtle.verify(ES256, await key, decoded(signature), signed)
  if (!isGood) return undefined
  const { sub, exp } = JSON.parse(new TextDecoder().decode(decoded(payload)))
  return exp > Date.now() / 1000 ? sub : undefined
}

function decoded(text: string): Uint8Array<ArrayBuffer> {
  const base64 = text.replaceAll('-', '+').replaceAll('_', '/')
  return Uint8Array.from(atob(base64), (char) => char.charCodeAt(0))
}
