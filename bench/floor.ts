/**
 * The floor: what nobody can do without, and nothing else. No framework, no routing to speak of, no
 * validation, no audit; the same signature, the same round trips, raw SQL.
 */
import { DurableObject } from 'cloudflare:workers'

interface Env {
  readonly DB: D1Database
  readonly COUNTER: DurableObjectNamespace<Counter>
  /** Of the issuer, as JSON. */
  readonly JWK: string
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

const MEMBER = `select users.* from identities join users on users.id = identities.user_id
  where identities.subject = ?`
const USER = 'select * from users where id = ?'
const RENAME = 'update users set bio = ?, revision = revision + 1 where id = ? returning *'
/** As many as the site has. */
const SHARDS = 8
const BYTES = new TextEncoder()

let key: Promise<CryptoKey> | undefined

export default {
  async fetch(request, env) {
    const { pathname } = new URL(request.url)
    const bearer = (request.headers.get('Authorization') ?? '').slice('Bearer '.length)
    const session = env.DB.withSession('first-primary')
    const first = (sql: string, ...values: string[]) =>
      session
        .prepare(sql)
        .bind(...values)
        .first<Record<string, unknown>>()
    if (bearer.startsWith('guild_')) {
      await crypto.subtle.digest('SHA-256', BYTES.encode(bearer))
      await env.COUNTER.getByName('key').count('key')
      return Response.json(await first(USER, pathname.slice('/v1/users/'.length)))
    }
    const subject = await subjectOf(bearer, env)
    if (!subject) return new Response(null, { status: 401 })
    const member = await first(MEMBER, subject)
    if (pathname === '/v1/whoami') return Response.json(member)
    if (pathname === '/v1/me/visits') {
      const shard = subject.charCodeAt(subject.length - 1) % SHARDS
      const total = await env.COUNTER.getByName(`shard ${shard}`).count(subject)
      return Response.json({ total }, { status: 201 })
    }
    if (request.method === 'PATCH') {
      const { bio } = await request.json<{ bio: string }>()
      return Response.json(await first(RENAME, bio, String(member?.['id'])))
    }
    return Response.json(await first(USER, pathname.slice('/v1/users/'.length)))
  },
} satisfies ExportedHandler<Env>

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
