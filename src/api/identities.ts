/** The ways the calling member has to sign in: an identity is a subject of an issuer. */
import * as z from 'zod'
import { answerFields, nobody } from '../http/answer-fields.ts'
import { listOf, pageOf, PageQuery } from '../http/pagination.ts'
import { Answer, route } from '../http/route.ts'
import { type LinkedIdentity, linkIdentity } from '../operations/link-identity.ts'
import { unlinkIdentity, unlinkIdentityOf } from '../operations/unlink-identity.ts'
import { notFound } from '../problem.ts'
import type { IdentityName } from '../repositories/linked-identities.ts'
import { EXAMPLE_TOKEN, shownText, SortTime, Timestamp, Token, UserId } from './schemas.ts'

/** How many hexadecimal digits of an identity's hash tell the identities of one member apart. */
const ID_DIGITS = 32
const ID = new RegExp(`^idn_[0-9a-f]{${ID_DIGITS}}$`)

/** Of the identity that `npm run seed` links to the first admin. */
export const EXAMPLE_IDENTITY_ID = `idn_${'0123456789abcdef'.repeat(2)}`

const Identity = z
  .object({
    id: z.string().meta({ pattern: ID.source, maxLength: 36 }),
    issuer: shownText(2048).meta({ description: '`built-in` for the login of this site' }),
    subject: shownText(255).meta({ description: 'Who you are to that issuer' }),
    createdAt: Timestamp,
    current: z.boolean().meta({ description: 'Whether this request came with it' }),
  })
  .meta({ id: 'Identity' })
  .register(answerFields, { about: nobody })

const NewIdentity = z
  .strictObject({
    token: Token.meta({ description: 'A token of the identity to link, good at this moment' }),
  })
  .meta({ id: 'NewIdentity', examples: [{ token: EXAMPLE_TOKEN }] })

const IdentityId = z
  .string()
  .regex(ID)
  .meta({
    description: 'Id of an identity',
    maxLength: 36,
    examples: [EXAMPLE_IDENTITY_ID],
  })
const param = z.object({ identityId: IdentityId })

export const listIdentities = route({
  method: 'GET',
  path: '/v1/me/identities',
  summary: 'The identities you sign in with, oldest first',
  access: { may: 'profile:read', owner: 'self' },
  input: { query: z.object(PageQuery) },
  output: listOf(Identity),
  async run({ input, grant, caller, deps }) {
    const rows = await deps.linkedIdentities.list(grant.scope)
    return pageOf({
      name: 'identities',
      query: input.query,
      key: z.tuple([SortTime, IdentityId]),
      keyOf: ({ createdAt, id }): [string, string] => [createdAt, id],
      all: rows.map((row) => shown(row, caller.identity)),
    })
  },
})

export const createIdentity = route({
  method: 'POST',
  path: '/v1/me/identities',
  summary: 'Link another identity to yourself; a token of it proves that it is yours',
  access: { may: 'profile:update', owner: 'self' },
  input: { json: NewIdentity },
  output: Identity,
  statuses: [201, 200],
  idempotent: 'd1',
  async run({ input, grant, caller, request, deps }) {
    const remember = request.remember((made: LinkedIdentity) => shown(made, caller.identity))
    const { identity, isNew } = await linkIdentity(grant, input.json.token, remember, deps)
    return new Answer(isNew ? 201 : 200, shown(identity, caller.identity))
  },
})

export const deleteIdentity = route({
  method: 'DELETE',
  path: '/v1/me/identities/:identityId',
  summary: 'Unlink an identity of yours, but never the one you come with',
  access: { may: 'profile:update', owner: 'self' },
  input: { param },
  output: 'nothing',
  async run({ input, grant, caller, deps }) {
    const rows = await deps.linkedIdentities.list(grant.scope)
    const identity = rows.find((row) => idOf(row) === input.param.identityId)
    const { identity: current } = caller
    if (!identity || !current) return notFound('identity')
    await unlinkIdentity(grant, { identity, current }, deps)
  },
})

export const listUserIdentities = route({
  method: 'GET',
  path: '/v1/users/:userId/identities',
  summary: 'The identities a member signs in with, oldest first',
  access: { may: 'identity:manage' },
  input: { param: z.object({ userId: UserId }), query: z.object(PageQuery) },
  output: listOf(Identity),
  async run({ input, caller, deps }) {
    const { userId } = input.param
    const rows = await deps.linkedIdentities.list({ owner: userId })
    if (rows.length === 0) notFound('member')
    return pageOf({
      name: `identities?${userId}`,
      query: input.query,
      key: z.tuple([SortTime, IdentityId]),
      keyOf: ({ createdAt, id }): [string, string] => [createdAt, id],
      all: rows.map((row) => shown(row, caller.identity)),
    })
  },
})

export const deleteUserIdentity = route({
  method: 'DELETE',
  path: '/v1/users/:userId/identities/:identityId',
  summary: 'Unlink an identity of a member, but never their last one, nor one of your own',
  access: { may: 'identity:manage', takesFrom: 'the member' },
  input: { param: z.object({ userId: UserId, identityId: IdentityId }) },
  output: 'nothing',
  async run({ input, grant, deps }) {
    const { userId, identityId } = input.param
    await unlinkIdentityOf(grant, userId, (row) => idOf(row) === identityId, deps)
  },
})

function shown(row: LinkedIdentity, current: IdentityName | undefined) {
  const { issuer, subject, createdAt } = row
  const isCurrent = issuer === current?.issuer && subject === current.subject
  return { id: idOf(row), issuer, subject, createdAt, current: isCurrent }
}

function idOf({ identityHash }: LinkedIdentity): string {
  return `idn_${identityHash.slice(0, ID_DIGITS)}`
}
