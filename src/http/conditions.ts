/** Request headers that put a condition on the answer: Accept, If-Match, Idempotency-Key. */
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

/** RFC 9110, section 13.1.1: strong comparison, so a weak or foreign tag matches nothing. */
export function revisionsOf(request: HonoRequest): Revisions {
  const header = request.header('If-Match')
  if (header === undefined || header.trim() === '*') return undefined
  return header
    .split(',')
    .map((tag) => /^"([1-9]\d{0,14})"$/.exec(tag.trim())?.[1])
    .filter((revision) => revision !== undefined)
    .map(Number)
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
