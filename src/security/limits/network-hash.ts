/**
 * What stands for something that could be found by trying all there are, as the network a visitor books
 * from. So the hash is keyed: with what D1 has, and with AUTH_SECRET where there is one, so that a copy of
 * the database tells nothing.
 */
import { keyedHash } from '../../crypto/digest.ts'
import type { Settings } from '../../settings/settings.ts'
import { neighborhoodOf } from './ip-ranges.ts'

export interface KeySource {
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
  return network === undefined ? null : siteHash(network, settings, source)
}

/** @param text which says what it is, as a network and an address do */
export async function siteHash(
  text: string,
  settings: Settings,
  source: KeySource,
): Promise<string> {
  const key = known.get(settings) ?? (await source.networkKey())
  known.set(settings, key)
  return keyedHash(`${key}${settings.authSecret ?? ''}`, text)
}
