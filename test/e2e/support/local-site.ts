/** One site for all tests of a file, as `npm start` serves it. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll } from 'vitest'
import { sign } from '../../../local/dev-issuer.ts'
import { localSettings } from '../../../local/settings.ts'
import { type Site, startSite } from '../../../local/site.ts'

export interface LocalSite {
  readonly url: string
  /** A token of the development issuer, for the admin `root` unless named. */
  token(subject?: string): Promise<string>
  /** Makes a call as an admin. @returns the answer's body @throws Error if that is no success */
  admin<T>(method: string, path: string, json?: unknown): Promise<T>
}

export function localSite(): LocalSite {
  const stateDir = mkdtempSync(join(tmpdir(), 'guildhall-'))
  let site: Site | undefined
  beforeAll(async () => {
    site = await startSite({ stateDir, settings: await localSettings(stateDir, stateDir) })
  })
  afterAll(async () => {
    await site?.stop()
    rmSync(stateDir, { recursive: true, force: true })
  })
  const token = (subject = 'root') => sign(stateDir, subject, {}, 3600)
  return {
    get url() {
      return site?.url ?? ''
    },
    token,
    async admin(method, path, json) {
      const response = await fetch(`${site?.url}${path}`, {
        method,
        headers: { Authorization: `Bearer ${await token()}`, 'Content-Type': 'application/json' },
        ...(json !== undefined && { body: JSON.stringify(json) }),
      })
      const text = await response.text()
      if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${text}`)
      return JSON.parse(text)
    },
  }
}
