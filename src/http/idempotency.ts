/**
 * Idempotency-Key. The answer is stored in the same transaction as the write it reports on, so
 * there is no moment in which one exists without the other, and of two at once one is the replay.
 */
import { base64url } from 'jose'
import type { Assumption } from '../db/client.ts'
import { idempotencyMismatch } from '../problem.ts'
import type { StoredAnswer } from '../repositories/audited.ts'
import { KEPT_FOR_MS, unansweredSince } from '../repositories/idempotency.ts'
import { decrypt, encrypt } from '../crypto/aes-gcm.ts'
import { actorRef } from '../security/actor.ts'
import { fieldsOf } from './answer-fields.ts'
import { idempotencyKeyOf } from './conditions.ts'
import type { AppContext } from './context.ts'
import { sha256 } from '../crypto/digest.ts'
import { type Idempotency, type Route, type Status, statusOf } from './route.ts'
import { outputOf, send } from './send.ts'

export const REPLAYED = { 'Idempotency-Replayed': 'true' } as const

/** @throws Problem `validation_failed` for a key that is not usable */
export async function idempotencyOf(
  c: AppContext,
  declared: Route,
): Promise<Idempotency | undefined> {
  const { idempotent } = declared
  const key = idempotent && idempotencyKeyOf(c.req)
  const { actor } = c.get('identified')
  if (!key || actor.kind === 'anonymous') return undefined
  const fingerprint = await sha256(`${c.req.method} ${c.req.path}\n${await c.req.text()}`)
  return { caller: actorRef(actor), key, fingerprint, storedIn: idempotent }
}

/** That there is no stored answer, for a key whose answers are stored in D1. */
export async function isUnanswered(
  c: AppContext,
  idempotency: Idempotency | undefined,
): Promise<Assumption[]> {
  if (idempotency?.storedIn !== 'd1') return []
  return [unansweredSince(idempotency.caller, await hashOf(idempotency), keptSince(c))]
}

/** RFC 3339. */
function keptSince(c: AppContext): string {
  return new Date(c.get('now') - KEPT_FOR_MS).toISOString()
}

/** The stored answer, sent again. @throws Problem `idempotency_mismatch` */
export async function replayOf(
  c: AppContext,
  declared: Route,
  idempotency: Idempotency | undefined,
): Promise<Response | undefined> {
  if (idempotency?.storedIn !== 'd1') return undefined
  const stored = await c
    .get('deps')
    .idempotency.find(idempotency.caller, await hashOf(idempotency), keptSince(c))
  if (!stored) return undefined
  if (stored.fingerprint !== idempotency.fingerprint) throw idempotencyMismatch()
  const body = await decrypt(base64url.decode(stored.body), await sealingKey(idempotency))
  return send(c, declared, statusOfStored(stored.status), JSON.parse(body), REPLAYED)
}

/**
 * What is stored can be read only by who has the key, or guesses it: answers may hold a secret that
 * is shown once.
 * @throws Error for a route whose answers do not say whom they are about
 */
export async function answerFor(
  c: AppContext,
  declared: Route,
  idempotency: Idempotency,
  body: unknown,
): Promise<StoredAnswer> {
  const { caller, fingerprint } = idempotency
  const subject = subjectOf(c, declared, body)
  return {
    caller,
    key: await hashOf(idempotency),
    fingerprint,
    status: statusOf(declared),
    body: base64url.encode(await encrypt(JSON.stringify(body), await sealingKey(idempotency))),
    createdAt: new Date(c.get('now')).toISOString(),
    about: subject === caller ? null : subject,
  }
}

/** Whose data an answer shows: of a booking its owner, of a profile the member. */
function subjectOf(c: AppContext, declared: Route, body: unknown): string | null {
  const { about } = fieldsOf(outputOf(c, declared))
  if (about) return about(body)
  throw new Error(
    `The answer of ${declared.method} ${declared.path} does not say whom it is about.`,
  )
}

async function hashOf({ key }: Idempotency): Promise<string> {
  return sha256(`idempotency key\n${key}`)
}

/** Derived from the caller's key, which is stored only as a hash. */
async function sealingKey({ caller, key }: Idempotency): Promise<CryptoKey> {
  const bits = Uint8Array.from(
    base64url.decode(await sha256(`idempotent answer\n${caller}\n${key}`)),
  )
  return crypto.subtle.importKey('raw', bits, 'AES-GCM', false, ['encrypt', 'decrypt'])
}

/** Stored by `answerFor`, so it is one of them. */
function statusOfStored(status: number): Status {
  return status as Status
}
