/** The types of events that a webhook can be told, as the API has them. */
import type { Client } from './api.ts'

type NewWebhook = Parameters<Client['v1']['webhooks']['$post']>[0]['json']
export type EventType = NonNullable<NewWebhook['types']>[number]

/** In the order in which they are shown. The compiler wants each, and no other. */
const SHOWN: Readonly<Record<EventType, true>> = {
  'user.create': true,
  'user.update': true,
  'user.suspend': true,
  'user.reinstate': true,
  'user.delete': true,
  'profile.update': true,
  'identity.link': true,
  'identity.unlink': true,
  'role.define': true,
  'role.delete': true,
  'role.assign': true,
  'role.revoke': true,
  'badge.create': true,
  'badge.update': true,
  'badge.delete': true,
  'badge.assign': true,
  'badge.remove': true,
  'badge-rule.create': true,
  'badge-rule.update': true,
  'badge-rule.delete': true,
  'service.create': true,
  'service.update': true,
  'service.delete': true,
  'slot.create': true,
  'slot.delete': true,
  'booking.create': true,
  'booking.confirm': true,
  'booking.decline': true,
  'booking.cancel': true,
  'booking.expire': true,
  'booking.erase': true,
  'booking.claim': true,
  'page-rule.create': true,
  'page-rule.update': true,
  'page-rule.delete': true,
  'api-key.create': true,
  'api-key.update': true,
  'api-key.rotate': true,
  'api-key.revoke': true,
  'job.request': true,
  'webhook.create': true,
  'webhook.update': true,
  'webhook.rotate': true,
  'webhook.disable': true,
  'audit.remove': true,
  'site.update': true,
  'webhook.delete': true,
  'job.succeed': true,
  'job.fail': true,
  'visit.milestone': true,
}

export const EVENT_TYPES = Object.keys(SHOWN).filter(isEventType)

function isEventType(name: string): name is EventType {
  return Object.hasOwn(SHOWN, name)
}
