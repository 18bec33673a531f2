/** `npm run size`: how much is uploaded, with the built-in login and in a build that leaves it out. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { bundleWorker } from './project.ts'

const BUILDS = [
  ['with the login', []],
  ['without it', ['--define=VERIFY_ONLY:true']],
] as const

const dir = mkdtempSync(join(tmpdir(), 'guildhall-size-'))
try {
  for (const [name, options] of BUILDS) {
    const code = await bundleWorker(dir, ...options)
    const [plain, zipped] = [Buffer.byteLength(code), gzipSync(code).length].map(kibibytes)
    console.log(`${name}: ${plain} KiB, ${zipped} KiB gzip`)
  }
} finally {
  rmSync(dir, { recursive: true, force: true })
}

function kibibytes(bytes: number): number {
  return Math.round(bytes / 1024)
}
