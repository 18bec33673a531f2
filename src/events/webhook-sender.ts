/**
 * One object per webhook. It takes events from the feed into its own storage and delivers them one at a
 * time, in the order of each subject. Whether the webhook is on, where it leads, and what its creator
 * may is read in D1 before every attempt, so a change is in force with the next one. Where D1 is of another
 * generation than the object, or has a webhook that was deleted, nothing is told until that is reconciled.
 */
import { DurableObject } from 'cloudflare:workers'
import { openSession } from '../db/client.ts'
import type { EventId, WebhookId } from '../db/ids.ts'
import { databaseInTime } from '../db/in-time.ts'
import { makeDeps } from '../deps.ts'
import type { Bindings } from '../env.ts'
import { describeError, log } from '../log.ts'
import { Belonging, isOfOtherGeneration, otherGeneration } from '../objects/belonging.ts'
import { type DumpedRows, type DumpPage, TableDump } from '../objects/table-dump.ts'
import type {
  Delivery,
  DeliveryFilter,
  DeliveryState,
  WebhookSending,
} from '../objects/webhooks.ts'
import { disableWebhook, mayBeTold, whyNotToldAt } from '../operations/manage-webhooks.ts'
import { type FeedRow, toldOf } from '../repositories/feed.ts'
import { onlyAt } from '../repositories/scope.ts'
import type { CurrentWebhook, DisabledBecause } from '../repositories/webhooks.ts'
import { elevate } from '../security/elevation.ts'
import { signingSecrets } from '../security/tokens/webhook-signature.ts'
import { settingsOf } from '../settings/settings.ts'
import { DELIVERY_TABLES, DeliveryLog, type Due } from './delivery-log.ts'
import { isDelivered, type Outcome, sendWebhook } from './send-webhook.ts'
import { tellCreator } from './tell-creator.ts'

const SECOND = 1000
const MINUTE = 60 * SECOND
const HOUR = 60 * MINUTE

/** How fast things go. */
interface Pace {
  /** Before the second attempt, the third and so on; the last one before all others. */
  readonly retryMs: readonly number[]
  /** An event is tried for so long, and an endpoint that answers to nothing is kept for so long. */
  readonly givesUpMs: number
  /** After so many failures in a row no attempt is made for a while, which doubles up to the longest. */
  readonly opensAfter: number
  readonly openMs: number
  readonly longestOpenMs: number
  readonly attemptMs: number
}

const RETRY_MS = [
  5 * SECOND,
  30 * SECOND,
  2 * MINUTE,
  10 * MINUTE,
  30 * MINUTE,
  HOUR,
  2 * HOUR,
  4 * HOUR,
  8 * HOUR,
  12 * HOUR,
]

/** @param haste how many times as fast, for who tries out a receiver on this machine */
function paceWith(haste: number): Pace {
  return {
    retryMs: RETRY_MS.map((ms) => ms / haste),
    givesUpMs: (72 * HOUR) / haste,
    opensAfter: 10,
    openMs: (30 * SECOND) / haste,
    longestOpenMs: HOUR / haste,
    attemptMs: Math.max((10 * SECOND) / haste, 500),
  }
}

/** Attempts of one alarm: each is a call to D1 and one outside, of which an invocation may make few. */
const ATTEMPTS_AT_ONCE = 15
/** Events taken from the feed at once, and that may wait here; those behind them wait in the feed. */
const PAGE = 100
const MAX_WAITING = 1000
const CALL_LIMIT_MS = 5_000
/** Rows of a page of a backup, each with the body of an event. */
const ROWS_OF_A_PAGE = 1_000
/** When storage does not answer. */
const AGAIN_MS = 30 * SECOND
/** Stays when the webhook is deleted, so that a database that was put back does not revive it. */
const DELETED = 'deleted'

/** Why one is disabled that nobody has asked to be. */
type BySystem = Exclude<DisabledBecause, 'asked'>

/** The time to be woken at next; milliseconds since the epoch; undefined for not by oneself. */
type Next = number | undefined

export class WebhookSender extends DurableObject<Bindings> implements WebhookSending {
  #belonging = new Belonging(this.ctx.storage)
  #opened: DeliveryLog | undefined
  #isRunning = false
  #isWoken = false

  get #pace(): Pace {
    return paceWith(settingsOf(this.env).webhookHaste)
  }

  /** Made when it is needed, for a webhook that was deleted leaves nothing. */
  get #log(): DeliveryLog {
    return (this.#opened ??= new DeliveryLog(this.ctx.storage))
  }

  get #dump(): TableDump {
    this.#opened ??= new DeliveryLog(this.ctx.storage)
    return new TableDump(this.ctx.storage, DELIVERY_TABLES)
  }

  async wake(id: WebhookId, afresh = false): Promise<void> {
    this.#log.begin(id)
    if (afresh) this.#log.afresh(Date.now())
    await this.#soon()
  }

  async state(generation?: string): Promise<DeliveryState> {
    this.#belonging.assert(generation)
    return this.#log.state(Date.now())
  }

  async deliveries(filter: DeliveryFilter, generation?: string): Promise<Delivery[]> {
    this.#belonging.assert(generation)
    return this.#log.list(filter)
  }

  async isKnown(eventId: EventId): Promise<boolean> {
    return this.#log.isKnown(eventId)
  }

  async ping(id: WebhookId, eventId: EventId, at: string, generation?: string): Promise<void> {
    this.#belonging.assert(generation)
    this.#log.begin(id)
    const type = 'webhook.ping'
    const event = { id: eventId, type, at, subject: id, revision: null, fields: [], about: {} }
    const body = JSON.stringify(event)
    this.#log.add({ id: eventId, type, subject: id, body }, Date.now())
    await this.#soon()
  }

  async replay(id: WebhookId, eventId: EventId, generation?: string): Promise<boolean> {
    this.#belonging.assert(generation)
    this.#log.begin(id)
    const isKnown = this.#log.repeat(eventId, Date.now())
    await this.#soon()
    return isKnown
  }

  async replayFrom(id: WebhookId, position: number, generation?: string): Promise<void> {
    this.#belonging.assert(generation)
    this.#log.begin(id)
    this.#log.goTo(this.#log.endpoint()?.generation ?? null, position)
    await this.#soon()
  }

  /** What reconciling goes by, whatever generation it is. */
  async isDeleted(): Promise<boolean> {
    return this.ctx.storage.kv.get(DELETED) === true
  }

  /** Makes the object one of the generation, once the database knows as much of its webhook. */
  async adopt(generation: string): Promise<void> {
    this.ctx.storage.kv.delete(DELETED)
    this.#dump.end()
    this.#belonging.adopt(generation, null)
    await this.#soon()
  }

  async dump(cursor: string | null, generation: string): Promise<DumpPage> {
    this.#belonging.assert(generation)
    if (await this.isDeleted()) throw otherGeneration()
    return this.#dump.page(cursor, ROWS_OF_A_PAGE)
  }

  async beginLoading(backup: string): Promise<boolean> {
    return this.#dump.begin(backup, this.#belonging)
  }

  async load(backup: string, tables: readonly DumpedRows[]): Promise<void> {
    this.#dump.load(backup, tables)
  }

  override async alarm(): Promise<void> {
    this.#isRunning = true
    this.#isWoken = false
    let next: Next
    try {
      next = await this.#run()
    } catch (error) {
      // The platform would try again within seconds, and after a few times not at all.
      log('warn', 'webhook postponed', describeError(error))
      // Reconciling wakes it.
      next = isOfOtherGeneration(error) ? undefined : Date.now() + AGAIN_MS
    }
    this.#isRunning = false
    // Set before, it would stand in place of this run if that is cut off.
    if (this.#isWoken) next = Date.now()
    if (next !== undefined) await this.ctx.storage.setAlarm(next)
  }

  /** The next alarm is now. One that is under way sees to that itself, when it ends. */
  async #soon(): Promise<void> {
    this.#isWoken = true
    if (!this.#isRunning) await this.ctx.storage.setAlarm(Date.now())
  }

  async #run(): Promise<Next> {
    this.#log.interrupted(Date.now())
    for (let attempts = 0; attempts < ATTEMPTS_AT_ONCE; attempts++) {
      const endpoint = this.#log.endpoint()
      if (!endpoint) return undefined
      const room = this.#room()
      const position = endpoint.position ?? -1
      const read = await this.#deps().webhooks.forSending(endpoint.id, position, room)
      const { webhook, state } = read
      this.#belonging.assert(state.generation)
      // Meanwhile somebody has asked for a replay: what was read is from behind another place.
      if (this.#log.endpoint()?.position !== endpoint.position) continue
      if (!webhook) return this.#end()
      if (await this.isDeleted()) throw otherGeneration()
      if (!webhook.enabled || !mayBeTold(webhook)) return undefined
      if (endpoint.generation !== state.generation) {
        // A new endpoint begins where it was made. After stores were put back, positions were given
        // anew, so everything that is kept is told once more.
        const isNew = endpoint.generation === null
        const from = isNew ? (endpoint.position ?? webhook.since) : state.forgotten
        this.#log.goTo(state.generation, from)
        continue
      }
      if (read.events.length > 0) this.#take(webhook, read.events, state.generation)
      const now = Date.now()
      if (endpoint.openUntil !== null && now < endpoint.openUntil) return endpoint.openUntil
      const due = this.#log.due(now)
      if (!due) {
        if (read.events.length > 0 && read.events.length === room) continue
        this.#log.prune()
        return this.#log.nextAt()
      }
      const reason = await this.#tell(webhook, due)
      if (reason !== undefined) return this.#disable(webhook, reason)
    }
    this.#log.prune()
    return Date.now()
  }

  /** How many events there is room for, if any are needed now. */
  #room(): number {
    const waiting = this.#log.waiting()
    const isNeeded = waiting < PAGE || this.#log.due(Date.now()) === undefined
    return isNeeded ? Math.max(0, Math.min(PAGE, MAX_WAITING - waiting)) : 0
  }

  #take({ types }: CurrentWebhook, events: readonly FeedRow[], generation: string): void {
    const wanted = events.filter(({ type }) => types === null || types.includes(type))
    const taken = wanted.map((event) => ({
      id: event.id,
      type: event.type,
      subject: event.subject,
      body: JSON.stringify(toldOf(event)),
    }))
    const last = events.at(-1)
    if (last) this.#log.take(taken, generation, last.position, Date.now())
  }

  /** @returns why the webhook is to be disabled, if it is */
  async #tell(webhook: CurrentWebhook, due: Due): Promise<BySystem | undefined> {
    const { id, url } = webhook
    const settings = settingsOf(this.env)
    if (whyNotToldAt(url, settings, webhook.siteHost) !== undefined) return 'address'
    const now = Date.now()
    const { authSecret } = settings
    const secrets = await signingSecrets(webhook.secrets, { authSecret, about: id, now })
    if (!secrets) return 'secret'
    this.#log.attempt(due.id, now)
    const { attemptMs } = this.#pace
    const outcome = await sendWebhook({ url, id: due.id, body: due.body, secrets, now }, attemptMs)
    if (isDelivered(outcome)) {
      this.#log.delivered(due.id, outcome.status ?? 0)
      return undefined
    }
    return this.#failed(due, outcome, now)
  }

  #failed(due: Due, outcome: Outcome, began: number): BySystem | undefined {
    const { retryMs, givesUpMs, opensAfter, openMs, longestOpenMs } = this.#pace
    const now = Date.now()
    const { failures = 0, failingSince = null } = this.#log.endpoint() ?? {}
    const isGone = outcome.status === 410
    const isFailing = failingSince !== null && now - failingSince >= givesUpMs
    const isOver = now - (due.firstAt ?? began) >= givesUpMs
    const wait = retryMs[Math.min(due.attempts, retryMs.length - 1)] ?? 0
    const openings = failures + 1 - opensAfter
    this.#log.failed(due.id, outcome, {
      // What waits for an endpoint that is disabled goes on when that is enabled again.
      next: isOver && !isFailing && !isGone ? null : now + jittered(wait),
      openUntil:
        openings < 0 ? null : now + jittered(Math.min(openMs * 2 ** openings, longestOpenMs)),
      now,
    })
    return isGone ? 'gone' : isFailing ? 'failing' : undefined
  }

  /** One that was changed since the attempt began is not what has failed, and is tried as it is now. */
  async #disable({ id, revision }: CurrentWebhook, because: BySystem): Promise<Next> {
    const elevation = { reason: because, bound: { webhookId: id } }
    const failed = { webhookId: id, because, revisions: onlyAt(revision) }
    const isDisabled = await elevate('webhook-watcher', 'webhook:manage', elevation, (grant) =>
      disableWebhook(grant, failed, this.#deps()),
    )
    if (!isDisabled) {
      this.#log.afresh(Date.now())
      return Date.now()
    }
    await tellCreator(id, because, this.#deps())
    return undefined
  }

  /** The webhook was deleted. */
  async #end(): Promise<undefined> {
    this.#opened = undefined
    await this.ctx.storage.deleteAll()
    this.ctx.storage.kv.put(DELETED, true)
    this.#belonging = new Belonging(this.ctx.storage)
    return undefined
  }

  #deps() {
    const limited = { ...this.env, DB: databaseInTime(this.env.DB, CALL_LIMIT_MS) }
    return makeDeps(limited, openSession(limited.DB, 'primary'), Date.now())
  }
}

/** A fifth more or less, so that what failed at once is not tried again at once. */
function jittered(ms: number): number {
  return Math.round(ms * (0.8 + Math.random() * 0.4))
}
