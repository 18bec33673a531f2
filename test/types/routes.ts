/** A wrong declaration of a route does not get past the compiler, which alone checks it. */
import * as z from 'zod'
import type { Deps } from '../../src/deps.ts'
import { answerFields } from '../../src/http/answer-fields.ts'
import { route } from '../../src/http/route.ts'
import type { Remember } from '../../src/operations/foreseen.ts'
import type { Grant } from '../../src/security/grant.ts'

declare function listEverybody(grant: Grant<'profile:list'>, deps: Deps): Promise<string[]>
declare function readProfile(grant: Grant<'profile:read'>, deps: Deps): Promise<string>
declare function makeNumber(remember: Remember<number>): Promise<number>

const input = {}
const Names = z.array(z.string())

// The control: each declaration below differs from it by one thing.
export const restricted = route({
  method: 'GET',
  path: '/v1/names',
  summary: 'All names',
  access: { may: 'profile:list' },
  input,
  output: Names,
  run: ({ grant, deps }) => listEverybody(grant, deps),
})

// @ts-expect-error: a route has to say who may call it
export const forgotten = route({
  method: 'GET',
  path: '/v1/names',
  summary: 'All names',
  input,
  output: Names,
  run: async () => [],
})

export const without = route({
  method: 'GET',
  path: '/v1/names',
  summary: 'All names',
  // @ts-expect-error: being open takes a reason, and being restricted a permission
  access: {},
  input,
  output: Names,
  run: async () => [],
})

export const unreasoned = route({
  method: 'GET',
  path: '/v1/names',
  summary: 'All names',
  // @ts-expect-error: the reason for being open is a sentence
  access: { open: true },
  input,
  output: Names,
  run: async () => [],
})

export const misspelt = route({
  method: 'GET',
  path: '/v1/names',
  summary: 'All names',
  // @ts-expect-error: there is no such permission
  access: { may: 'profile:lists' },
  input,
  output: Names,
  run: async () => [],
})

export const open = route({
  method: 'GET',
  path: '/v1/names',
  summary: 'All names',
  access: { open: 'Everybody may ask' },
  input,
  output: Names,
  // @ts-expect-error: an open route has no grant to give to a restricted operation
  run: ({ grant, deps }) => listEverybody(grant, deps),
})

export const half = route({
  method: 'GET',
  path: '/v1/names',
  summary: 'A name',
  access: {
    open: 'Everybody may ask for some of it',
    unless: { query: ['view', 'full'], may: 'profile:read', output: z.string() },
  },
  input,
  output: z.string(),
  // @ts-expect-error: where only one view is restricted, there may be no grant
  run: ({ grant, deps }) => readProfile(grant, deps),
})

export const other = route({
  method: 'GET',
  path: '/v1/names',
  summary: 'All names',
  access: { may: 'profile:read' },
  input,
  output: Names,
  // @ts-expect-error: a grant of one permission is none of another
  run: ({ grant, deps }) => listEverybody(grant, deps),
})

export const unowned = route({
  method: 'GET',
  path: '/v1/names',
  summary: 'All names',
  // @ts-expect-error: the owner comes from the path or the session, not from the request's body
  access: { may: 'profile:list', owner: 'body.userId' },
  input,
  output: Names,
  run: async () => [],
})

export const foreseen = route({
  method: 'POST',
  path: '/v1/numbers',
  summary: 'A number',
  access: { open: 'Everybody may ask' },
  input,
  output: z.object({ number: z.number() }),
  idempotent: 'd1',
  run: async ({ request: { remember } }) => ({
    number: await makeNumber(remember((number) => ({ number }))),
  }),
})

export const foreseenOtherwise = route({
  method: 'POST',
  path: '/v1/numbers',
  summary: 'A number',
  access: { open: 'Everybody may ask' },
  input,
  output: z.object({ number: z.number() }),
  idempotent: 'd1',
  run: async ({ request: { remember } }) => ({
    // @ts-expect-error: an answer can be remembered only if the route gives it
    number: await makeNumber(remember((number) => number)),
  }),
})

export const nowhere = route({
  method: 'POST',
  path: '/v1/names',
  summary: 'A name',
  access: { open: 'Everybody may ask' },
  input,
  output: z.object({ name: z.string() }),
  // @ts-expect-error: what is made is found by what the answer has
  location: ({ id }) => id,
  run: async () => ({ name: 'Ada' }),
})

export const dry = route({
  method: 'POST',
  path: '/v1/names',
  summary: 'All names',
  access: { open: 'Everybody may ask' },
  input,
  output: Names,
  // @ts-expect-error: only who declares `dryRuns` is given any
  run: async ({ dryRun }) => (dryRun ? [] : ['Ada']),
})

export const VERSIONED = z
  .object({ version: z.number(), revision: z.string() })
  .register(answerFields, { etag: ({ version }) => version })
  // @ts-expect-error: an ETag is made of a number
  .register(answerFields, { etag: ({ revision }) => revision })
  // @ts-expect-error: an answer cannot be about a field that is not there
  .register(answerFields, { about: ({ owner }) => owner })
