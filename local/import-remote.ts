/** How members are imported into the deployed site: by wrangler. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import * as z from 'zod'
import type { Run } from './backup-remote.ts'
import type { Row } from './database.ts'
import type { ImportHands } from './import-members.ts'

const Vars = z.object({
  vars: z.object({ VISIT_SHARDS: z.coerce.number().int().positive(), SITE_TIME_ZONE: z.string() }),
})

export interface ImportStores extends Pick<ImportHands, 'query' | 'write'> {
  readonly visitShards: number
  readonly timeZone: string
}

/** @param config what was deployed */
export function remoteStores(
  query: (sql: string) => Promise<readonly Row[]>,
  run: Run,
  config: unknown,
): ImportStores & { close(): void } {
  const temporary = mkdtempSync(join(tmpdir(), 'guildhall-import-'))
  const file = join(temporary, 'members.sql')
  const { VISIT_SHARDS: visitShards, SITE_TIME_ZONE: timeZone } = Vars.parse(config).vars
  return {
    visitShards,
    timeZone,
    query,
    async write(groups) {
      const lines = groups.flat().map((sql) => `${sql};\n`)
      writeFileSync(file, lines.join(''), { mode: 0o600 })
      run('d1', 'execute', 'DB', '--remote', '--yes', '--file', file)
    },
    close: () => rmSync(temporary, { recursive: true, force: true }),
  }
}
