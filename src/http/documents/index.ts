/** What does not fit a declaration: documents about the API, for people and for tools. */
import type { Hono } from 'hono'
import { healthOf } from '../../readiness.ts'
import { settingsOf } from '../../settings/settings.ts'
import { VERSION } from '../../settings/version.ts'
import type { AppContext, AppEnv } from '../context.ts'
import type { NamedRoute } from '../route.ts'
import { asset } from './assets.ts'
import { docs } from './docs.ts'
import { type Document, keepDocuments } from './kept.ts'
import { llmsTxt } from './llms.ts'
import { problemIndex, problemPage } from './problems.ts'
import { securityTxt } from './security-txt.ts'
import { openapiOf } from './openapi.ts'

type Handler = (c: AppContext) => Response | Promise<Response>

const ANSWERED = {
  '/healthz': async (c) => {
    settingsOf(c.env)
    const fault = await healthOf(c.env)
    return fault ? c.json({ status: fault }, 503) : c.json({ status: 'ok', version: VERSION })
  },
  '/docs/assets/:edition/:file': (c) => asset(c, param(c, 'edition'), param(c, 'file')),
  '/.well-known/security.txt': securityTxt,
} as const satisfies Record<string, Handler>

type Maker = (c: AppContext, routes: readonly NamedRoute[]) => Document | Promise<Document>

/** What only a deployment changes. */
const KEPT = {
  '/openapi.json': async (c, routes) => ({
    type: 'application/json',
    text: JSON.stringify(await openapiOf(routes, ...originsOf(c))),
  }),
  '/docs': docs,
  '/problems': problemIndex,
  '/problems/:code': (c) => problemPage(param(c, 'code')),
  '/llms.txt': (c, routes) => ({
    type: 'text/plain; charset=UTF-8',
    text: llmsTxt(routes, originsOf(c)[0]),
  }),
} as const satisfies Record<string, Maker>

/** The paths served here; a test compares this list with the running app. */
export const DOCUMENT_PATHS = [...Object.keys(ANSWERED), ...Object.keys(KEPT)]

export function documents(app: Hono<AppEnv>, routes: readonly NamedRoute[]): void {
  const answerKept = keepDocuments()
  for (const [path, handler] of Object.entries<Handler>(ANSWERED)) app.get(path, handler)
  for (const [path, make] of Object.entries<Maker>(KEPT)) {
    app.get(path, (c) => answerKept(c, originsOf(c), () => make(c, routes)))
  }
}

/** The site's own address, if it is told one, and the one it was asked at. */
function originsOf(c: AppContext): readonly [string, ...string[]] {
  const { origin } = new URL(c.req.url)
  const { builtInLogin } = settingsOf(c.env)
  return builtInLogin ? [builtInLogin.publicUrl, origin] : [origin]
}

function param(c: AppContext, name: string): string {
  return c.req.param(name) ?? ''
}
