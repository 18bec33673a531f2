/** The site as it would be deployed and the floor, side by side in one runtime and on one database. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'
import { convertV4MiniflareOptions, Miniflare } from 'miniflare'
import { DEV_ISSUER, DEV_ROOT, sign, trustedIssuer } from '../local/dev-issuer.ts'
import { migrate } from '../local/migrate.ts'
import { project } from '../local/project.ts'

export interface Servers {
  readonly site: string
  readonly floor: string
  readonly token: (subject: string) => Promise<string>
  readonly stop: () => Promise<void>
}

/** Each answers on a socket of its own: Miniflare's usual way puts a proxy before both. */
export async function startServers(): Promise<Servers> {
  const stateDir = mkdtempSync(join(tmpdir(), 'guildhall-bench-'))
  const persistTo = join(stateDir, 'v3')
  await migrate(persistTo)
  const [made, floor, issuer] = [
    await project(),
    await bundleFloor(),
    await trustedIssuer(stateDir),
  ]
  const shared = { unsafeDirectSockets: [{ host: '127.0.0.1', port: 0 }] }
  const options = convertV4MiniflareOptions({
    host: '127.0.0.1',
    port: 0,
    cf: false,
    logRequests: false,
    workers: [
      {
        ...made.worker,
        ...shared,
        name: 'site',
        bindings: {
          TRUSTED_ISSUERS: JSON.stringify([issuer]),
          BOOTSTRAP_ADMINS: JSON.stringify([`${DEV_ISSUER}|${DEV_ROOT}`]),
          VISIT_SHARDS: '8',
        },
        modules: [{ type: 'ESModule', path: 'worker.js', contents: made.code }],
      },
      {
        ...shared,
        name: 'floor',
        compatibilityDate: '2026-10-01',
        bindings: { JWK: JSON.stringify(issuer.jwks.keys[0]) },
        d1Databases: { DB: { id: made.database } },
        durableObjects: { COUNTER: { className: 'Counter', useSQLite: true } },
        modules: [{ type: 'ESModule', path: 'floor.js', contents: floor }],
      },
    ],
  })
  const miniflare = new Miniflare({ ...options, resourcePersistencePath: persistTo })
  const originOf = async (name: string) => (await miniflare.unsafeGetDirectURL(name)).origin
  return {
    site: await originOf('site'),
    floor: await originOf('floor'),
    token: (subject) => sign(stateDir, subject, {}, 3600),
    stop: async () => {
      await miniflare.dispose()
      rmSync(stateDir, { recursive: true, force: true })
    },
  }
}

async function bundleFloor(): Promise<string> {
  const { outputFiles } = await build({
    entryPoints: [fileURLToPath(new URL('floor.ts', import.meta.url))],
    bundle: true,
    format: 'esm',
    external: ['cloudflare:workers'],
    write: false,
  })
  return outputFiles[0]?.text ?? ''
}
