import { expect, it } from 'vitest'
import { dump } from '../support/dump.ts'
import { furnish } from '../support/every-route.ts'
import { ORIGIN, testSite } from '../support/site.ts'

it('a query parameter that a route does not have is 422 on every route, and nothing is done', async () => {
  const site = testSite()
  const { root, calls } = await furnish(site)
  const before = await dump()
  for (const { method, path, json } of calls) {
    for (const name of ['actr', 'Limit', '__proto__', 'constructor', '']) {
      const answer = await root.call(method, `${path}${path.includes('?') ? '&' : '?'}${name}=x`, {
        ...(json !== undefined && { json }),
      })
      const error = { in: 'query', path: name, message: 'this parameter is not known here' }
      const said = { method, path, status: answer.status, errors: answer.body?.errors }
      expect(said).toEqual({ method, path, status: 422, errors: [error] })
    }
  }
  expect(await dump()).toEqual(before)
})

it('and it comes after 401, 403 and 415, and before 404', async () => {
  const site = testSite()
  const [root, ada] = [await site.root(), await site.member('ada')]
  const status = async (answer: Promise<{ status: number }>) => (await answer).status
  expect(await status(site.anonymous.get('/v1/audit?actr=x'))).toBe(401)
  expect(await status(ada.get('/v1/audit?actr=x'))).toBe(403)
  const text = { headers: { 'Content-Type': 'text/plain' }, raw: 'x' }
  expect(await status(root.call('PATCH', '/v1/me?x=1', text))).toBe(415)
  expect(await status(root.get('/v1/badges/x?y=1'))).toBe(422)
})

it('two of them are two errors, and one without a value is one', async () => {
  const answer = await testSite().fetch(new Request(`${ORIGIN}/v1/badges?a&b=1&limit=1&&`))
  expect(await answer.json()).toMatchObject({
    status: 422,
    errors: [
      { in: 'query', path: 'a' },
      { in: 'query', path: 'b' },
    ],
  })
})
