/**
 * What follows from events: the handlers of all kinds, and the one way to run them, by the request
 * that wrote the event and by the tick after it alike. The Worker wires it in, so that no route can
 * import what elevates.
 */
import type { SystemDeps } from '../deps.ts'
import type { OpenEvent } from '../repositories/outbox.ts'
import { bookingChanged } from './booking-changed.ts'
import { bookingCreated } from './booking-created.ts'
import type { EventKind, EventOf, FollowUp, Handler, Handlers } from './handlers.ts'
import { memberDeleted } from './member-deleted.ts'
import { memberReinstated } from './member-reinstated.ts'
import { runRequested } from './run-requested.ts'
import { signalReceived } from './signal-received.ts'
import { keysChanged, roleDeleted } from './tell-gates.ts'

const HANDLERS: Handlers = {
  'booking-created': bookingCreated,
  'booking-changed': bookingChanged,
  'member-reinstated': memberReinstated,
  'keys-changed': keysChanged,
  'role-deleted': roleDeleted,
  'member-deleted': memberDeleted,
  'run-requested': runRequested,
  'signal-received': signalReceived,
}

export const followUp: FollowUp = async (event, deps) => {
  const handler = handlerOf(event)
  const booking = await handler.handle(event, deps)
  if (handler.closed === 'at once') await deps.outbox.close([event])
  return booking
}

/**
 * Follows up events of one table for the tick, which closes those that the request leaves open, too,
 * and all of them in one statement. @returns those that failed, and stay open
 */
export async function finish<E extends OpenEvent>(
  events: readonly E[],
  deps: SystemDeps,
): Promise<{ readonly event: E; readonly error: unknown }[]> {
  const failed = []
  const handled: E[] = []
  for (const event of events) {
    try {
      await handlerOf(event).handle(event, deps)
      handled.push(event)
    } catch (error) {
      failed.push({ event, error })
    }
  }
  await deps.outbox.close(handled.filter((event) => handlerOf(event).closed !== 'by handling it'))
  return failed
}

/** The compiler cannot follow an event to the handler of its kind, but a kind. */
function handlerOf<K extends EventKind>({ kind }: { readonly kind: K }): Handler<EventOf<K>> {
  return HANDLERS[kind]
}
