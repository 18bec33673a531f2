/** What the deployment gives the Worker: its bindings, and the texts of its settings. */
import type { Bucket } from './objects/archive.ts'
import type { JobBell } from './objects/jobs.ts'
import type { KeyGate } from './objects/key-gate.ts'
import type { VisitShard } from './objects/visit-shard.ts'
import type { WebhookRinging, WebhookSending } from './objects/webhooks.ts'
import type { RawSettings } from './settings/settings.ts'

export interface Bindings extends RawSettings {
  readonly DB: D1Database
  readonly VISITS: DurableObjectNamespace<VisitShard>
  readonly JOBS: DurableObjectNamespace<JobBell>
  readonly KEYS: DurableObjectNamespace<KeyGate>
  readonly WEBHOOKS: DurableObjectNamespace<WebhookSending>
  /** Wakes the webhooks. */
  readonly BELL: DurableObjectNamespace<WebhookRinging>
  /** The files of Swagger UI. */
  readonly ASSETS: Fetcher
  /** Cloudflare's email service. */
  readonly MAIL?: MailBinding
  /** Where what objects hold is put for `npm run backup`, and taken from for `npm run restore`. */
  readonly BACKUPS?: R2Bucket | undefined
  /** The Worker of the site that this one stands in front of. */
  readonly PAGES?: Fetcher | undefined
  /** Keeps the audit log for good: a bucket of R2. */
  readonly ARCHIVE?: Bucket | undefined
  /** Counts unknown API keys by address; without it nobody does. */
  readonly BURST?: RateLimit | undefined
  /** Counts what anybody may make by address; without it nobody does. */
  readonly ADDRESSES?: RateLimit | undefined
}

export interface Mail {
  readonly to: string
  readonly subject: string
  readonly text: string
  readonly html?: string
  readonly headers?: Readonly<Record<string, string>>
  readonly attachments?: readonly {
    readonly disposition: 'attachment'
    readonly filename: string
    readonly type: string
    /** Text would be taken for base64. */
    readonly content: ArrayBuffer
  }[]
}

/** Cloudflare's email binding, as far as it is used here. */
export interface MailBinding {
  send(mail: Mail & { readonly from: string }): Promise<unknown>
}
