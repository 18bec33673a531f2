/** What is written down about a request once it is answered: one line, made of ids, codes and figures only. */
import type { KeyId } from '../db/ids.ts'
import { log, type Tally } from '../log.ts'
import type { Problem } from '../problem.ts'
import { actorRef, type Caller } from '../security/actor.ts'
import { type RawSettings, settingsOf } from '../settings/settings.ts'

/** Noted on the way, by whoever comes to know it. */
export interface RequestRecord extends Tally {
  /** The path as it is declared, as in `/v1/users/:userId`: what is in the real one is nobody's business here. */
  route?: string | undefined
  /** Who it is, as far as that is known. */
  actor?: Caller
  /** The key that was sent, if it was issued here. */
  keyId?: KeyId
  /** What it was refused with, or failed with. */
  problem?: Problem
}

const METHODS = new Set(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'])

/** Whoever makes up a method could write anything there. */
export function shownMethod({ method }: Request): string {
  return METHODS.has(method) ? method : 'other'
}

interface Answered {
  readonly requestId: string
  /** As `shownMethod` says it. */
  readonly method: string
  readonly status: number
  /** From arrival to answer. */
  readonly milliseconds: number
}

/** What was refused or has failed is always written; of the rest the share that LOG_REQUESTS says. */
export function logRequest(record: RequestRecord, answered: Answered, env: RawSettings): void {
  const { requestId, method, status, milliseconds } = answered
  if (status < 400 && !isInShare(requestId, shareIn(env))) return
  const { route = 'none', actor, keyId, problem, d1, objects } = record
  const { stage, required, reach } = problem?.extras ?? {}
  log(status >= 500 ? 'error' : 'info', 'request', {
    requestId,
    method,
    route,
    status,
    ...(problem && { code: problem.code, stage, required, reach }),
    actor: actor?.kind ?? 'unknown',
    ...(actor && actor.kind !== 'anonymous' && { actorId: actorRef(actor) }),
    keyId,
    d1,
    objects,
    milliseconds,
  })
}

/** By its id, which is random: all who know the id know whether there is a line. */
function isInShare(requestId: string, share: number): boolean {
  return Number.parseInt(requestId.slice(0, 8), 16) < share * 2 ** 32
}

/** With settings that cannot be used nothing is kept from the log. */
function shareIn(env: RawSettings): number {
  try {
    return settingsOf(env).loggedShare
  } catch {
    return 1
  }
}
