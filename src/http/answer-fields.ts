/**
 * What an answer says besides its body. It is declared with the schema, as in
 * `Badge.register(answerFields, { etag: ({ revision }) => revision, about: nobody })`, so that neither
 * a header nor an erasure hangs on what a field happens to be called.
 */
import * as z from 'zod'

interface AnswerFields {
  /** The revision of what is shown, with which the ETag begins (RFC 9110, section 8.8.3). */
  readonly etag?: (body: z.$output) => number | undefined
  /** It also shows what moves while the revision stays, so the ETag has a digest of all of it. */
  readonly showsMore?: true
  /** The cursor of the next page, which a Link leads to (RFC 8288). */
  readonly next?: (body: z.$output) => string | null
  /**
   * The id of whose data it shows; null if that is nobody's but the caller's. What is stored under an
   * Idempotency-Key is erased with them, so such an answer has to say it.
   */
  readonly about?: (body: z.$output) => string | null
}

export const answerFields = z.registry<AnswerFields>()

export const nobody = () => null

/** What the schema of an answer declares; nothing for one that was not registered. */
export function fieldsOf(schema: z.core.$ZodType | 'nothing') {
  return (schema === 'nothing' ? undefined : answerFields.get(schema)) ?? {}
}
