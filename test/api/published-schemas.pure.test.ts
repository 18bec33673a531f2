/** What the OpenAPI document says of bodies is what the API takes: neither more nor less. */
import { describe, expect, it } from 'vitest'
import { BODIES, isBeyond, variantsOf, verdictOf } from '../support/published.ts'

const CASES = BODIES.map((body) => [body.operation.operationId, body] as const)

describe.each(CASES)('the body of %s', (_, body) => {
  it('is taken or refused by the API as by the document, at and beyond every limit', () => {
    const tried = { allowed: 0, refused: 0 }
    const differing = variantsOf(body).flatMap(({ place, value, isAllowed }) => {
      tried[isAllowed ? 'allowed' : 'refused'] += 1
      const { success, isBeyond: isTold, error } = verdictOf(body, value)
      if (success === isAllowed || (isAllowed && isTold)) return []
      const said = error?.issues.map(({ path, message }) => `${path.join('.')}: ${message}`)
      return [{ place, isAllowed, said, value: JSON.stringify(value).slice(0, 300) }]
    })
    expect(differing).toEqual([])
    expect(tried.allowed).toBeGreaterThan(0)
    expect(tried.refused).toBeGreaterThan(10)
  })
})

it('and what only descriptions say is told from what a schema could say', () => {
  expect(isBeyond('createService', 'timeZone', 'expected an IANA name')).toBe(true)
  expect(isBeyond('createService', 'name', 'expected an IANA name')).toBe(false)
  expect(isBeyond('createService', 'timeZone', 'Invalid input: expected string')).toBe(false)
})
