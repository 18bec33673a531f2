/** What a provider says of a member that their profile does not show. */
import type { Heard, ToldFields } from '../../repositories/profile-sync.ts'
import type { Person } from '../tokens/person.ts'
import type { VerifiedToken } from '../tokens/verified-tokens.ts'
import { cleanName, NAMELESS } from './display-name.ts'

/**
 * What is there is changed by a later word only, so that an old one undoes nothing. What is not there may be
 * told by any: an ID token is as old as the sign-in, and an access token may have been renewed since.
 * @param saidAt milliseconds since the epoch; undefined if nobody knows
 * @returns undefined if there is nothing to change
 */
export function changedFields(
  { name, email }: Person,
  saidAt: number | undefined,
  heard: Heard,
): { readonly fields: ToldFields; readonly toldAt: number } | undefined {
  if (heard.toldAt === null) return undefined
  const isLater = saidAt !== undefined && saidAt > heard.toldAt
  const displayName = cleanName(name)
  const isNamed = !heard.ownName && (isLater || heard.displayName === NAMELESS)
  const isReached = !heard.ownEmail && (isLater || heard.email === null)
  const fields = {
    ...(isNamed && displayName && displayName !== heard.displayName && { displayName }),
    ...(isReached && email && email !== heard.email && { email }),
  }
  if (Object.keys(fields).length === 0) return undefined
  return { fields, toldAt: Math.max(heard.toldAt, saidAt ?? 0) }
}

/** Whether the provider is to be asked, for the token does not say what its bearer is called. */
export function asksUserinfo(token: VerifiedToken, heard: Heard, now: number): boolean {
  const mayAsk = heard.toldAt !== null && heard.askAfter !== null && heard.askAfter <= now
  return mayAsk && token.opensUserinfo === true && token.name === undefined
}
