/**
 * What stands for the network a visitor books from. All networks can be tried, so the hash is keyed: with
 * what D1 has, and with AUTH_SECRET where there is one, so that a copy of the database tells nothing.
 */
import { keyedHash } from '../../crypto/digest.ts'
import type { Settings } from '../../settings/settings.ts'
import { neighborhoodOf } from './ip-ranges.ts'

interface KeySource {
  networkKey(): Promise<string>
}

/** It never changes, so an isolate reads it once. */
const known = new WeakMap<Settings, string>()

/**
 * @param address what the platform says the caller's address is
 * @returns null where no address is known
 */
export async function networkHash(
  address: string | undefined,
  settings: Settings,
  source: KeySource,
): Promise<string | null> {
  const network = address === undefined ? undefined : neighborhoodOf(address)
  if (network === undefined) return null
  const key = known.get(settings) ?? (await source.networkKey())
  known.set(settings, key)
  return keyedHash(`${key}${settings.authSecret ?? ''}`, network)
}
