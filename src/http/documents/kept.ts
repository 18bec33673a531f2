/** Documents that only a deployment changes: each is made once by an isolate, and has an ETag. */
import { sha256 } from '../../crypto/digest.ts'
import { isKnown } from '../conditions.ts'
import type { AppContext } from '../context.ts'
import { answer } from '../fields.ts'

export interface Document {
  /** The media type, with its charset. */
  readonly type: string
  readonly text: string
  /** What a page may load. */
  readonly policy?: string
}

interface Kept extends Document {
  readonly tag: string
}

/** Documents say where the site is, and whoever asks may call it by many names. */
const MAX_KEPT = 100

/** @returns what answers with the document of a path at these origins, which is made unless it is there */
export function keepDocuments() {
  const kept = new Map<string, Kept>()
  return async (
    c: AppContext,
    origins: readonly string[],
    make: () => Document | Promise<Document>,
  ): Promise<Response> => {
    const name = [...origins, c.req.path].join(' ')
    const document = kept.get(name) ?? (await tagged(await make()))
    if (kept.size >= MAX_KEPT) kept.clear()
    kept.set(name, document)
    return answerWith(c, document)
  }
}

async function tagged(document: Document): Promise<Kept> {
  return { ...document, tag: `"${(await sha256(document.text)).slice(0, 22)}"` }
}

function answerWith(c: AppContext, { type, text, policy, tag }: Kept): Response {
  const fields = { ETag: tag, ...(policy && { 'Content-Security-Policy': policy }) }
  if (isKnown(c.req, tag)) return answer(c, null, 304, fields)
  return answer(c, text, 200, { 'Content-Type': type, ...fields })
}
