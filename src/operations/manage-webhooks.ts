/** Webhooks: where the site tells what happens, for as long as whoever made one may know it. */
import type { Deps } from '../deps.ts'
import { type EventId, newId, type WebhookId } from '../db/ids.ts'
import { invalidField, notFound, Problem } from '../problem.ts'
import type { Revisions } from '../repositories/scope.ts'
import type {
  CurrentWebhook,
  DisabledBecause,
  WebhookChange,
  WebhookRow,
} from '../repositories/webhooks.ts'
import { auditRow } from '../security/audit.ts'
import { isHeldBy } from '../security/key-rights.ts'
import type { Grant } from '../security/grant.ts'
import { whyNotCalled } from '../security/outside-address.ts'
import { newWebhookSecret, sealSecret } from '../security/tokens/webhook-signature.ts'
import type { Settings } from '../settings/settings.ts'
import type { Remember } from './foreseen.ts'
import { assertMayGive } from './may-give.ts'
import { memberOf } from './member-of.ts'
import { assertDeleted, changedRow } from './outcome.ts'

/** Each is woken by every change, so a site has as many as it can count. */
const MAX_WEBHOOKS = 100
/** Secrets that sign beside the current one. */
const MAX_EARLIER = 3
/** What a webhook is told, its creator has to be allowed to read. */
const TOLD = { 'event:read': 'any' } as const

const NOT_DISABLED = { disabledBecause: null, disabledAt: null, disabledTold: null } as const

export interface NewWebhook extends Pick<WebhookRow, 'url' | 'types'> {}

export interface WebhookPatch {
  readonly url?: string | undefined
  readonly types?: readonly string[] | null | undefined
  readonly enabled?: boolean | undefined
}

export interface IssuedWebhook extends Omit<WebhookRow, 'since'> {
  /** Its creator may not know any more what it is told. */
  readonly isPaused: boolean
  /** What its receiver verifies with; shown this once. */
  readonly secret: string
}

/** Whether its creator may still know what it is told. */
export function mayBeTold({ createdBy, creator }: CurrentWebhook): boolean {
  return creator?.status === 'active' && isHeldBy(createdBy, creator, 'event:read')
}

/** Why an address is not called, at saving and before every attempt; undefined for a good one. */
export function whyNotToldAt(
  url: string,
  { publicUrl, pages }: Pick<Settings, 'publicUrl' | 'pages'>,
  siteHost: string | null,
): string | undefined {
  const site = publicUrl === undefined ? undefined : URL.parse(publicUrl)
  const origin = pages?.front && URL.parse(pages.front.origin)
  const own = [site?.hostname, site?.host, origin?.hostname, origin?.host, siteHost ?? undefined]
  return whyNotCalled(url, {
    ownHosts: own.flatMap((host) => host ?? []).filter((host) => host !== 'localhost'),
    isLocal: site?.protocol === 'http:',
  })
}

/** @throws Problem `validation_failed`, `forbidden` for whoever may not read events, `conflict` for one too many */
export async function createWebhook(
  grant: Grant<'webhook:manage'>,
  { url, types }: NewWebhook,
  remember: Remember<IssuedWebhook>,
  deps: Deps,
): Promise<IssuedWebhook> {
  const exercised = grant.exercise('webhook:manage')
  const { webhooks, settings, now, siteHost } = deps
  assertMayGive(exercised, TOLD)
  assertGood(url, deps)
  const [id, secret, at] = [newId('whk', now), newWebhookSecret(), new Date(now).toISOString()]
  const row: Omit<WebhookRow, 'since'> = {
    id,
    url,
    types,
    createdBy: memberOf(exercised, 'webhook:manage'),
    enabled: true,
    ...NOT_DISABLED,
    secrets: [await sealSecret(secret, settings.authSecret, id)],
    siteHost: siteHost ?? null,
    revision: 1,
    createdAt: at,
    updatedAt: at,
  }
  const issued = { ...row, secret, isPaused: false }
  const changes = { fields: ['url', 'types'] }
  const audit = auditRow(exercised, now, { action: 'webhook.create', target: id, changes })
  if (!(await webhooks.create(row, MAX_WEBHOOKS, audit, await remember?.(issued))))
    throw new Problem('conflict', `A site has at most ${MAX_WEBHOOKS} webhooks.`)
  await deps.webhookSenders.wake(id)
  return issued
}

/**
 * Another address tells somebody else, so it takes what making one does.
 * @throws Problem as `createWebhook`, `not_found`, `precondition_failed`
 */
export async function updateWebhook(
  grant: Grant<'webhook:manage'>,
  change: { readonly webhookId: WebhookId; readonly patch: WebhookPatch; revisions: Revisions },
  deps: Deps,
): Promise<CurrentWebhook> {
  const { webhookId, patch, revisions } = change
  const exercised = grant.exercise('webhook:manage')
  const { webhooks, now, siteHost } = deps
  const { url, types, enabled } = patch
  if (enabled !== false) assertMayGive(exercised, TOLD)
  if (url !== undefined) assertGood(url, deps)
  const audit = auditRow(exercised, now, {
    action: 'webhook.update',
    target: webhookId,
    changes: { fields: Object.keys(patch) },
  })
  const columns: WebhookChange = {
    ...(url !== undefined && { url, siteHost: siteHost ?? null }),
    ...(types !== undefined && { types }),
    ...(enabled === true && { enabled, ...NOT_DISABLED }),
    ...(enabled === false && {
      ...{ enabled, disabledBecause: 'asked' as const, disabledAt: audit.at, disabledTold: null },
    }),
  }
  const outcome = await webhooks.update(webhookId, columns, revisions, audit)
  const row = changedRow(outcome, 'webhook')
  // How often another address has failed says nothing of this one.
  const isAfresh = enabled === true || url !== undefined
  if (row.enabled) await deps.webhookSenders.wake(webhookId, isAfresh)
  return row
}

/**
 * A new secret; those so far also sign for `graceSeconds`.
 * @throws Problem `not_found`, `forbidden`, `conflict`
 */
export async function rotateWebhook(
  grant: Grant<'webhook:manage'>,
  { webhookId, graceSeconds }: { readonly webhookId: WebhookId; readonly graceSeconds: number },
  remember: Remember<IssuedWebhook>,
  { webhooks, settings, now }: Deps,
): Promise<IssuedWebhook> {
  const exercised = grant.exercise('webhook:manage')
  assertMayGive(exercised, TOLD)
  const current = (await webhooks.find(webhookId)) ?? notFound('webhook')
  const secret = newWebhookSecret()
  const until = now + graceSeconds * 1000
  const earlier = current.secrets
    .filter((each) => graceSeconds > 0 && (each.until ?? until) > now)
    .map((each) => ({ ...each, until: Math.min(each.until ?? until, until) }))
    .slice(0, MAX_EARLIER)
  const audit = auditRow(exercised, now, {
    action: 'webhook.rotate',
    target: webhookId,
    changes: { graceSeconds },
  })
  const issued = {
    ...current,
    isPaused: !mayBeTold(current),
    secret,
    secrets: [await sealSecret(secret, settings.authSecret, webhookId), ...earlier],
    revision: current.revision + 1,
    updatedAt: audit.at,
  }
  if (!(await webhooks.rotate(current, issued.secrets, audit, await remember?.(issued))))
    throw new Problem('conflict', 'This webhook was changed by somebody else just now.')
  return issued
}

/** @throws Problem `not_found`, `precondition_failed` */
export async function deleteWebhook(
  grant: Grant<'webhook:manage'>,
  { webhookId, revisions }: { readonly webhookId: WebhookId; readonly revisions: Revisions },
  { webhooks, webhookSenders, now }: Deps,
): Promise<void> {
  const exercised = grant.exercise('webhook:manage')
  const audit = auditRow(exercised, now, { action: 'webhook.delete', target: webhookId })
  assertDeleted(await webhooks.delete(webhookId, revisions, audit), 'webhook')
  // Its object finds that it is gone, and empties itself.
  await webhookSenders.wake(webhookId)
}

/**
 * A webhook that cannot be told is disabled, on record with the reason.
 * @returns false if it is there no more, or at another revision
 */
export async function disableWebhook(
  grant: Grant<'webhook:manage'>,
  failed: {
    readonly webhookId: WebhookId
    readonly because: DisabledBecause
    readonly revisions: Revisions
  },
  { webhooks, now }: Pick<Deps, 'webhooks' | 'now'>,
): Promise<boolean> {
  const { webhookId, because, revisions } = failed
  const exercised = grant.exercise('webhook:manage', { webhookId })
  const audit = auditRow(exercised, now, {
    action: 'webhook.disable',
    target: webhookId,
    changes: { because },
  })
  const disabled = { disabledBecause: because, disabledAt: audit.at, disabledTold: null }
  const columns = { enabled: false, ...disabled }
  const { changed } = await webhooks.update(webhookId, columns, revisions, audit)
  return changed
}

/** Has the endpoint told that it is there. @throws Problem `not_found` */
export async function pingWebhook(
  grant: Grant<'webhook:manage'>,
  webhookId: WebhookId,
  { webhooks, webhookSenders, now }: Deps,
): Promise<EventId> {
  const exercised = grant.exercise('webhook:manage')
  const audit = auditRow(exercised, now, { action: 'webhook.ping', target: webhookId })
  if (!(await webhooks.record(webhookId, audit))) return notFound('webhook')
  const eventId = newId('evt', now)
  await webhookSenders.ping(exercised, webhookId, eventId, audit.at)
  return eventId
}

/** Sends one event once more. @throws Problem `not_found` */
export async function replayDelivery(
  grant: Grant<'webhook:manage'>,
  { webhookId, deliveryId }: { readonly webhookId: WebhookId; readonly deliveryId: EventId },
  { webhooks, webhookSenders, now }: Deps,
): Promise<void> {
  const exercised = grant.exercise('webhook:manage')
  const changes = { deliveryId }
  const audit = auditRow(exercised, now, { action: 'webhook.replay', target: webhookId, changes })
  if (!(await webhooks.record(webhookId, audit))) return notFound('webhook')
  if (!(await webhookSenders.replay(exercised, webhookId, deliveryId))) notFound('delivery')
}

/** Sends everything from a time (RFC 3339) on once more, as far as it is kept. @throws Problem `not_found` */
export async function replaySince(
  grant: Grant<'webhook:manage'>,
  { webhookId, since }: { readonly webhookId: WebhookId; readonly since: string },
  { webhooks, webhookSenders, feed, now }: Deps,
): Promise<void> {
  const exercised = grant.exercise('webhook:manage')
  const changes = { since }
  const audit = auditRow(exercised, now, { action: 'webhook.replay', target: webhookId, changes })
  if (!(await webhooks.record(webhookId, audit))) return notFound('webhook')
  await webhookSenders.replayFrom(exercised, webhookId, await feed.positionBefore(since))
}

/** @throws Problem `validation_failed` */
function assertGood(
  url: string,
  { settings, siteHost }: Pick<Deps, 'settings' | 'siteHost'>,
): void {
  const fault = whyNotToldAt(url, settings, siteHost ?? null)
  if (fault !== undefined) throw invalidField('url', fault)
}
