/**
 * What the pages load: Swagger UI out of its package, which is deployed as static assets that only
 * this module can reach, and two small files of our own. The path changes with the content, so that
 * a browser can keep what it has.
 */
import swaggerUi from 'swagger-ui-dist/package.json' with { type: 'json' }
import { Problem } from '../../problem.ts'
import { sha256 } from '../../crypto/digest.ts'
import type { AppContext } from '../context.ts'
import { PAGE_STYLE, START_SCRIPT } from './own-assets.ts'

interface Asset {
  readonly type: `text/${string}`
  /** Left out for a file of the package. */
  readonly text?: string
}

/** Nothing else of the package is served. The licences are here because its bundle refers to them. */
const ASSETS = {
  'page.css': { type: 'text/css', text: PAGE_STYLE },
  'start.js': { type: 'text/javascript', text: START_SCRIPT },
  'swagger-ui.css': { type: 'text/css' },
  'swagger-ui-bundle.js': { type: 'text/javascript' },
  'swagger-ui-bundle.js.LICENSE.txt': { type: 'text/plain' },
  LICENSE: { type: 'text/plain' },
  NOTICE: { type: 'text/plain' },
} as const satisfies Record<string, Asset>

type AssetName = keyof typeof ASSETS
export const ASSET_NAMES = Object.keys(ASSETS)

export async function assetUrl(name: AssetName): Promise<string> {
  return `/docs/assets/${await edition()}/${name}`
}

/** Another one whenever a file is another one. */
export async function edition(): Promise<string> {
  return (await sha256([swaggerUi.version, PAGE_STYLE, START_SCRIPT].join('\n'))).slice(0, 16)
}

/** @throws Problem `not_found` for another file, or for a file of another edition */
export async function asset(c: AppContext, wanted: string, name: string): Promise<Response> {
  if (!isAsset(name) || wanted !== (await edition()))
    throw new Problem('not_found', 'There is no such file.')
  const { type, text }: Asset = ASSETS[name]
  c.header('Content-Type', `${type}; charset=utf-8`)
  c.header('Cache-Control', 'public, max-age=31536000, immutable')
  return text === undefined ? c.body(await packaged(c, name)) : c.body(text)
}

async function packaged(c: AppContext, name: AssetName): Promise<ReadableStream> {
  const { ok, status, body } = await c.env.ASSETS.fetch(new URL(name, 'https://assets.invalid'))
  if (!ok || !body) throw new Error(`the static asset ${name} answered ${status}`)
  return body
}

function isAsset(name: string): name is AssetName {
  return Object.hasOwn(ASSETS, name)
}
