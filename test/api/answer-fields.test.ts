import { describe, expect, it } from 'vitest'
import * as z from 'zod'
import { routes } from '../../src/api/index.ts'
import { createApp } from '../../src/app.ts'
import { followUp } from '../../src/events/index.ts'
import { answerFields, fieldsOf, nobody } from '../../src/http/answer-fields.ts'
import { mount } from '../../src/http/mount.ts'
import { type Route, route } from '../../src/http/route.ts'
import { ORIGIN, testSite } from '../support/site.ts'

type Schema = z.core.$ZodType

/** Every schema that a route answers by, including the one of a restricted view. */
function outputsOf({ access, output }: Route): Schema[] {
  const more = 'open' in access && access.unless ? [access.unless.output] : []
  return [...more, ...(output === 'nothing' ? [] : [output])]
}

/** Answer fields that the schema's own fields suggest, and that it does not declare. */
function forgotten(schema: Schema): string[] {
  const shape: Readonly<Record<string, Schema>> = schema instanceof z.ZodObject ? schema.shape : {}
  const { etag, next } = fieldsOf(schema)
  return [
    ...('revision' in shape && !etag ? ['revision, but no etag'] : []),
    ...('nextCursor' in shape && !next ? ['nextCursor, but no next'] : []),
  ]
}

/** Tells whether the schema has the id or the owner of a member, and so is about somebody. */
function isAboutSomebody(schema: Schema): boolean {
  if (!(schema instanceof z.ZodObject)) return false
  const { id, owner } = schema.shape
  const pattern = id instanceof z.ZodType ? String(id.meta()?.['pattern']) : ''
  return owner !== undefined || pattern.startsWith('^usr_')
}

const named = ({ method, path }: Route) => `${method} ${path}`

describe('an answer declares what it says besides its body', () => {
  it('its revision and its next page, wherever it has them', () => {
    const missing = routes.flatMap((each) =>
      outputsOf(each)
        .flatMap(forgotten)
        .map((what) => `${named(each)} answers with ${what}: see src/http/answer-fields.ts`),
    )
    expect(missing).toEqual([])
  })

  it('whom it is about, wherever it is stored under an Idempotency-Key', () => {
    const stored = routes.filter(({ idempotent }) => idempotent === 'd1')
    expect(stored.length).toBeGreaterThan(10)
    const silent = stored.filter((each) =>
      outputsOf(each).some((schema) => {
        const { about } = fieldsOf(schema)
        return !about || (about === nobody && isAboutSomebody(schema))
      }),
    )
    expect(
      silent.map((each) => `${named(each)} says wrongly, or not, whom its answer is about`),
    ).toEqual([])
  })

  it('and one that does not is found', () => {
    const revision = z.int()
    expect(forgotten(z.object({ revision: revision.optional() }))).toHaveLength(1)
    expect(forgotten(z.object({ items: z.array(z.int()), nextCursor: z.null() }))).toHaveLength(1)
    const fields = { etag: (body: { revision: number }) => body.revision }
    expect(forgotten(z.object({ revision }).register(answerFields, fields))).toEqual([])
    expect(isAboutSomebody(z.object({ owner: z.string() }))).toBe(true)
    expect(isAboutSomebody(z.object({ id: z.string().meta({ pattern: '^bdg_' }) }))).toBe(false)
  })
})

it('an answer that does not say whom it is about is not stored, nor is anything done', async () => {
  let isDone = false
  const silent = route({
    method: 'POST',
    path: '/v1/silent',
    summary: 'Something that is remembered',
    access: { may: 'profile:read', owner: 'self' },
    input: {},
    output: z.object({ owner: z.string() }),
    idempotent: 'd1',
    async run({ request: { remember } }) {
      const body = { owner: 'usr_01h455vb4pex5vsknk084sn02q' }
      await remember((shown: typeof body) => shown)?.(body)
      isDone = true
      return body
    },
  })
  const site = testSite()
  const { token } = await site.member('ada')
  const app = createApp(followUp)
  mount(app, [silent])
  const headers = { Authorization: `Bearer ${token}` }
  const send = async (more: Record<string, string>) => {
    const sent = { method: 'POST', headers: { ...headers, ...more } }
    return (await app.fetch(new Request(`${ORIGIN}/v1/silent`, sent), site.env)).status
  }
  expect([await send({ 'Idempotency-Key': 'k1' }), isDone]).toEqual([500, false])
  expect([await send({}), isDone]).toEqual([200, true])
})
