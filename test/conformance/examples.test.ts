/** Whoever pastes an example from the reference into a site that was seeded has a call that works. */
import { env } from 'cloudflare:workers'
import { describe, expect, it } from 'vitest'
import { exampleThings } from '../../local/example-things.ts'
import { EXAMPLE_TOKEN } from '../../src/api/schemas.ts'
import { validatorOf } from '../support/documented.ts'
import { type Operation, operations } from '../support/openapi.ts'
import { ISSUER, type Site, testSite } from '../support/site.ts'

/** What the document gives as an example of a parameter; Swagger UI fills in the first alone. */
function exampleIn({ example, schema }: Operation['parameters'][number]): unknown {
  const { examples } = schema as { readonly examples?: readonly unknown[] }
  return example ?? examples?.[0] ?? schema.default ?? schema.enum?.[0]
}

async function seeded() {
  const site = testSite({ SECURITY_CONTACT: 'mailto:security@members.example' })
  const root = await site.root()
  const things = exampleThings(root.userId, new Date().toISOString())
  await env.DB.batch(things.map(({ sql, values }) => env.DB.prepare(sql).bind(...values)))
  return { site, root }
}

/** A token cannot be written down: it is signed, and ends. */
async function withTokens(example: unknown, site: Site): Promise<unknown> {
  const text = JSON.stringify(example)
  if (!text?.includes(EXAMPLE_TOKEN)) return example
  const isVisitors = text.includes('visitorToken')
  const token = isVisitors ? (await site.visitor()).token : await ISSUER.sign({ sub: 'another' })
  return JSON.parse(text.replace(EXAMPLE_TOKEN, token))
}

function pathOf({ path, parameters }: Operation, isWhole: boolean): string {
  const values = parameters.filter(({ required }) => isWhole || required)
  const query = new URLSearchParams()
  let filled = path
  for (const parameter of values) {
    const { name } = parameter
    const value = String(exampleIn(parameter))
    if (parameter.in === 'path') filled = filled.replace(`{${name}}`, encodeURIComponent(value))
    if (parameter.in === 'query') query.set(name, value)
  }
  return query.size > 0 ? `${filled}?${query.toString()}` : filled
}

function headersOf({ parameters }: Operation): Record<string, string> {
  const headers = parameters.filter((parameter) => parameter.in === 'header')
  return Object.fromEntries(headers.map((each) => [each.name, String(exampleIn(each))]))
}

const CASES = operations.map((operation) => [operation.operationId, operation] as const)

describe.each(CASES)('%s', (_, operation) => {
  const { method, body, parameters } = operation

  it('has an example of whatever it takes, which its schema allows', () => {
    for (const parameter of parameters) {
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
    const { site, root } = await seeded()
    const json = body && (isWhole || body.example !== undefined) ? body.example : undefined
    const answer = await root.call(method, pathOf(operation, isWhole), {
      ...(isWhole && { headers: headersOf(operation) }),
      ...(json !== undefined && { json: await withTokens(json, site) }),
    })
    expect(answer.status, `answered ${answer.text}`).toBeLessThan(300)
  })
})
