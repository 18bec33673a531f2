/** Whoever pastes an example from the reference into a site that was seeded has a call that works. */
import { describe, expect, it } from 'vitest'
import { validatorOf } from '../support/documented.ts'
import {
  exampleIn,
  examplePath,
  exampleSite,
  WITHOUT_EXAMPLE,
  withTokens,
} from '../support/example-site.ts'
import { type Operation, operations } from '../support/openapi.ts'

function headersOf({ parameters }: Operation): Record<string, string> {
  const headers = parameters.filter((parameter) => parameter.in === 'header')
  return Object.fromEntries(headers.map((each) => [each.name, String(exampleIn(each))]))
}

const CASES = operations.map((operation) => [operation.operationId, operation] as const)

describe.each(CASES)('%s', (_, operation) => {
  const { method, body, parameters } = operation

  it('has an example of whatever it takes, which its schema allows', () => {
    for (const parameter of parameters.filter(({ name }) => !WITHOUT_EXAMPLE.has(name))) {
      const example = exampleIn(parameter)
      expect([parameter.name, example]).toEqual([parameter.name, expect.anything()])
      expect([parameter.name, validatorOf(parameter.schema).validate(example).errors]).toEqual([
        parameter.name,
        [],
      ])
    }
    if (!body) return
    expect(body).toHaveProperty('example')
    expect(validatorOf(body.schema).validate(body.example).errors).toEqual([])
  })

  it.each([
    ['with what it has to have', false],
    ['with all that it can have', true],
  ])('works as the document shows it, %s', async (__, isWhole) => {
    const { site, root } = await exampleSite()
    // The last admin cannot go.
    if (operation.operationId === 'deleteMe') await site.memberWith('admin', 'another')
    const answer = await root.call(method, examplePath(operation, isWhole), {
      ...(isWhole && { headers: headersOf(operation) }),
      ...(body && { json: await withTokens(body.example, site) }),
    })
    expect(answer.status, `answered ${answer.text}`).toBeLessThan(300)
  })
})
