/**
 * An issuer has told that a subject of its own has signed out, or that something happened to its account. What
 * follows is elevated for that one identity, and for the member it leads to; nothing else a signal says
 * reaches it, and repeating it is harmless.
 */
import type { SystemDeps } from '../deps.ts'
import { endToldSessions } from '../operations/end-told-sessions.ts'
import { suspendFor } from '../operations/set-status.ts'
import { Problem } from '../problem.ts'
import type { SignalsRepository } from '../repositories/signals.ts'
import { elevate } from '../security/elevation.ts'
import type { EventOf, Handlers } from './handlers.ts'

type Event = EventOf<'signal-received'>
type Signal = NonNullable<Awaited<ReturnType<SignalsRepository['find']>>>

export const signalReceived: Handlers['signal-received'] = {
  closed: 'by handling it',
  async handle(event, deps) {
    try {
      const signal = await deps.signals.find(event.subject)
      if (signal) await followUp(event, signal, deps)
      else await deps.outbox.close([event])
      return undefined
    } catch (cause) {
      if (cause instanceof Problem) throw cause
      throw new Problem('unavailable', 'What was told is stored, but not in force yet.', {
        retryAfter: 1,
        cause,
      })
    }
  },
}

async function followUp(event: Event, signal: Signal, deps: SystemDeps): Promise<void> {
  const { issuer, subject, sid, kind, action, userId, happenedAt, issuedUntil } = signal
  // What is done has no subject any more: somebody else has followed it up meanwhile.
  if (subject === null) return
  const reason = `${kind} told by ${issuer}`
  if (action === 'suspend' && userId !== null) {
    await elevate('signal-follower', 'user:suspend', { reason, bound: { userId } }, (grant) =>
      suspendFor(grant, { userId, happenedAt }, deps),
    )
  }
  // The event is closed with it, so it is the last thing that is done.
  await elevate('signal-follower', 'session:end', { reason, bound: { issuer, subject } }, (grant) =>
    endToldSessions(
      grant,
      { issuer, subject, sid, issuedUntil },
      { signalId: event.subject, eventId: event.id, kind },
      deps,
    ),
  )
}
