/**
 * Every elevated identity, with everything it may do, why, and which backend trigger mints it.
 * This list is the whole of it: `elevate` knows no other, and no HTTP route can reach `elevate`.
 */
import type { Permission } from './permissions.ts'

interface ElevatedIdentityDefinition {
  readonly may: readonly Permission[]
  readonly why: string
  readonly trigger: string
}

export const ELEVATED_IDENTITIES = {
  'badge-awarder': {
    may: ['badge:assign'],
    why: 'Members cannot give themselves badges; frequent visitors get theirs from a rule that an admin wrote.',
    trigger: 'cron: award-badges',
  },
  'booking-auto-confirmer': {
    may: ['booking:confirm'],
    why: 'People who book cannot confirm; a service marked auto-confirm is confirmed for that booking only.',
    trigger: 'event: booking-created',
  },
  'webhook-watcher': {
    may: ['webhook:manage'],
    why: 'An endpoint that is gone, that has failed for three days, or that cannot be told safely is disabled, on record with the reason.',
    trigger: 'object: WebhookSender',
  },
  'hold-expirer': {
    may: ['booking:cancel'],
    why: 'A pending booking that nobody has answered by the end of its hold, or by its start, ends by itself.',
    trigger: 'cron: expire-holds',
  },
  'signal-follower': {
    may: ['user:suspend', 'session:end'],
    why: 'Nobody here can know that somebody has signed out at their provider, or lost their account there; the provider says it of its own subject, and only of that.',
    trigger: 'event: signal-received',
  },
  reconciler: {
    may: ['profile:delete', 'badge-rule:manage', 'api-key:manage', 'webhook:manage', 'job:run'],
    why: 'After one of the two stores was put back, what the other still knows of deletions, revocations and rules is made so again.',
    trigger: 'cron: npm run reconcile, which takes write access to the database',
  },
} as const satisfies Record<string, ElevatedIdentityDefinition>

export type ElevatedIdentity = keyof typeof ELEVATED_IDENTITIES
