/** What somebody gives away, in a role or as scopes of a key, is never more than they have. */
import { decide, entriesOf } from '../security/decide.ts'
import { type Exercised, refused } from '../security/grant.ts'
import type { Rights } from '../security/permissions.ts'

/** @throws Problem `forbidden`, naming the first permission that is more than the actor has */
export function assertMayGive({ actor }: Exercised, rights: Rights): void {
  for (const [permission, reach] of entriesOf(rights)) {
    const decision = decide(actor, permission, reach === 'any' ? 'site' : 'rows')
    if (!decision.allowed) throw refused(decision.refusal)
  }
}
