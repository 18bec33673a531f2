/** Cutting tokens open and sewing them together again, for the tokens that must be refused. */
import { base64url, exportSPKI, importJWK } from 'jose'
import { rawToken, type TestIssuer } from './tokens.ts'

export interface NamedToken {
  readonly name: string
  readonly token: string
}

export type Case = readonly [name: string, token: string | Promise<string>]

export function named(group: string, cases: readonly Case[]): Promise<NamedToken[]> {
  return Promise.all(
    cases.map(async ([name, token]) => ({ name: `${group}: ${name}`, token: await token })),
  )
}

export function partsOf(token: string): [string, string, string] {
  const [header = '', payload = '', signature = ''] = token.split('.')
  return [header, payload, signature]
}

export function encode(text: string): Uint8Array {
  return new TextEncoder().encode(text)
}

export function joined(...parts: Uint8Array[]): Uint8Array {
  return Uint8Array.from(parts.flatMap((part) => Array.from(part)))
}

export async function publicPem(issuer: TestIssuer): Promise<string> {
  const [jwk = {}] = issuer.jwks.keys
  const key = await importJWK(jwk, issuer.algorithm, { extractable: true })
  if (key instanceof Uint8Array) throw new TypeError('not a public key')
  return exportSPKI(key)
}

export function spaced(issuer: TestIssuer): Promise<string> {
  return rawToken(indented(issuer.header()), indented(issuer.claims()), issuer.signer)
}

/** A valid token of exactly this length. */
export async function ofLength(issuer: TestIssuer, length: number): Promise<string> {
  const header = JSON.stringify(issuer.header())
  const base = JSON.stringify(issuer.claims({ pad: '' })).length
  const fixed = base64url.encode(header).length + 86 + 2
  const size = Math.floor(((length - fixed) * 3) / 4)
  // White space in the header makes up for lengths that base64url does not have.
  for (let spaces = 0; spaces < 4; spaces++) {
    const pad = 'x'.repeat(size - base - spaces)
    for (let gap = 0; gap < 4; gap++) {
      const token = await rawToken(
        `${header}${' '.repeat(gap)}`,
        JSON.stringify(issuer.claims({ pad })),
        issuer.signer,
      )
      if (token.length === length) return token
    }
  }
  throw new RangeError(`no token of ${length} characters`)
}

function indented(value: unknown): string {
  return `\n ${JSON.stringify(value, null, 2)}\t\r\n`
}

function unaligned(value: unknown): string {
  const json = JSON.stringify(value)
  return json + ' '.repeat(3 - ((json.length + 2) % 3))
}

/** A valid token whose header and payload both end inside a base64url character. */
export function withSpareBits(issuer: TestIssuer): Promise<string> {
  return rawToken(unaligned(issuer.header()), unaligned(issuer.claims()), issuer.signer)
}

export function padded(part: string): string {
  return part + '='.repeat((4 - (part.length % 4)) % 4)
}

const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'

/** Sets the unused bits of the last character; a lenient decoder still reads the same bytes. */
export function withBitsBehind(part: string): string {
  if (part.length % 4 === 0) throw new RangeError('no spare bits')
  return part.slice(0, -1) + ALPHABET.charAt(ALPHABET.indexOf(part.slice(-1)) | 1)
}

export async function standardAlphabet(issuer: TestIssuer): Promise<string> {
  // Signatures are random, and one in sixteen has neither `-` nor `_`.
  for (;;) {
    const [header, payload, signature] = partsOf(await issuer.sign())
    const standard = signature.replaceAll('-', '+').replaceAll('_', '/')
    if (standard !== signature) return `${header}.${payload}.${standard}`
  }
}

/** ECDSA as X.509 writes it: a SEQUENCE of two INTEGERs. */
export function derOf(signature: Uint8Array): Uint8Array {
  const integer = (bytes: Uint8Array) => {
    const body = (bytes[0] ?? 0) > 127 ? joined(new Uint8Array(1), bytes) : bytes
    return joined(new Uint8Array([2, body.length]), body)
  }
  const body = joined(integer(signature.slice(0, 32)), integer(signature.slice(32)))
  return joined(new Uint8Array([0x30, body.length]), body)
}
