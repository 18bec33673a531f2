/** Request headers that put a condition on the answer: Accept, If-Match, If-None-Match, Idempotency-Key. */
import { parseAccept } from 'hono/utils/accept'
import type { HonoRequest } from 'hono'
import { Problem } from '../problem.ts'
import type { Revisions } from '../repositories/scope.ts'

/** RFC 9110, section 12.5.1. @throws Problem `not_acceptable` */
export function assertAcceptable(request: HonoRequest, mediaType = 'application/json'): void {
  const header = request.header('Accept')
  if (!header) return
  const family = mediaType.replace(/\/.*/, '/*')
  const acceptable = new Set([mediaType, 'application/problem+json', family, '*/*'])
  const accepted = parseAccept(header).some(
    ({ type, q }) => q > 0 && acceptable.has(type.toLowerCase()),
  )
  if (!accepted) {
    throw new Problem('not_acceptable', `The answer is ${mediaType}, which Accept rules out.`)
  }
}

/** `"n"`, or `"n.digest"` for an answer that shows more than the revision `n` counts. */
export function entityTag(revision: number, digest?: string): string {
  return digest === undefined ? `"${revision}"` : `"${revision}.${digest.slice(0, DIGEST_LENGTH)}"`
}

const DIGEST_LENGTH = 16

/** A tag of ours, strong or weakened on the way: see docs/decisions/entity-tags.md. */
const OUR_TAG = new RegExp(`^(?:W/)?"([1-9]\\d{0,14})(?:\\.[\\w-]{${DIGEST_LENGTH}})?"$`)

/** What If-Match and If-None-Match ask of a change; a malformed or foreign tag matches nothing. */
export function revisionsOf(request: HonoRequest): Revisions {
  const match = namedIn(request.header('If-Match'))
  const noneMatch = namedIn(request.header('If-None-Match'))
  if (!match && !noneMatch) return undefined
  return { ...(match && { match }), ...(noneMatch && { noneMatch }) }
}

function namedIn(header: string | undefined): readonly number[] | '*' | undefined {
  if (header === undefined || header.trim() === '*') return header === undefined ? undefined : '*'
  return tagsIn(header).flatMap((tag) => {
    const revision = OUR_TAG.exec(tag)?.[1]
    return revision === undefined ? [] : Number(revision)
  })
}

/** Whether the caller has this answer already: weak comparison (RFC 9110, section 13.1.2). */
export function isKnown(request: HonoRequest, tag: string): boolean {
  const header = request.header('If-None-Match')
  if (header === undefined || !['GET', 'HEAD'].includes(request.method)) return false
  return header.trim() === '*' || tagsIn(header).some((each) => strong(each) === strong(tag))
}

function tagsIn(header: string): string[] {
  return header.split(',').map((tag) => tag.trim())
}

function strong(tag: string): string {
  return tag.replace(/^W\//, '')
}

/** 1..255 visible ASCII characters, bare or quoted. @throws Problem `validation_failed` */
export function idempotencyKeyOf(request: HonoRequest): string | undefined {
  const header = request.header('Idempotency-Key')
  if (header === undefined) return undefined
  const key = /^"(.*)"$/.exec(header)?.[1] ?? header
  if (!/^[\x21-\x7e]{1,255}$/.test(key)) {
    throw new Problem('validation_failed', 'The Idempotency-Key is not usable.', {
      errors: [
        {
          in: 'header',
          path: 'Idempotency-Key',
          message: 'expected 1 to 255 visible ASCII characters',
        },
      ],
    })
  }
  return key
}
