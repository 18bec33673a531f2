/** Visitors: whoever books without an account. */
import * as z from 'zod'
import { route } from '../http/route.ts'
import { NoBody, shownId, Timestamp } from './schemas.ts'

const TOKEN = /^[\w-]+\.[\w-]+\.[\w-]+$/
const MAX_TOKEN_LENGTH = 8192

const VisitorPass = z
  .object({
    visitorId: shownId('vis'),
    token: z.string().meta({
      description: 'For `Authorization: Bearer`; whoever has it is this visitor',
      pattern: TOKEN.source,
      maxLength: MAX_TOKEN_LENGTH,
    }),
    expiresAt: Timestamp,
  })
  .meta({ id: 'VisitorPass' })

export const postVisitor = route({
  method: 'POST',
  path: '/v1/visitors',
  summary: 'Become a visitor, who can book without an account',
  access: { open: 'Whoever has no account needs a token to book with; nothing is stored for it' },
  input: { json: NoBody },
  output: VisitorPass,
  statuses: [201],
  perAddress: true,
  async run({ deps }) {
    return deps.visitors.welcome()
  },
})
