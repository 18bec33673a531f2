/** The archive of a local site: a bucket of its own, whose files are copied into a folder as they come. */
import { mkdirSync, renameSync, statSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import type { Miniflare } from 'miniflare'

export const ARCHIVE = { binding: 'ARCHIVE', folder: 'archive' } as const

interface ArchiveCopier {
  /** Copies the files that are new or written anew; one call at a time. */
  readonly copy: () => Promise<void>
  /** Copies for the last time. A runtime that Ctrl-C has reached first has no more; the next start goes on. */
  readonly finish: () => Promise<void>
}

export function archiveCopier(miniflare: Miniflare, stateDir: string): ArchiveCopier {
  const folder = join(stateDir, ARCHIVE.folder)
  let last = Promise.resolve()
  let isFinishing = false
  const copy = async () => {
    last = last.then(copyAll).catch((error: unknown) => {
      if (!isFinishing) console.error('archive not copied:', error)
    })
    return last
  }
  const finish = async () => {
    isFinishing = true
    return copy()
  }
  return { copy, finish }

  async function copyAll(): Promise<void> {
    const bucket = await miniflare.getR2Bucket(ARCHIVE.binding)
    let cursor: string | undefined
    do {
      const page = await bucket.list(cursor === undefined ? {} : { cursor })
      for (const { key, uploaded } of page.objects) {
        const file = join(folder, basename(key))
        const copied = statSync(file, { throwIfNoEntry: false })
        if (copied && copied.mtimeMs >= uploaded.getTime()) continue
        const text = await (await bucket.get(key))?.text()
        if (text === undefined) continue
        mkdirSync(folder, { recursive: true, mode: 0o700 })
        writeFileSync(`${file}.part`, text, { mode: 0o600 })
        renameSync(`${file}.part`, file)
      }
      cursor = page.truncated ? page.cursor : undefined
    } while (cursor !== undefined)
  }
}
