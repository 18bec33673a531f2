/** What the calling member wants to hear of. */
import * as z from 'zod'
import { answerFields, nobody } from '../http/answer-fields.ts'
import { type CallerContext, route } from '../http/route.ts'
import { setMailPreference } from '../operations/set-mail-preference.ts'
import { notFound } from '../problem.ts'

const bookingMails = z.boolean().meta({
  description:
    'Whether you get mail when a booking of yours is made, confirmed, declined or canceled',
})
const Notifications = z
  .object({ bookingMails })
  .meta({ id: 'Notifications' })
  .register(answerFields, { about: nobody })

export const readMyNotifications = route({
  method: 'GET',
  path: '/v1/me/notifications',
  summary: 'What you are told by mail',
  access: { may: 'profile:read', owner: 'self' },
  input: {},
  output: Notifications,
  async run({ grant, caller, deps }) {
    const found = await deps.mailPreferences.find(grant.scope, selfOf(caller))
    return found ?? notFound('member')
  },
})

export const patchMyNotifications = route({
  method: 'PATCH',
  path: '/v1/me/notifications',
  summary: 'Choose what you are told by mail',
  access: { may: 'profile:update', owner: 'self' },
  input: {
    json: z
      .strictObject({ bookingMails })
      .meta({ id: 'NotificationsPatch', examples: [{ bookingMails: false }] }),
  },
  output: Notifications,
  async run({ input, grant, caller, deps }) {
    const wish = { userId: selfOf(caller), isWanted: input.json.bookingMails }
    return setMailPreference(grant, wish, deps)
  },
})

/** Who is admitted to a route about `self` is a member. */
function selfOf({ actor }: CallerContext) {
  return actor.kind === 'member' ? actor.userId : notFound('member')
}
