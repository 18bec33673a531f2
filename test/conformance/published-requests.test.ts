/**
 * What the OpenAPI document says of a body is what is answered: of every place in it one value that the
 * document allows and one that it refuses are sent.
 */
import { describe, expect, it } from 'vitest'
import { examplePath, exampleSite, withTokens } from '../support/example-site.ts'
import { BODIES, isBeyond, type Variant, variantsOf } from '../support/published.ts'

const CASES = BODIES.map((body) => [body.operation.operationId, body] as const)

/** The first of each place that is allowed, and the first that is refused. */
function telling(variants: readonly Variant[]): Variant[] {
  const first = new Map(
    variants.toReversed().map((variant) => [`${variant.place} ${variant.isAllowed}`, variant]),
  )
  return [...first.values()]
}

describe.each(CASES)('%s', (name, body) => {
  it('refuses what the document refuses, and nothing else', async () => {
    const { site, root } = await exampleSite()
    const { method } = body.operation
    const variants = telling(variantsOf(body))
    expect(new Set(variants.map(({ isAllowed }) => isAllowed))).toEqual(new Set([true, false]))
    for (const { value, isAllowed } of variants) {
      const json = await withTokens(value, site)
      const answer = await root.call(method, examplePath(body.operation), { json })
      const { status } = answer
      const errors: { path: string; message: string }[] = answer.body?.errors ?? []
      const isTold =
        errors.length > 0 && errors.every(({ path, message }) => isBeyond(name, path, message))
      const refused = status === 422 && !(isAllowed && isTold)
      expect([status < 500, refused], `${JSON.stringify(json)} answered ${answer.text}`).toEqual([
        true,
        !isAllowed,
      ])
    }
  })
})
