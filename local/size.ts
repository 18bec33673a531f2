/** `npm run size`: how much is uploaded, with all there is and in builds that leave something out. */
import { gzipSync } from 'node:zlib'
import { parseArgs } from 'node:util'
import { called } from './called.ts'
import { compiledWorker } from './compile.ts'

const USAGE = 'usage: npm run size'

const BUILDS = [
  ['all of it', []],
  ['without the login', ['--define=VERIFY_ONLY:true']],
  ['without pages', ['--define=WITHOUT_PAGES:true']],
  ['without the console', ['--define=WITHOUT_CONSOLE:true']],
] as const

called(USAGE, () => parseArgs({ options: {} }).values)

for (const [name, options] of BUILDS) {
  const code = await compiledWorker(...options)
  const [plain, zipped] = [Buffer.byteLength(code), gzipSync(code).length].map(kibibytes)
  console.log(`${name}: ${plain} KiB, ${zipped} KiB gzip`)
}

function kibibytes(bytes: number): number {
  return Math.round(bytes / 1024)
}
