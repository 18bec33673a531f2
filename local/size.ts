/** `npm run size`: how much is uploaded, with the built-in login and in a build that leaves it out. */
import { gzipSync } from 'node:zlib'
import { compiledWorker } from './compile.ts'

const BUILDS = [
  ['with the login', []],
  ['without it', ['--define=VERIFY_ONLY:true']],
] as const

for (const [name, options] of BUILDS) {
  const code = await compiledWorker(...options)
  const [plain, zipped] = [Buffer.byteLength(code), gzipSync(code).length].map(kibibytes)
  console.log(`${name}: ${plain} KiB, ${zipped} KiB gzip`)
}

function kibibytes(bytes: number): number {
  return Math.round(bytes / 1024)
}
