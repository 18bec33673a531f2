/**
 * Every act that is done without a decision: what somebody does to themselves by proving who they
 * are, where nobody could be asked for a permission. This list is the whole of it: `auditOwnAct`
 * knows no other, and a row it makes is none that the writes of a granted act accept.
 */
interface OwnActDefinition {
  /** As in the audit log; the name of the act is the reason there. */
  readonly action: string
  readonly changes: Readonly<Record<string, unknown>>
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
  'confirmed a new address': {
    action: 'user.update',
    changes: { fields: ['email'] },
    why: 'The session and the link from the new mailbox prove whose the address is; it is the account’s and not a field that a permission could open.',
  },
} as const satisfies Record<string, OwnActDefinition>

export type OwnAct = keyof typeof OWN_ACTS
