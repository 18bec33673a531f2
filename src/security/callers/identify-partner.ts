/** Which key is calling and what it may at this moment: its gate knows, D1 is not asked. */
import type { KeyId } from '../../db/ids.ts'
import type { PartnerActor } from '../actor.ts'
import type { KeyAnswer } from './key-gates.ts'
import { Problem } from '../../problem.ts'
import { invalidKey } from './api-key.ts'
import { BURST_LIMIT } from '../limits/burst-guard.ts'
import type { Authenticated } from './authenticate.ts'
import type { Identified, IdentifyDeps, Moment } from './identified.ts'
import { limitReached, ofAddress } from '../limits/rate-limit.ts'

type PartnerDeps = Pick<IdentifyDeps, 'burstGuard' | 'keyGates' | 'rememberedKeys'>
type WithKey = Extract<Authenticated, { type: 'api-key' }>

export async function identifyPartner(
  { key, address }: WithKey,
  deps: PartnerDeps,
  moment: Moment,
): Promise<Identified> {
  const wait = deps.burstGuard.wait(address, key.secretHash, moment.now)
  if (wait > 0) throw tooManyUnknownKeys(wait)
  const known = moment.again ? undefined : deps.rememberedKeys?.find(key.secretHash, moment.now)
  const asked = askGate(key, address, deps, moment)
  if (!known) return asked
  // Whoever waits for it sees it fail.
  asked.catch(() => {})
  const { actor, generation } = known
  return { actor, generation, pending: asked }
}

async function askGate(
  { keyId, secretHash }: WithKey['key'],
  address: string | undefined,
  { burstGuard, keyGates, rememberedKeys }: PartnerDeps,
  { now, again }: Moment,
): Promise<Identified> {
  const answer = await keyGates.verify(keyId, { secretHash, address, again }).catch(gateIsSilent)
  if (answer.good || answer.because !== 'invalid') burstGuard.passed(secretHash)
  else await burstGuard.failed(address, secretHash, now)
  if (answer.good) {
    const { generation } = answer
    rememberedKeys?.remember(secretHash, { actor: partnerOf(keyId, answer), generation }, now)
  } else rememberedKeys?.forget(secretHash)
  return admitPartner(keyId, answer)
}

function partnerOf(
  keyId: KeyId,
  { scopes, accessRevision }: Extract<KeyAnswer, { good: true }>,
): PartnerActor {
  return { kind: 'partner', keyId, scopes, accessRevision }
}

/** What a request would come to, without counting the use. */
export async function foreseePartner(
  keyId: KeyId,
  { keyGates }: Pick<IdentifyDeps, 'keyGates'>,
): Promise<Identified> {
  return admitPartner(keyId, await keyGates.foresee(keyId).catch(gateIsSilent))
}

function admitPartner(keyId: KeyId, answer: KeyAnswer): Identified {
  if (answer.good) {
    const { limits, generation } = answer
    return { actor: partnerOf(keyId, answer), limits, generation }
  }
  switch (answer.because) {
    case 'invalid':
      throw invalidKey()
    case 'address':
      throw invalidKey('The API key may not be used from this address.')
    case 'rate_limited':
    case 'quota_exceeded':
      throw limitReached(answer.because, LIMITED[answer.because], answer.retryAfter, answer.limits)
  }
}

const LIMITED = {
  rate_limited: 'The limit of this API key is reached for now.',
  quota_exceeded: 'The quota of this API key is used up for this month.',
} as const

function tooManyUnknownKeys(wait: number): Problem {
  const detail = 'Too many unknown API keys came from this address.'
  return limitReached('rate_limited', detail, wait, [ofAddress(BURST_LIMIT, wait)])
}

function gateIsSilent(cause: unknown): never {
  throw new Problem(
    'unavailable',
    'The service that checks API keys does not answer. Try again in a moment.',
    {
      retryAfter: 1,
      cause,
    },
  )
}
