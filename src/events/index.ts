/** The handlers of all events; wired in by the Worker and run again by the cron when interrupted. */
import { bookingCreated } from './booking-created.ts'
import type { EventHandlers } from './handlers.ts'

export const eventHandlers: EventHandlers = { bookingCreated }
