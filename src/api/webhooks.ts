/** Where the site tells partners what happens, by Standard Webhooks. */
import * as z from 'zod'
import { EVENT_TYPES } from '../db/actions.ts'
import type { WebhookId as Id } from '../db/ids.ts'
import { answerFields, nobody } from '../http/answer-fields.ts'
import { listOf, PageQuery, paginate } from '../http/pagination.ts'
import { route } from '../http/route.ts'
import type { Delivery as DeliveryRow } from '../objects/webhooks.ts'
import * as operations from '../operations/manage-webhooks.ts'
import { notFound } from '../problem.ts'
import type { CurrentWebhook, WebhookRow } from '../repositories/webhooks.ts'
import {
  Count,
  HttpUrl,
  idOf,
  Instant,
  MANY,
  Revision,
  shownId,
  shownName,
  SOME_FIELD,
  SortNumber,
  Timestamp,
} from './schemas.ts'

const WebhookId = idOf('whk', 'Id of a webhook')
const param = z.object({ webhookId: WebhookId })

const Url = HttpUrl.meta({
  description: 'https, a public name, neither a redirect nor this site',
  examples: ['https://partner.example/hooks'],
})
const Types = z
  .array(z.enum(EVENT_TYPES).meta({ id: 'EventType' }))
  .min(1)
  .max(EVENT_TYPES.length)
  .transform((types) => [...new Set(types)])
  .nullable()
  .meta({ description: 'Types of events; null for all' })

const NewWebhook = z
  .strictObject({ url: Url, types: Types.default(null) })
  .meta({ id: 'NewWebhook', examples: [{ url: 'https://partner.example/hooks' }] })

const WebhookPatch = z
  .strictObject({ url: Url, types: Types, enabled: z.boolean() })
  .partial()
  .refine(...SOME_FIELD)
  .meta({ id: 'WebhookPatch', minProperties: 1, examples: [{ enabled: true }] })

const shown = {
  id: shownId('whk'),
  url: z.string().meta({ format: 'uri', maxLength: 2048 }),
  types: z.array(shownName()).max(MANY).nullable(),
  state: z.enum(['active', 'paused', 'disabled']).meta({
    description: '`paused` as long as `createdBy` may not read events; nothing is lost meanwhile',
  }),
  disabledBecause: z.enum(['asked', 'failing', 'gone', 'secret', 'address']).nullable().meta({
    description:
      '`failing` for three days, `gone` by a 410, `secret` sealed under another AUTH_SECRET, `address` not called any more',
  }),
  disabledAt: Timestamp.nullable(),
  disabledTold: shownId('usr').nullable().meta({ description: 'Who was told of it by mail' }),
  createdBy: shownId('usr'),
  revision: Revision,
  createdAt: Timestamp,
  updatedAt: Timestamp,
}
const etag = ({ revision }: { revision: number }) => revision

const Webhook = z
  .object(shown)
  .meta({ id: 'Webhook' })
  .register(answerFields, { etag, showsMore: true })
const IssuedWebhook = z
  .object({
    ...shown,
    secret: z
      .string()
      .meta({ pattern: '^whsec_[A-Za-z0-9+/=]+$', maxLength: 60, description: 'Shown this once' }),
  })
  .meta({ id: 'IssuedWebhook' })
  .register(answerFields, { etag, showsMore: true, about: nobody })
const WebhookStatus = z
  .object({
    ...shown,
    circuit: z.enum(['closed', 'open', 'half-open']).meta({
      description: '`open`: after failures in a row nothing is sent until `openUntil`',
    }),
    openUntil: Timestamp.nullable(),
    failuresInARow: Count,
    waiting: Count,
    dead: Count,
  })
  .meta({ id: 'WebhookStatus' })
  .register(answerFields, { etag, showsMore: true })

export const listWebhooks = route({
  method: 'GET',
  path: '/v1/webhooks',
  summary: 'All webhooks, without their secrets',
  access: { may: 'webhook:manage' },
  input: { query: z.object(PageQuery) },
  output: listOf(Webhook),
  async run({ input, deps }) {
    const page = await paginate<CurrentWebhook, [Id]>({
      name: 'webhooks',
      query: input.query,
      key: z.tuple([WebhookId]),
      keyOf: ({ id }) => [id],
      read: (after, limit) => deps.webhooks.list({ after: after?.[0], limit }),
    })
    return { ...page, items: page.items.map(shownCurrent) }
  },
})

export const readWebhook = route({
  method: 'GET',
  path: '/v1/webhooks/:webhookId',
  summary: 'A webhook, and how it is doing',
  access: { may: 'webhook:manage' },
  input: { param },
  output: WebhookStatus,
  async run({ input, deps }) {
    const { webhookId } = input.param
    const row = (await deps.webhooks.find(webhookId)) ?? notFound('webhook')
    const { openUntil, ...state } = await deps.webhookSenders.state(webhookId)
    return { ...shownCurrent(row), ...state, openUntil: timeOf(openUntil) }
  },
})

export const createWebhook = route({
  method: 'POST',
  path: '/v1/webhooks',
  summary: 'Have an address told what happens from now on; its secret is shown this once',
  access: { may: 'webhook:manage' },
  input: { json: NewWebhook },
  output: IssuedWebhook,
  statuses: [201],
  location: ({ id }) => id,
  idempotent: 'd1',
  async run({ input, grant, request: { remember }, deps }) {
    return shownIssued(
      await operations.createWebhook(grant, input.json, remember(shownIssued), deps),
    )
  },
})

export const patchWebhook = route({
  method: 'PATCH',
  path: '/v1/webhooks/:webhookId',
  summary: 'Change a webhook, or enable it again: it goes on where it stopped',
  access: { may: 'webhook:manage' },
  input: { param, json: WebhookPatch },
  output: Webhook,
  conditional: true,
  async run({ input, grant, request: { revisions }, deps }) {
    const change = { webhookId: input.param.webhookId, patch: input.json, revisions }
    return shownCurrent(await operations.updateWebhook(grant, change, deps))
  },
})

export const deleteWebhook = route({
  method: 'DELETE',
  path: '/v1/webhooks/:webhookId',
  summary: 'Delete a webhook with all that it has still to be told',
  access: { may: 'webhook:manage' },
  input: { param },
  output: 'nothing',
  conditional: true,
  async run({ input, grant, request: { revisions }, deps }) {
    const { webhookId } = input.param
    await operations.deleteWebhook(grant, { webhookId, revisions }, deps)
  },
})

const Rotation = z
  .strictObject({
    graceSeconds: z
      .int()
      .min(0)
      .max(30 * 86_400)
      .default(86_400),
  })
  .meta({
    id: 'WebhookRotation',
    description: 'How long the secrets so far also sign',
    examples: [{ graceSeconds: 86_400 }],
  })

export const rotateWebhook = route({
  method: 'POST',
  path: '/v1/webhooks/:webhookId/rotate',
  summary: 'Give a webhook a new secret; those so far also sign until the grace ends',
  access: { may: 'webhook:manage' },
  input: { param, json: Rotation },
  output: IssuedWebhook,
  statuses: [201],
  idempotent: 'd1',
  async run({ input, grant, request: { remember }, deps }) {
    const rotation = { webhookId: input.param.webhookId, ...input.json }
    return shownIssued(await operations.rotateWebhook(grant, rotation, remember(shownIssued), deps))
  },
})

const Sent = z.object({ deliveryId: shownId('evt') }).meta({ id: 'SentPing' })

export const pingWebhook = route({
  method: 'POST',
  path: '/v1/webhooks/:webhookId/ping',
  summary: 'Send a `webhook.ping`; what becomes of it is among the deliveries',
  access: { may: 'webhook:manage' },
  input: { param },
  output: Sent,
  statuses: [202],
  async run({ input, grant, deps }) {
    return { deliveryId: await operations.pingWebhook(grant, input.param.webhookId, deps) }
  },
})

const Status = z.enum(['waiting', 'delivered', 'dead'])
const Delivery = z
  .object({
    id: shownId('evt').meta({ description: 'Of the event, and the `webhook-id` of every attempt' }),
    type: shownName(),
    subject: shownName(),
    status: Status,
    attempts: Count,
    lastStatus: z.int().min(100).max(599).nullable(),
    lastFailure: z.enum(['timeout', 'no connection', 'refused address', 'interrupted']).nullable(),
    lastAttemptAt: Timestamp.nullable(),
    nextAttemptAt: Timestamp.nullable(),
  })
  .meta({ id: 'Delivery' })

export const listDeliveries = route({
  method: 'GET',
  path: '/v1/webhooks/:webhookId/deliveries',
  summary: 'What a webhook is told, newest first; of what is done the last thousand',
  access: { may: 'webhook:manage' },
  input: { param, query: z.object({ ...PageQuery, status: Status.optional() }) },
  output: listOf(Delivery),
  async run({ input, deps }) {
    const { webhookId } = input.param
    const { status, ...query } = input.query
    if (!(await deps.webhooks.find(webhookId))) return notFound('webhook')
    const page = await paginate<DeliveryRow, [number]>({
      name: `deliveries of ${webhookId}?${status ?? ''}`,
      query,
      key: z.tuple([SortNumber]),
      keyOf: ({ position }) => [position],
      read: async (after, limit) =>
        deps.webhookSenders.deliveries(webhookId, { status, before: after?.[0], limit }),
    })
    return { ...page, items: page.items.map(shownDelivery) }
  },
})

export const replayDelivery = route({
  method: 'POST',
  path: '/v1/webhooks/:webhookId/deliveries/:deliveryId/replay',
  summary: 'Send an event once more, under the same `webhook-id`',
  access: { may: 'webhook:manage' },
  input: { param: z.object({ webhookId: WebhookId, deliveryId: idOf('evt', 'Id of a delivery') }) },
  output: 'nothing',
  async run({ input, grant, deps }) {
    await operations.replayDelivery(grant, input.param, deps)
  },
})

const Replay = z
  .strictObject({ since: Instant })
  .meta({ id: 'Replay', examples: [{ since: '2026-01-01T00:00:00Z' }] })

export const replayWebhook = route({
  method: 'POST',
  path: '/v1/webhooks/:webhookId/replay',
  summary: 'Send everything since a time once more, as far as it is kept',
  access: { may: 'webhook:manage' },
  input: { param, json: Replay },
  output: 'nothing',
  async run({ input, grant, deps }) {
    const replay = { webhookId: input.param.webhookId, since: input.json.since }
    await operations.replaySince(grant, replay, deps)
  },
})

function shownCurrent(row: CurrentWebhook) {
  return shownWebhook(row, !operations.mayBeTold(row))
}

function shownIssued({ secret, isPaused, ...row }: operations.IssuedWebhook) {
  return { ...shownWebhook(row, isPaused), secret }
}

function shownWebhook(row: Omit<WebhookRow, 'since'>, isPaused: boolean) {
  const { id, url, types, enabled, disabledBecause, disabledAt, disabledTold } = row
  const { createdBy, revision, createdAt, updatedAt } = row
  return {
    id,
    url,
    types: types && [...types],
    state: !enabled ? ('disabled' as const) : isPaused ? ('paused' as const) : ('active' as const),
    ...{ disabledBecause, disabledAt, disabledTold },
    ...{ createdBy, revision, createdAt, updatedAt },
  }
}

function shownDelivery(row: DeliveryRow) {
  const { id, type, subject, status, attempts, lastStatus, lastFailure } = row
  const [lastAttemptAt, nextAttemptAt] = [timeOf(row.lastAttemptAt), timeOf(row.nextAttemptAt)]
  return {
    ...{ id, type, subject, status, attempts, lastStatus, lastFailure },
    lastAttemptAt,
    nextAttemptAt,
  }
}

function timeOf(at: number | null): string | null {
  return at === null ? null : new Date(at).toISOString()
}
