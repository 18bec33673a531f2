/** IP ranges in CIDR notation, v4 and v6, for keys that may only be used from certain addresses. */
import {
  convertIPv4MappedIPv6ToIPv4,
  convertIPv4ToBinary,
  convertIPv6ToBinary,
  distinctRemoteAddr,
  isIPv4MappedIPv6,
} from 'hono/utils/ipaddr'

interface Address {
  readonly bits: 32 | 128
  readonly value: bigint
  /** How many bits of what was written are not part of `value`: an IPv4 address in IPv6's clothes. */
  readonly mappedBits: 0 | 96
}

interface Range extends Address {
  readonly prefix: number
}

/** Whether the text is an address, or an address and a prefix length that fits it. */
export function isIpRange(text: string): boolean {
  return parseRange(text) !== undefined
}

/** @param address what the platform says the caller's address is; none is in no range */
export function isInRanges(address: string | undefined, ranges: readonly string[]): boolean {
  const caller = parse(address ?? '')
  return caller !== undefined && ranges.some((range) => contains(parseRange(range), caller))
}

/** What of an address its holder cannot easily change: all of IPv4, the first 64 bits of IPv6. */
export function networkOf(address: string): string {
  const parsed = parse(address)
  if (!parsed) return address
  return parsed.bits === 32 ? `v4 ${parsed.value}` : `v6 ${parsed.value >> 64n}`
}

/** What visitors share who have one line, or one building: a /24 of IPv4, a /64 of IPv6. */
export function neighborhoodOf(address: string): string | undefined {
  const parsed = parse(address)
  if (!parsed) return undefined
  return parsed.bits === 32 ? `v4 ${parsed.value >> 8n}` : `v6 ${parsed.value >> 64n}`
}

function contains(range: Range | undefined, { bits, value }: Address): boolean {
  if (range?.bits !== bits) return false
  const rest = BigInt(bits - range.prefix)
  return range.value >> rest === value >> rest
}

function parseRange(text: string): Range | undefined {
  const [, address = '', length] = /^([^/]+)(?:\/(\d{1,3}))?$/.exec(text) ?? []
  const base = parse(address)
  if (!base) return undefined
  const prefix = length === undefined ? base.bits : Number(length) - base.mappedBits
  return prefix >= 0 && prefix <= base.bits ? { ...base, prefix } : undefined
}

function parse(text: string): Address | undefined {
  try {
    const kind = /^[0-9a-f:.]+$/i.test(text) ? distinctRemoteAddr(text) : undefined
    if (kind === 'IPv4') return { bits: 32, value: convertIPv4ToBinary(text), mappedBits: 0 }
    if (kind === 'IPv6') return unmapped(convertIPv6ToBinary(text))
  } catch {
    // The text is no address, which the caller says.
  }
  return undefined
}

function unmapped(value: bigint): Address {
  if (!isIPv4MappedIPv6(value)) return { bits: 128, value, mappedBits: 0 }
  return { bits: 32, value: convertIPv4MappedIPv6ToIPv4(value), mappedBits: 96 }
}
