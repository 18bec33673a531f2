/** Where the project is, and how wrangler is run on it. */
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

export const ROOT = fileURLToPath(new URL('..', import.meta.url))
export const CONFIG = join(ROOT, 'wrangler.toml')

/** What `npm run deploy` has made of it, with the site's own values in it. */
export const DEPLOYED = join(ROOT, 'wrangler.deploy.json')

export const WRANGLER = join(ROOT, 'node_modules/wrangler/bin/wrangler.js')

/** Arguments for Node that run wrangler on this project, wherever that is done. */
export function wranglerOn(...args: readonly string[]): string[] {
  return [WRANGLER, ...args, '--config', CONFIG]
}
