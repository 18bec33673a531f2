/** Visitors: whoever books without an account, and how what they booked becomes a member's. */
import * as z from 'zod'
import { answerFields, nobody } from '../http/answer-fields.ts'
import { route } from '../http/route.ts'
import { claimBookings } from '../operations/claim-bookings.ts'
import { invalidField } from '../problem.ts'
import { Count, EXAMPLE_TOKEN, NoBody, shownId, Timestamp, Token } from './schemas.ts'

const VisitorPass = z
  .object({
    visitorId: shownId('vis'),
    token: Token.meta({
      description: 'For `Authorization: Bearer`; whoever has it is this visitor',
    }),
    expiresAt: Timestamp.meta({
      description:
        'In 30 days, or when the last live booking of the visitor ends, if that is later. Before it, POST here with the token as the credential: the answer is a new one for the same visitor',
    }),
  })
  .meta({ id: 'VisitorPass' })

export const createVisitor = route({
  method: 'POST',
  path: '/v1/visitors',
  summary: 'Become a visitor, who can book without an account; with the token of one, renew it',
  access: { open: 'Whoever has no account needs a token to book with; nothing is stored for it' },
  input: { json: NoBody },
  output: VisitorPass,
  statuses: [201],
  perAddress: true,
  async run({ caller: { actor }, deps }) {
    if (actor.kind !== 'visitor') return deps.issueVisitorToken()
    const { visitorId } = actor
    const until = Date.parse((await deps.bookings.lastEnd(visitorId)) ?? '1970-01-01')
    return deps.issueVisitorToken({ visitorId, until })
  },
})

const Claim = z
  .strictObject({
    visitorToken: Token.meta({ description: 'As `POST /v1/visitors` answered it' }),
  })
  .meta({ id: 'BookingClaim', examples: [{ visitorToken: EXAMPLE_TOKEN }] })

const Claimed = z
  .object({
    visitorId: shownId('vis'),
    claimed: Count.meta({ description: 'How many bookings have changed hands' }),
  })
  .meta({ id: 'ClaimedBookings' })
  .register(answerFields, { about: nobody })

export const claimMyBookings = route({
  method: 'POST',
  path: '/v1/me/bookings/claim',
  summary: 'Make yours what you have booked as a visitor',
  access: { may: 'booking:create', owner: 'self' },
  input: { json: Claim },
  output: Claimed,
  idempotent: 'd1',
  async run({ input, grant, request: { remember }, deps }) {
    const { visitor } = await deps.prove('visitorToken', input.json.visitorToken)
    if (!visitor) throw invalidField('visitorToken', 'expected a token of a visitor of this site')
    const { visitorId } = visitor
    const claimedAs = (claimed: number) => ({ visitorId, claimed })
    return claimedAs(await claimBookings(grant, visitorId, remember(claimedAs), deps))
  },
})
