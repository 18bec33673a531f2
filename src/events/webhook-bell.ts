/**
 * Wakes the webhooks when something was committed. Many rings at once are one round; if one is lost,
 * the next tick makes up for it.
 */
import { DurableObject } from 'cloudflare:workers'
import { openSession } from '../db/client.ts'
import type { WebhookId } from '../db/ids.ts'
import { databaseInTime } from '../db/in-time.ts'
import { makeDeps } from '../deps.ts'
import type { Bindings } from '../env.ts'
import type { WebhookRinging } from '../objects/webhooks.ts'

/** Endpoints woken at a time. */
const PAGE = 40
const CALL_LIMIT_MS = 5_000

export class WebhookBell extends DurableObject<Bindings> implements WebhookRinging {
  /** Kept, because settings are parsed once for each set of bindings. */
  readonly #limited = { ...this.env, DB: databaseInTime(this.env.DB, CALL_LIMIT_MS) }
  #isRinging = false
  #isRungAgain = false

  async ring(): Promise<boolean> {
    if (this.#isRinging) {
      this.#isRungAgain = true
      return true
    }
    this.#isRinging = true
    try {
      let isHeard: boolean
      do {
        this.#isRungAgain = false
        isHeard = await this.#round()
      } while (this.#isRungAgain)
      return isHeard
    } finally {
      this.#isRinging = false
    }
  }

  async #round(): Promise<boolean> {
    const session = openSession(this.#limited.DB, 'primary')
    const { webhooks } = makeDeps(this.#limited, session, Date.now())
    let after: WebhookId | undefined
    let isHeard = false
    do {
      const page = await webhooks.enabled({ after, limit: PAGE })
      isHeard ||= page.length > 0
      const woken = page.map(async ({ id }) => this.env.WEBHOOKS.getByName(id).wake(id))
      // One that cannot be woken keeps nobody else asleep.
      await Promise.allSettled(woken)
      after = page.length === PAGE ? page.at(-1)?.id : undefined
    } while (after !== undefined)
    return isHeard
  }
}
