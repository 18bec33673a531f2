/** What every site that is measured has in common: how Miniflare runs it, whom it trusts, and its schema. */
import type { Miniflare } from 'miniflare'
import type { Project } from '../local/compile.ts'
import { DEV_ISSUER, DEV_ROOT, type trustedIssuer } from '../local/dev-issuer.ts'

const PLACE = { host: '127.0.0.1', port: 0 }

/** Says nothing, and is reached from this machine alone. */
export const QUIET = { ...PLACE, cf: false, logRequests: false } as const

/** Of a Worker that answers on a socket of its own: Miniflare's usual way puts a proxy before all of them. */
export const DIRECT = { unsafeDirectSockets: [PLACE] }

/** The settings of a site that trusts the issuer of development, and its first admin. */
export function trusting(issuer: Awaited<ReturnType<typeof trustedIssuer>>) {
  return {
    TRUSTED_ISSUERS: JSON.stringify([issuer]),
    BOOTSTRAP_ADMINS: JSON.stringify([`${DEV_ISSUER}|${DEV_ROOT}`]),
  }
}

/** Makes the schema in the database of the Worker that is named so. */
export async function migrated(
  miniflare: Miniflare,
  name: string,
  migrations: Project['migrations'],
) {
  const db = await miniflare.getD1Database('DB', name)
  for (const { queries } of migrations) {
    await db.batch(queries.map((query) => db.prepare(query)))
  }
  return db
}
