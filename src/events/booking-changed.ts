/** The state of a booking has changed. Whoever it is for is told after the answer, or else by the tick. */
import { describeError, log } from '../log.ts'
import type { Handlers } from './handlers.ts'
import { tellPeople } from './tell-people.ts'

export const bookingChanged: Handlers['booking-changed'] = {
  closed: 'by handling it',
  async handle({ subject: bookingId }, deps) {
    if (!deps.mailer?.tellsBookers) return undefined
    const told = async () => tellPeople(await deps.notices.about(bookingId), deps)
    deps.later(told().catch(noteFailure))
    return undefined
  },
}

function noteFailure(error: unknown): void {
  log('warn', 'mail postponed', describeError(error))
}
