/**
 * Loaded into wrangler's process (NODE_OPTIONS=--import): writes down how wrangler was called, and
 * answers for it, as nobody has an account at Cloudflare here.
 */
import { appendFileSync } from 'node:fs'

const [, script = '', ...args] = process.argv
if (/[\\/]wrangler[\\/]bin[\\/]wrangler\.js$/.test(script)) {
  const { WRANGLER_CALLS = '', WRANGLER_FOUND = '[]', WRANGLER_FAILS } = process.env
  appendFileSync(WRANGLER_CALLS, `${JSON.stringify(args)}\n`)
  if (WRANGLER_FAILS) {
    console.error(WRANGLER_FAILS)
    process.exit(1)
  }
  console.log(JSON.stringify([{ results: JSON.parse(WRANGLER_FOUND), success: true, meta: {} }]))
  process.exit(0)
}
