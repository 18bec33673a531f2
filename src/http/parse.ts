/** What a route takes, checked against its declaration before anything is done: 415, 413, 400, 422, 404. */
import { zValidator } from '@hono/zod-validator'
import type { MiddlewareHandler } from 'hono'
import * as z from 'zod'
import { type FieldError, invalidFields, Problem } from '../problem.ts'
import { readJsonBody } from './body.ts'
import { idempotencyKeyOf } from './conditions.ts'
import type { AppContext, AppEnv } from './context.ts'
import type { Route } from './route.ts'

type Handler = MiddlewareHandler<AppEnv>
type Step = (c: AppContext) => Promise<unknown>

/** Media type and size, then each declared target; the path last, for a malformed id is a 404. */
export function parse({ input, idempotent }: Route): Step[] {
  const { json, query, param } = input
  return [
    ...(json ? [body(json), zValidator('json', json, invalid('json'))] : []),
    knownQuery(query),
    ...(query ? [zValidator('query', query, invalid('query'))] : []),
    ...(idempotent ? [usableIdempotencyKey] : []),
    ...(param ? [zValidator('param', param, unknownPath)] : []),
  ].map((handler) => {
    const step = asHandler(handler)
    return async (c) => step(c, nothingMore)
  })
}

async function nothingMore(): Promise<void> {}

function body(json: z.core.$ZodType): Handler {
  // Asked when a body is empty: to ask of every route at the start takes a fresh isolate 10 ms.
  const mayBeEmpty = () => z.safeParse(json, {}).success
  return async (c, next) => {
    await c.get('waitForSender')(readJsonBody(c.req, mayBeEmpty))
    await next()
  }
}

/** A parameter that is misspelled would be taken for none, which may ask for everything. */
function knownQuery(query: z.core.$ZodObject | undefined): Handler {
  const known = new Set(query instanceof z.ZodObject ? Object.keys(query.shape) : [])
  return async (c, next) => {
    // To parse an address costs more than most of what a request does.
    if (!c.req.url.includes('?')) return next()
    const unknown = [...new URL(c.req.url).searchParams.keys()].filter((name) => !known.has(name))
    const errors = unknown.slice(0, MAX_ERRORS).map((path) => {
      return { in: 'query', path, message: 'this parameter is not known here' } as const
    })
    if (errors.length > 0) throw invalidFields(errors)
    await next()
  }
}

const usableIdempotencyKey: Handler = async (c, next) => {
  idempotencyKeyOf(c.req)
  await next()
}

type Verdict =
  | { success: true }
  | { success: false; error: { issues: readonly z.core.$ZodIssue[] } }

/** A body of 64 KiB has room for thousands; nobody reads those. */
const MAX_ERRORS = 100

function invalid(where: FieldError['in']) {
  return (verdict: Verdict) => {
    if (verdict.success) return
    const errors = verdict.error.issues
      .flatMap((issue) => fieldErrors(where, issue))
      .slice(0, MAX_ERRORS)
    throw invalidFields(errors)
  }
}

function fieldErrors(where: FieldError['in'], issue: z.core.$ZodIssue): FieldError[] {
  const path = issue.path.map(String).join('.')
  if (issue.code !== 'unrecognized_keys') {
    const isMissing = issue.message.endsWith('received undefined')
    return [{ in: where, path, message: isMissing ? 'this field is required' : issue.message }]
  }
  return issue.keys.map((key) => ({
    in: where,
    path: [path, key].filter(Boolean).join('.'),
    message: 'this field is not known here',
  }))
}

function unknownPath(verdict: Verdict) {
  if (!verdict.success) throw new Problem('not_found', 'There is nothing at this path.')
}

/** A validator's type repeats its schema, which `RouteContext` already carries. */
function asHandler(handler: unknown): Handler {
  return handler as Handler
}
