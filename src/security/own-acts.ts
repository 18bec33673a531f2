/**
 * Every act that is done without a decision: what somebody does to themselves by proving who they
 * are, where nobody could be asked for a permission. This list is the whole of it: `auditOwnAct`
 * knows no other, and a row it makes is none that the writes of a granted act accept.
 */
import type { Action } from '../db/actions.ts'

interface OwnActDefinition {
  /** The action in the audit log, where the name of the act is the reason. */
  readonly action: Action
  readonly changes: Readonly<Record<string, unknown>>
  /** Who is named as the actor, if it is not the person. */
  readonly by?: 'anonymous'
  readonly why: string
}

export const OWN_ACTS = {
  'first valid request': {
    action: 'user.create',
    changes: {},
    why: 'Whoever comes with an identity that nobody has becomes a member; before that there is nobody who could have a permission.',
  },
  'listed in BOOTSTRAP_ADMINS': {
    action: 'role.assign',
    changes: { role: 'admin' },
    why: 'A site without an admin has nobody who may make one, so its deployment names the first; once for each identity.',
  },
  'told by the provider': {
    action: 'user.update',
    changes: {},
    why: 'The identity that made the member says what they are called and reached by, as it did the first time; what a person wrote here stays.',
  },
  'confirmed a new address': {
    action: 'user.update',
    changes: { fields: ['email'] },
    why: 'The session and the link from the new mailbox prove whose the address is; it is the account’s and not a field that a permission could open.',
  },
  'changed the password': {
    action: 'password.update',
    changes: {},
    why: 'The session and the password before prove whose the account is; no permission opens a password.',
  },
  'reset the password by mail': {
    action: 'password.update',
    changes: {},
    why: 'The link from the mailbox proves whose the account is.',
  },
  'ended mail by its link': {
    action: 'user.update',
    changes: { bookingMails: false },
    why: 'The link from the mailbox proves that its reader wants no more of it; mail programs follow it without a session.',
  },
  'added a passkey': {
    action: 'passkey.create',
    changes: {},
    why: 'A session that has only just begun proves whose the account is.',
  },
  'removed a passkey': {
    action: 'passkey.delete',
    changes: {},
    why: 'The session and the password again prove whose the account is.',
  },
  'ended a session': {
    action: 'session.delete',
    changes: {},
    why: 'A session of the account ends it, or another one takes its place in the browser.',
  },
  'ended all sessions': {
    action: 'session.delete',
    changes: {},
    why: 'A session of the account ends all of them.',
  },
  'too many wrong passwords': {
    action: 'password.refuse',
    changes: {},
    by: 'anonymous',
    why: 'Whoever guesses has shown nothing and may do nothing; that they did is for the owner and the admins to see.',
  },
} as const satisfies Record<string, OwnActDefinition>

export type OwnAct = keyof typeof OWN_ACTS
