/**
 * The link in each mail that ends such mail (RFC 8058). It names an address by its keyed hash, or a member,
 * and carries a code that only this site can compute, so that nobody ends the mail of others.
 */
import { sha256 } from '../crypto/digest.ts'
import { isId, type UserId } from '../db/ids.ts'
import type { Settings } from '../settings/settings.ts'
import { auditOwnAct } from './audit.ts'
import { type KeySource, siteHash } from './limits/network-hash.ts'

/** Whose mail ends: a member's, or that of an address, by its hash. */
export type MailEnd = { readonly userId: UserId } | { readonly addressHash: string }

/** That the member has ended it by such a link. @param moment its time in milliseconds since the epoch */
export function mailEndedByLink(
  userId: UserId,
  moment: { readonly now: number; readonly requestId: string },
) {
  return auditOwnAct('ended mail by its link', userId, moment)
}

export function mailEnds(settings: Settings, source: KeySource) {
  const codeOf = (name: string) => siteHash(`mail end ${name}`, settings, source)
  return {
    /** The text that a link carries. */
    async write(end: MailEnd): Promise<string> {
      const name = 'userId' in end ? end.userId : end.addressHash
      return `${name}.${await codeOf(name)}`
    },

    /** @returns undefined for what this site has not written */
    async read(text: string): Promise<MailEnd | undefined> {
      const [, name = '', code = ''] = /^([\w-]{1,64})\.([\w-]{43})$/.exec(text) ?? []
      if (name === '') return undefined
      // By hashes, for the time that takes says nothing of the code.
      if ((await sha256(code)) !== (await sha256(await codeOf(name)))) return undefined
      return isId('usr', name) ? { userId: name } : { addressHash: name }
    },
  }
}
