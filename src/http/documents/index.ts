/** What does not fit a declaration: documents about the API, for people and for tools. */
import type { Hono } from 'hono'
import { settingsOf } from '../../settings/settings.ts'
import type { AppContext, AppEnv } from '../context.ts'
import type { Route } from '../route.ts'
import { asset } from './assets.ts'
import { docs } from './docs.ts'
import { llmsTxt } from './llms.ts'
import { problemIndex, problemPage } from './problems.ts'
import { securityTxt } from './security-txt.ts'
import { plainText } from './plain-text.ts'
import { openapiOf } from './openapi.ts'

type Handler = (c: AppContext, routes: readonly Route[]) => Response | Promise<Response>

const DOCUMENTS = {
  '/healthz': (c) => {
    settingsOf(c.env)
    return c.json({ status: 'ok' })
  },
  '/openapi.json': (c, routes) => c.json(openapiOf(routes, originOf(c))),
  '/docs': docs,
  '/docs/assets/:edition/:file': (c) => asset(c, param(c, 'edition'), param(c, 'file')),
  '/problems': problemIndex,
  '/problems/:code': (c) => problemPage(c, param(c, 'code')),
  '/llms.txt': (c, routes) => plainText(c, llmsTxt(routes, originOf(c))),
  '/.well-known/security.txt': securityTxt,
} as const satisfies Record<string, Handler>

/** The paths served here; a test compares this list with the running app. */
export const DOCUMENT_PATHS = Object.keys(DOCUMENTS)

export function documents(app: Hono<AppEnv>, routes: readonly Route[]): void {
  for (const [path, handler] of Object.entries<Handler>(DOCUMENTS)) {
    app.get(path, (c) => handler(c, routes))
  }
}

function originOf(c: AppContext): string {
  return new URL(c.req.url).origin
}

function param(c: AppContext, name: string): string {
  return c.req.param(name) ?? ''
}
