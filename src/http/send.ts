/** The one way an answer of a route leaves: JSON, with the headers that follow from its body. */
import type { AppContext } from './context.ts'
import type { Route, Status } from './route.ts'

/**
 * `revision` becomes the ETag (RFC 9110, section 8.8.3), the id of something that can be read its
 * Location (section 15.3.2), and where a list goes on a Link to there (RFC 8288).
 */
export function send(
  c: AppContext,
  { location }: Route,
  status: Status,
  body: unknown,
  headers: Record<string, string> = {},
): Response {
  if (body === undefined || status === 204) return c.body(null, 204, headers)
  if (typeof body === 'string') return c.body(body, status, headers)
  const { revision, id, nextCursor } = fieldsOf(body)
  if (typeof revision === 'number') c.header('ETag', `"${revision}"`)
  if (location && status === 201 && typeof id === 'string')
    c.header('Location', `${c.req.path}/${id}`)
  if (typeof nextCursor === 'string')
    c.header('Link', `<${nextPage(c.req.url, nextCursor)}>; rel="next"`, { append: true })
  return c.body(JSON.stringify(body), status, { 'Content-Type': 'application/json', ...headers })
}

/** Of what is no object there are none. */
export function fieldsOf(body: unknown): Readonly<Record<string, unknown>> {
  return typeof body === 'object' && body !== null ? { ...body } : {}
}

function nextPage(url: string, cursor: string): string {
  const next = new URL(url)
  next.searchParams.set('cursor', cursor)
  return next.href
}
