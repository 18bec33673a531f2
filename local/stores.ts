/**
 * What commands may do with the database and the buckets of a local site. Two processes on one of them lock
 * each other out, so where the site runs, the process that serves it does it for them; the way there is
 * control.ts.
 */
import { readFile, writeFile } from 'node:fs/promises'
import type { Miniflare } from 'miniflare'
import * as z from 'zod'
import { askProcess } from './control.ts'
import { Refusal } from './refusal.ts'
import type { RunningServer } from './state.ts'

const Rows = z.array(z.record(z.string(), z.unknown()))
type Rows = z.infer<typeof Rows>

/** Objects of a bucket, as files. */
export interface Bucket {
  /** @throws Refusal if there is none of that key */
  readonly get: (key: string, file: string) => Promise<void>
  readonly put: (key: string, file: string) => Promise<void>
  readonly drop: (key: string) => Promise<void>
}

export interface Stores {
  readonly query: (sql: string) => Promise<Rows>
  /** Runs each of the groups as one transaction. */
  readonly write: (groups: readonly (readonly string[])[]) => Promise<void>
  /** What is bound as BACKUPS. */
  readonly bucket: Bucket
  /** What is bound as ARCHIVE. */
  readonly archive: Bucket
}

const Binding = z.enum(['BACKUPS', 'ARCHIVE'])
type Binding = z.infer<typeof Binding>

/** What a site of this process has of them. */
interface Opened {
  readonly db: Awaited<ReturnType<Miniflare['getD1Database']>>
  readonly bucket: (binding: Binding) => ReturnType<Miniflare['getR2Bucket']>
}

const StoreRequest = z.discriminatedUnion('store', [
  z.strictObject({ store: z.literal('database'), groups: z.array(z.array(z.string()).min(1)) }),
  z.strictObject({
    store: z.literal('bucket'),
    binding: Binding,
    verb: z.enum(['get', 'put', 'drop']),
    key: z.string(),
    file: z.string(),
  }),
])
type StoreRequest = z.infer<typeof StoreRequest>

/** Of a site in this process. */
export function storesOf({ db, bucket }: Opened): Stores {
  return {
    query: async (sql) => (await db.prepare(sql).all()).results,
    async write(groups) {
      for (const group of groups) await db.batch(group.map((sql) => db.prepare(sql)))
    },
    bucket: filesOf('BACKUPS'),
    archive: filesOf('ARCHIVE'),
  }

  function filesOf(binding: Binding): Bucket {
    return {
      async get(key, file) {
        const found = await (await bucket(binding)).get(key)
        if (!found) throw new Refusal(`the bucket has no ${key}`)
        await writeFile(file, new Uint8Array(await found.arrayBuffer()), { mode: 0o600 })
      },
      put: async (key, file) => void (await (await bucket(binding)).put(key, await readFile(file))),
      drop: async (key) => (await bucket(binding)).delete(key),
    }
  }
}

/** Of a site that another process serves. */
export function storesBehind(server: RunningServer): Stores {
  const ask = async (request: StoreRequest) => askProcess(server, request, () => {})
  const filesOf = (binding: Binding): Bucket => {
    const move = async (verb: 'get' | 'put' | 'drop', key: string, file: string) =>
      void (await ask({ store: 'bucket', binding, verb, key, file }))
    return {
      get: async (key, file) => move('get', key, file),
      put: async (key, file) => move('put', key, file),
      drop: async (key) => move('drop', key, ''),
    }
  }
  return {
    query: async (sql) => Rows.parse(await ask({ store: 'database', groups: [[sql]] })),
    async write(groups) {
      const asked = groups.map((group) => [...group])
      await ask({ store: 'database', groups: asked })
    },
    bucket: filesOf('BACKUPS'),
    archive: filesOf('ARCHIVE'),
  }
}

/** Does what another process has asked for. @returns undefined if it has asked for something else */
export async function doneFor(site: Opened, request: unknown): Promise<Rows | undefined> {
  const asked = StoreRequest.safeParse(request).data
  if (!asked) return undefined
  const stores = storesOf(site)
  if (asked.store === 'bucket') {
    const bucket = asked.binding === 'ARCHIVE' ? stores.archive : stores.bucket
    await bucket[asked.verb](asked.key, asked.file)
    return []
  }
  const [only, ...others] = asked.groups
  if (only?.length === 1 && others.length === 0) return stores.query(only[0] ?? '')
  await stores.write(asked.groups)
  return []
}
