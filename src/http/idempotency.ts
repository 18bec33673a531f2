/**
 * Idempotency-Key. The answer is stored in the same transaction as the write it reports on, so
 * there is no moment in which one exists without the other, and of two at once one is the replay.
 */
import { base64url } from 'jose'
import { idempotencyMismatch } from '../problem.ts'
import type { StoredAnswer } from '../repositories/audited.ts'
import { KEPT_FOR_MS } from '../repositories/idempotency.ts'
import { decrypt, encrypt } from '../crypto/aes-gcm.ts'
import { actorRef } from '../security/actor.ts'
import { idempotencyKeyOf } from './conditions.ts'
import type { AppContext } from './context.ts'
import { sha256 } from '../crypto/digest.ts'
import type { Route, Status } from './route.ts'
import { fieldsOf, send } from './send.ts'

export const REPLAYED = { 'Idempotency-Replayed': 'true' } as const

export interface Claim {
  readonly caller: string
  readonly key: string
  /** Of method, path and body: the same key may not be used for another request. */
  readonly fingerprint: string
  readonly storedIn: 'd1' | 'object'
}

/** @throws Problem `validation_failed` for a key that is not usable */
export async function claimOf(c: AppContext, declared: Route): Promise<Claim | undefined> {
  const { idempotent } = declared
  const key = idempotent && idempotencyKeyOf(c.req)
  const { actor } = c.get('identified')
  if (!key || actor.kind === 'anonymous') return undefined
  const fingerprint = await sha256(`${c.req.method} ${c.req.path}\n${await c.req.text()}`)
  return { caller: actorRef(actor), key, fingerprint, storedIn: idempotent }
}

/** The stored answer, sent again. @throws Problem `idempotency_mismatch` */
export async function replayOf(
  c: AppContext,
  declared: Route,
  claim: Claim | undefined,
): Promise<Response | undefined> {
  if (claim?.storedIn !== 'd1') return undefined
  const since = new Date(c.get('now') - KEPT_FOR_MS).toISOString()
  const stored = await c.get('deps').idempotency.find(claim.caller, await hashOf(claim), since)
  if (!stored) return undefined
  if (stored.fingerprint !== claim.fingerprint) throw idempotencyMismatch()
  const body = await decrypt(base64url.decode(stored.body), await sealingKey(claim))
  return send(c, declared, statusOfStored(stored.status), JSON.parse(body), REPLAYED)
}

/**
 * What is stored can be read only by who has the key, or guesses it: answers may hold a secret that
 * is shown once.
 * @param now milliseconds since the epoch
 */
export async function answerFor(
  claim: Claim | undefined,
  status: Status,
  body: unknown,
  now: number,
): Promise<StoredAnswer | undefined> {
  if (claim?.storedIn !== 'd1') return undefined
  const { caller, fingerprint } = claim
  const subject = subjectOf(body)
  return {
    caller,
    key: await hashOf(claim),
    fingerprint,
    status,
    body: base64url.encode(await encrypt(JSON.stringify(body), await sealingKey(claim))),
    createdAt: new Date(now).toISOString(),
    about: subject === caller ? null : subject,
  }
}

/** Whose data an answer shows: of a booking its owner, of a profile the member. */
function subjectOf(body: unknown): string | null {
  const { owner, id } = fieldsOf(body)
  if (typeof owner === 'string') return owner
  return typeof id === 'string' && id.startsWith('usr_') ? id : null
}

async function hashOf({ key }: Claim): Promise<string> {
  return sha256(`idempotency key\n${key}`)
}

/** Derived from the caller's key, which is stored only as a hash. */
async function sealingKey({ caller, key }: Claim): Promise<CryptoKey> {
  const bits = Uint8Array.from(
    base64url.decode(await sha256(`idempotent answer\n${caller}\n${key}`)),
  )
  return crypto.subtle.importKey('raw', bits, 'AES-GCM', false, ['encrypt', 'decrypt'])
}

/** Stored by `answerFor`, so it is one of them. */
function statusOfStored(status: number): Status {
  return status as Status
}
