/**
 * Members as this isolate read them last, by identity: which member it is and what they may. A request is
 * decided with that at once, and its first call to D1 checks that it is still so; nothing leaves before,
 * refusals included. So what is remembered may be of any age. With it is what their provider was heard to
 * say, so that a token with nothing new costs nothing; the statement that writes compares it once more.
 */
import type { IdentityRow } from '../../repositories/identities.ts'
import type { IdentityName } from '../../repositories/linked-identities.ts'
import type { Settings } from '../../settings/settings.ts'
import type { MemberActor } from '../actor.ts'

export interface RememberedMember {
  readonly row: IdentityRow
  readonly actor: MemberActor
  readonly identity: IdentityName
}

/** How many of each, of which the oldest goes first. */
const MOST = 2_000

export class RememberedMembers {
  readonly #byIdentity = new Map<string, RememberedMember>()
  /** Which identity a session cookie is of. */
  readonly #byCookie = new Map<string, IdentityName>()

  /** @param cookie of the session they were read by */
  remember(member: RememberedMember, cookie?: string): void {
    const { identity } = member
    keep(this.#byIdentity, keyOf(identity), member)
    if (cookie !== undefined) keep(this.#byCookie, cookie, identity)
  }

  /** What is known of the member, if anything is. */
  find(identity: IdentityName): RememberedMember | undefined {
    return this.#byIdentity.get(keyOf(identity))
  }

  findByCookie(cookie: string): RememberedMember | undefined {
    const identity = this.#byCookie.get(cookie)
    return identity && this.find(identity)
  }
}

const remembered = new WeakMap<Settings, RememberedMembers>()

/** Those of this deployment: other settings mean other issuers. */
export function rememberedMembers(settings: Settings): RememberedMembers {
  const known = remembered.get(settings) ?? new RememberedMembers()
  remembered.set(settings, known)
  return known
}

function keyOf({ issuer, subject }: IdentityName): string {
  return `${issuer}\n${subject}`
}

function keep<T>(all: Map<string, T>, key: string, value: T): void {
  all.delete(key)
  all.set(key, value)
  if (all.size <= MOST) return
  const [oldest = key] = all.keys()
  all.delete(oldest)
}
