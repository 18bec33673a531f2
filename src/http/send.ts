/** The one way an answer of a route leaves: JSON, with the headers that follow from its body, or 304. */
import type { AppContext } from './context.ts'
import { sha256 } from '../crypto/digest.ts'
import { fieldsOf } from './answer-fields.ts'
import { entityTag, isKnown } from './conditions.ts'
import type { Output, Route, Status } from './route.ts'

/** What is shown: of a route that is open to some extent, more to those who were admitted to more. */
export function outputOf(c: AppContext, { output }: Pick<Route, 'output'>): Output {
  return c.get('admission').restriction?.output ?? output
}

/** @param body as `outputOf` has it: the headers are made of it, too */
export async function send(
  c: AppContext,
  declared: Route,
  status: Status,
  body: unknown,
  headers: Record<string, string> = {},
): Promise<Response> {
  if (body === undefined || status === 204) return c.body(null, 204, headers)
  if (typeof body === 'string') return c.body(body, status, headers)
  const { etag, showsMore, next } = fieldsOf(outputOf(c, declared))
  const [revision, cursor] = [etag?.(body), next?.(body)]
  const text = JSON.stringify(body)
  if (revision !== undefined) {
    const tag = entityTag(revision, showsMore && (await sha256(text)))
    c.header('ETag', tag)
    if (isKnown(c.req, tag)) return c.body(null, 304)
  }
  if (declared.location && status === 201)
    c.header('Location', `${c.req.path}/${declared.location(body)}`)
  if (typeof cursor === 'string')
    c.header('Link', `<${nextPage(c.req.url, cursor)}>; rel="next"`, { append: true })
  return c.body(text, status, { 'Content-Type': 'application/json', ...headers })
}

function nextPage(url: string, cursor: string): string {
  const next = new URL(url)
  next.searchParams.set('cursor', cursor)
  return next.href
}
