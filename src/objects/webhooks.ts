/**
 * The rest of the Worker's way to the objects that deliver webhooks, one for each endpoint, and to the
 * bell that wakes them. The objects themselves are in `events/`.
 */
import { countCall } from '../log.ts'
import type { EventId, WebhookId } from '../db/ids.ts'
import { assertExercised, type Exercised } from '../security/grant.ts'
import type { DumpedRows, DumpPage } from './table-dump.ts'

/** Why an attempt failed: the status it was answered with, or what became of it. Nothing else is kept. */
export type Failure = 'timeout' | 'no connection' | 'refused address' | 'interrupted'

export interface Delivery {
  /** The `webhook-id` of each of its attempts. */
  readonly id: EventId
  readonly type: string
  readonly subject: string
  readonly status: 'waiting' | 'delivered' | 'dead'
  readonly attempts: number
  /** What the last attempt was answered with. */
  readonly lastStatus: number | null
  readonly lastFailure: Failure | null
  /** Milliseconds since the epoch; null before the first attempt. */
  readonly lastAttemptAt: number | null
  /** Not before then; milliseconds since the epoch; null for what is not to be sent. */
  readonly nextAttemptAt: number | null
  /** Where it is in the list. */
  readonly position: number
}

export interface DeliveryState {
  /** `open`: so many attempts have failed one after another that none is made until `openUntil`. */
  readonly circuit: 'closed' | 'open' | 'half-open'
  /** Milliseconds since the epoch. */
  readonly openUntil: number | null
  readonly failuresInARow: number
  readonly waiting: number
  readonly dead: number
}

export interface DeliveryFilter {
  readonly status?: Delivery['status'] | undefined
  /** Those before this one in the list. */
  readonly before?: number | undefined
  readonly limit: number
}

/**
 * One endpoint. Whoever calls says which: an object knows its name, but not at an alarm. `generation` is that of
 * whoever asks: one of another generation is refused, and nothing is done.
 */
export interface WebhookSending extends Rpc.DurableObjectBranded {
  /** There may be something to send. @param afresh forgets how often it has failed */
  wake(id: WebhookId, afresh?: boolean): Promise<void>
  state(generation?: string): Promise<DeliveryState>
  /** Newest first. */
  deliveries(filter: DeliveryFilter, generation?: string): Promise<Delivery[]>
  /** What `replay` would answer. */
  isKnown(eventId: EventId): Promise<boolean>
  ping(id: WebhookId, eventId: EventId, at: string, generation?: string): Promise<void>
  /** @returns false if it is not known, or not any more */
  replay(id: WebhookId, eventId: EventId, generation?: string): Promise<boolean>
  /** Everything behind this position of the feed once more. */
  replayFrom(id: WebhookId, position: number, generation?: string): Promise<void>
  /** Whether it knows that the webhook was deleted. */
  isDeleted(): Promise<boolean>
  adopt(generation: string): Promise<void>
  /** A page of all there is here, for a backup. */
  dump(cursor: string | null, generation: string): Promise<DumpPage>
  /** Empties what a backup began to load, and holds until it is adopted. @returns false if it is in use */
  beginLoading(backup: string): Promise<boolean>
  /** Takes a page of `dump`; may be repeated. */
  load(backup: string, tables: readonly DumpedRows[]): Promise<void>
}

/** Wakes all endpoints. */
export interface WebhookRinging extends Rpc.DurableObjectBranded {
  /** Something was committed. @returns whether anybody wants to know */
  ring(): Promise<boolean>
}

/** So long nobody is rung for after the bell has said that there is no endpoint. */
const QUIET_MS = 5_000

/** What isolates know of their bells: until when not to ring, in milliseconds since the epoch. */
const quiet = new WeakMap<object, number>()

export function webhookSendersClient(
  namespaces: {
    readonly WEBHOOKS: DurableObjectNamespace<WebhookSending>
    readonly BELL: DurableObjectNamespace<WebhookRinging>
  },
  confirm: () => Promise<void>,
  generationOf: () => Promise<string>,
) {
  const { WEBHOOKS, BELL } = namespaces
  const of = (id: WebhookId) => {
    countCall('objects')
    return WEBHOOKS.getByName(id)
  }
  return {
    async wake(id: WebhookId, afresh = false) {
      quiet.delete(BELL)
      await confirm()
      await of(id).wake(id, afresh)
    },
    async state(id: WebhookId) {
      await confirm()
      return of(id).state(await generationOf())
    },
    async deliveries(id: WebhookId, filter: DeliveryFilter) {
      await confirm()
      return of(id).deliveries(filter, await generationOf())
    },
    async ping(
      exercised: Exercised<'webhook:manage'>,
      id: WebhookId,
      eventId: EventId,
      at: string,
    ) {
      assertExercised(exercised)
      await confirm()
      await of(id).ping(id, eventId, at, await generationOf())
    },
    async replay(exercised: Exercised<'webhook:manage'>, id: WebhookId, eventId: EventId) {
      assertExercised(exercised)
      await confirm()
      return of(id).replay(id, eventId, await generationOf())
    },
    async replayFrom(exercised: Exercised<'webhook:manage'>, id: WebhookId, position: number) {
      assertExercised(exercised)
      await confirm()
      await of(id).replayFrom(id, position, await generationOf())
    },
  }
}

/** Rings, unless nobody was there to hear it a moment ago. @param now milliseconds since the epoch */
export async function ringBell(
  BELL: DurableObjectNamespace<WebhookRinging>,
  now: number,
): Promise<void> {
  if (now < (quiet.get(BELL) ?? 0)) return
  const isHeard = await BELL.getByName('site').ring()
  if (!isHeard) quiet.set(BELL, now + QUIET_MS)
}
