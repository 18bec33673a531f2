/**
 * Every action that the audit log can have. Each is an event under its own name, unless it changes
 * nothing or is a matter between a member and the login: then no event is made of it. The trigger
 * `feed_follows_the_log` has the list of those again, and a test compares the two.
 */

const NO_EVENTS = [
  'profile.read',
  'profile.export',
  'password.update',
  'password.refuse',
  'passkey.create',
  'passkey.delete',
  'session.delete',
  'session.end',
  'calendar-feed.create',
  'calendar-feed.delete',
  'webhook.ping',
  'webhook.replay',
  'stores.reconcile',
] as const

/** What the log tells as events. */
const LOGGED_EVENTS = [
  'user.create',
  'user.update',
  'user.suspend',
  'user.reinstate',
  'user.delete',
  'profile.update',
  'identity.link',
  'identity.unlink',
  'role.define',
  'role.delete',
  'role.assign',
  'role.revoke',
  'badge.create',
  'badge.update',
  'badge.delete',
  'badge.assign',
  'badge.remove',
  'badge-rule.create',
  'badge-rule.update',
  'badge-rule.delete',
  'service.create',
  'service.update',
  'service.delete',
  'slot.create',
  'slot.delete',
  'booking.create',
  'booking.confirm',
  'booking.decline',
  'booking.cancel',
  'booking.expire',
  'booking.erase',
  'booking.claim',
  'page-rule.create',
  'page-rule.update',
  'page-rule.delete',
  'api-key.create',
  'api-key.update',
  'api-key.rotate',
  'api-key.revoke',
  'job.request',
  'webhook.create',
  'webhook.update',
  'webhook.rotate',
  'webhook.disable',
  'webhook.delete',
  'audit.remove',
  'site.update',
] as const

/** What is not on the log: how runs of jobs end, and what the visit objects report. */
const OTHER_EVENTS = ['job.succeed', 'job.fail', 'visit.milestone'] as const

export type Action = (typeof NO_EVENTS)[number] | (typeof LOGGED_EVENTS)[number]

export const EVENT_TYPES = [...LOGGED_EVENTS, ...OTHER_EVENTS] as const

/** By whether each of them is an event. */
export const ACTIONS: readonly (readonly [Action, boolean])[] = [
  ...LOGGED_EVENTS.map((action) => [action, true] as const),
  ...NO_EVENTS.map((action) => [action, false] as const),
]
