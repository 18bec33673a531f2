/** What can follow from what a request did. Types only: HTTP knows that something follows, not what. */
import type { SystemDeps } from '../deps.ts'
import type { BookingRow } from '../repositories/bookings.ts'
import type { OpenEvent } from '../repositories/outbox.ts'

export interface Handler<E extends OpenEvent> {
  /**
   * Does what follows from the event. Doing it again, or twice at once, is harmless.
   * @returns the booking as it is afterwards, for an event about one that is still there
   * @throws Problem if nothing may be answered before it is done; any other failure is made up for by
   * a tick, and the request is answered
   */
  handle(event: E, deps: SystemDeps): Promise<BookingRow | undefined>
  /**
   * When the event is closed: in the transaction that handles it; right afterwards; or by the next
   * tick, which handles it once more, where a request would otherwise take a trip more to storage.
   */
  readonly closed: 'by handling it' | 'at once' | 'by the tick'
}

export type EventKind = OpenEvent['kind']
export type EventOf<K extends EventKind> = Extract<OpenEvent, { readonly kind: K }>

/** One for each kind there is, or it does not compile. */
export type Handlers = { readonly [K in EventKind]: Handler<EventOf<K>> }

/** Handles an event, and closes it unless that is left to the tick. @throws as `handle` does */
export type FollowUp = (event: OpenEvent, deps: SystemDeps) => Promise<BookingRow | undefined>
