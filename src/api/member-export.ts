/** Everything that is held about a member, for themselves and for admins whom they ask. */
import * as z from 'zod'
import { answerFields } from '../http/answer-fields.ts'
import { route, Streamed } from '../http/route.ts'
import { exportMember } from '../operations/export-member.ts'
import { EXPORT_PARTS } from '../repositories/member-export.ts'
import { selfOf } from './me.ts'
import { Timestamp, UserId } from './schemas.ts'

const Row = z.looseObject({})
/** Those of a part, sent in pages; nobody has as many. */
const Rows = z.array(Row).max(1_000_000).meta({ id: 'Rows' })

const MemberExport = z
  .object({
    exportedAt: Timestamp,
    profile: Row,
    visits: Row,
    ...Object.fromEntries(EXPORT_PARTS.map((part) => [part, Rows])),
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
