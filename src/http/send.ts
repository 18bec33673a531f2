/** The one way an answer of a route leaves: JSON, with the headers that follow from its body. */
import type { AppContext, Fields } from './context.ts'
import { fieldsOf } from './answer-fields.ts'
import { answer } from './fields.ts'
import type { Output, Route, Status } from './route.ts'

/** What is shown: of a route that is open to some extent, more to those who were admitted to more. */
export function outputOf(c: AppContext, { output }: Pick<Route, 'output'>): Output {
  return c.get('admission').restriction?.output ?? output
}

/** @param body as `outputOf` has it: the header is made of it, too */
export function send(
  c: AppContext,
  declared: Route,
  status: Status,
  body: unknown,
  fields: Readonly<Fields> = {},
): Response {
  if (body === undefined || status === 204) return answer(c, null, 204, fields)
  if (typeof body === 'string') return answer(c, body, status, fields)
  const { etag, next } = fieldsOf(outputOf(c, declared))
  const [revision, cursor] = [etag?.(body), next?.(body)]
  return answer(c, JSON.stringify(body), status, {
    'Content-Type': 'application/json',
    ...(revision !== undefined && { ETag: `"${revision}"` }),
    ...(declared.location &&
      status === 201 && { Location: `${c.req.path}/${declared.location(body)}` }),
    ...(typeof cursor === 'string' && { Link: linkTo(c, nextPage(c.req.url, cursor)) }),
    ...fields,
  })
}

/** Beside the link of a route that is going away. */
function linkTo(c: AppContext, url: string): string {
  const { Link: other } = c.get('fields')
  return [...(other ? [other] : []), `<${url}>; rel="next"`].join(', ')
}

function nextPage(url: string, cursor: string): string {
  const next = new URL(url)
  next.searchParams.set('cursor', cursor)
  return next.href
}
