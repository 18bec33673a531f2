/** Only declared fields leave, whatever a row or an operation has besides, and however deep. */
import { describe, expect, it, vi } from 'vitest'
import { routes } from '../../src/api/index.ts'
import { Answer, type NamedRoute, Streamed } from '../../src/http/route.ts'
import { exampleSite, examplePath, withTokens } from '../support/example-site.ts'
import { operations } from '../support/openapi.ts'

const PLANTED = 'planted-column'

/** The same with one more field in each object; but for what may have fields of any name. */
function planted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(planted)
  if (typeof value !== 'object' || value === null) return value
  const fields = Object.entries(value).map(([name, field]) => [
    name,
    OPEN_FIELDS.has(name) ? field : planted(field),
  ])
  return { ...Object.fromEntries(fields), [PLANTED]: PLANTED }
}

const OPEN_FIELDS = new Set(['about', 'answers', 'backlog', 'changes', 'counts'])

/** Until the end of the test, the route finds more than it declares. */
function plantIn(route: NamedRoute) {
  const run = route.run.bind(route)
  return vi.spyOn(route, 'run').mockImplementation(async (context) => {
    const result: unknown = await run(context)
    // It is text already, whose columns are written out one by one.
    if (result instanceof Streamed) return result
    return result instanceof Answer
      ? new Answer(result.status, planted(result.body), result)
      : planted(result)
  })
}

const CASES = operations.flatMap((operation) => {
  const route = routes.find(({ name }) => name === operation.operationId)
  const isJson = route && route.output !== 'nothing' && !route.mediaType
  return isJson ? [[operation.operationId, operation, route] as const] : []
})

it('is about every route that answers JSON', () => {
  expect(CASES.length).toBeGreaterThan(50)
})

describe.each(CASES)('%s', (_, operation, route) => {
  it('shows nothing that its schema does not have', async () => {
    const { site, root } = await exampleSite()
    const run = plantIn(route)
    const { method, body } = operation
    const answer = await root.call(method, examplePath(operation), {
      ...(body && { json: await withTokens(body.example, site) }),
    })
    expect(answer.status, `answered ${answer.text}`).toBeLessThan(300)
    expect(run).toHaveBeenCalled()
    expect(answer.text).not.toContain(PLANTED)
    run.mockRestore()
  })
})
