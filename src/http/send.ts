/** The one way an answer of a route leaves: JSON, with the headers that follow from its body, or 304. */
import type { AppContext, Fields } from './context.ts'
import { sha256 } from '../crypto/digest.ts'
import { fieldsOf } from './answer-fields.ts'
import { entityTag, isKnown } from './conditions.ts'
import { answer } from './fields.ts'
import type { Output, Route, Status, Streamed } from './route.ts'

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
  fields: Readonly<Fields> = {},
): Promise<Response> {
  if (body === undefined || status === 204) return answer(c, null, 204, fields)
  if (typeof body === 'string') return answer(c, body, status, fields)
  const { etag, showsMore, next } = fieldsOf(outputOf(c, declared))
  const [revision, cursor] = [etag?.(body), next?.(body)]
  const text = JSON.stringify(body)
  const tag = revision && entityTag(revision, showsMore && (await sha256(text)))
  const own = {
    'Content-Type': 'application/json',
    ...(tag && { ETag: tag }),
    ...(declared.location &&
      status === 201 && { Location: `${c.req.path}/${declared.location(body)}` }),
    ...(typeof cursor === 'string' && { Link: linkTo(c, nextPage(c.req.url, cursor)) }),
    ...fields,
  }
  if (status === 200) c.get('keep')?.({ text, fields: own })
  return sendText(c, text, status, own)
}

/** @param fields that follow from the body */
export function sendText(
  c: AppContext,
  text: string,
  status: Status,
  fields: Readonly<Fields>,
): Response {
  const { ETag: tag } = fields
  if (tag && isKnown(c.req, tag)) return answer(c, null, 304, { ETag: tag })
  return answer(c, text, status, fields)
}

/** Nothing is read before somebody reads it. Where that fails, the connection breaks off. */
export function sendStream(c: AppContext, { text }: Streamed): Response {
  const parts = text[Symbol.asyncIterator]()
  const encoder = new TextEncoder()
  const stream = new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        const { value, done } = await parts.next()
        if (done) controller.close()
        else controller.enqueue(encoder.encode(value))
      },
      async cancel() {
        await parts.return?.()
      },
    },
    { highWaterMark: 0 },
  )
  return answer(c, stream, 200, { 'Content-Type': 'application/json' })
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
