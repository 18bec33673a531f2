/** Everything that is held about a member, for themselves and for admins whom they ask. */
import * as z from 'zod'
import { answerFields } from '../http/answer-fields.ts'
import { route, Streamed } from '../http/route.ts'
import { exportMember } from '../operations/export-member.ts'
import { EXPORT_PARTS } from '../repositories/member-export.ts'
import { selfOf } from './me.ts'
import { Timestamp, UserId } from './schemas.ts'

const Row = z.looseObject({})
/** The most rows of a part; it is sent in pages, and nobody has as many. */
const MOST_ROWS = 1_000_000

const MemberExport = z
  .object({
    exportedAt: Timestamp,
    profile: Row,
    visits: Row,
    ...Object.fromEntries(EXPORT_PARTS.map((part) => [part, z.array(Row).max(MOST_ROWS)])),
  })
  .meta({
    id: 'MemberExport',
    description:
      'All that is stored about a member, by kind. Credentials are told by kind and dates; who else acted, by what they are',
  })
  .register(answerFields, {})

export const exportMe = route({
  method: 'GET',
  path: '/v1/me/export',
  summary: 'Everything that is held about you, having just signed in',
  access: { may: 'profile:export', owner: 'self' },
  input: {},
  output: MemberExport,
  async run({ grant, caller, deps }) {
    const { userId } = selfOf(caller)
    return new Streamed(await exportMember(grant, { userId, by: caller.authenticated }, deps))
  },
})

export const exportUser = route({
  method: 'GET',
  path: '/v1/users/:userId/export',
  summary: 'Everything that is held about a member, for admins who have just signed in',
  access: { may: 'profile:export' },
  input: { param: z.object({ userId: UserId }) },
  output: MemberExport,
  async run({ input, grant, caller, deps }) {
    const { userId } = input.param
    return new Streamed(await exportMember(grant, { userId, by: caller.authenticated }, deps))
  },
})
