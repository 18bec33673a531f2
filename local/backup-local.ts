/** How a local site is backed up and restored: its database is a file, its bucket is in the state directory. */
import { globSync } from 'node:fs'
import { basename, join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import type { RestoreHands } from './backup-steps.ts'
import type { Asking } from './database.ts'
import { runLines } from './database-sql.ts'
import { ask, settle } from './operator.ts'
import { Refusal } from './refusal.ts'
import { type Site, startSite } from './site.ts'
import { storesOf } from './stores.ts'

/** The one file that the database of a local site is. @throws Refusal */
export function databaseFile(stateDir: string): string {
  const files = globSync(join(stateDir, 'v3/d1/*/*.sqlite')).filter(
    (file) => basename(file) !== 'metadata.sqlite',
  )
  const [file, ...others] = files
  if (file === undefined || others.length > 0)
    throw new Refusal(`there are ${files.length} databases in ${stateDir}, and should be one`)
  return file
}

/** The database as it is at the first thing that is read of it, also while a site runs. */
export function localSnapshot(stateDir: string): DatabaseSync {
  return new DatabaseSync(databaseFile(stateDir), { readOnly: true })
}

/**
 * Starts the site when something is asked of it, and stops it while its database is loaded.
 * @returns what restoring needs, and how to end it
 */
export function localRestore(
  stateDir: string,
  settings: Readonly<Record<string, string>>,
): Pick<RestoreHands, 'query' | 'ask' | 'settle' | 'load' | 'bucket'> & { end(): Promise<void> } {
  let site: Promise<Site> | undefined
  const stores = async () => storesOf(await running())
  const access: Asking = {
    query: async (sql) => (await stores()).query(sql),
    tick: async () => void (await (await running()).tick()),
  }
  return {
    query: access.query,
    ask: async (kind, given) => ask(access, kind, false, given),
    settle: async (id) => settle(access, id),
    bucket: {
      get: async (...moved) => (await stores()).bucket.get(...moved),
      put: async (...moved) => (await stores()).bucket.put(...moved),
      drop: async (...moved) => (await stores()).bucket.drop(...moved),
    },
    async load(files) {
      await end()
      const db = new DatabaseSync(databaseFile(stateDir))
      try {
        await runLines(db, files)
      } catch (error) {
        const why = error instanceof Error ? error.message : 'no reason given'
        throw new Refusal(
          `the database is as it was (${why}), and the objects are loaded: try again`,
        )
      } finally {
        db.close()
      }
      // The next start applies the migrations that are missing.
    },
    end,
  }

  async function running(): Promise<Site> {
    return (site ??= started())
  }

  async function started(): Promise<Site> {
    const site = await startSite({ stateDir, settings, keepsRequests: true })
    // The first request writes whose database it is.
    await fetch(`${site.url}/v1/me`)
    return site
  }

  async function end(): Promise<void> {
    const running = site
    site = undefined
    await (await running)?.stop()
  }
}
