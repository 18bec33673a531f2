/**
 * Tokens that must be refused, each one step away from a valid one, and valid ones that show how
 * far the rules go. All of them can be sent in a header: nothing starts or ends with white space.
 */
import { base64url } from 'jose'
import { wrongClaims } from './hostile-claims.ts'
import { ambiguousJson, wrongSpelling, wrongStructure } from './hostile-encodings.ts'
import {
  type Case,
  derOf,
  encode,
  joined,
  type NamedToken,
  named,
  ofLength,
  partsOf,
  publicPem,
  spaced,
} from './token-surgery.ts'
import { hmacSigner, makeIssuer, rawToken, type Signer, type TestIssuer } from './tokens.ts'

/** The origin that tokens name for their keys. Nothing may ever be fetched from there. */
export const EVIL_ORIGIN = 'https://evil.example'

const sendUnsigned: Signer = async () => new Uint8Array()

/** The issuer has to have an ES256 key. */
export async function hostileTokens(issuer: TestIssuer): Promise<NamedToken[]> {
  const groups = await Promise.all([
    wrongAlgorithms(issuer),
    injectedKeys(issuer),
    wrongHeaders(issuer),
    wrongStructure(issuer),
    wrongSpelling(issuer),
    ambiguousJson(issuer),
    wrongClaims(issuer),
    wrongSignatures(issuer),
  ])
  return groups.flat()
}

/** The issuer has to have an ES256 key. */
export async function validTokens(issuer: TestIssuer): Promise<NamedToken[]> {
  const now = Math.floor(Date.now() / 1000)
  const { audience } = issuer
  return named('valid', [
    ['plain', issuer.sign()],
    ['without kid', issuer.sign({}, { kid: undefined })],
    ['without typ', issuer.sign({}, { typ: undefined })],
    ['typ at+jwt', issuer.sign({}, { typ: 'at+jwt' })],
    ['typ AT+JWT', issuer.sign({}, { typ: 'AT+JWT' })],
    ['typ application/at+jwt', issuer.sign({}, { typ: 'application/at+jwt' })],
    ['several audiences', issuer.sign({ aud: ['another', audience] })],
    ['without iat', issuer.sign({ iat: undefined })],
    ['iat within the tolerance', issuer.sign({ iat: now + 25 })],
    ['nbf within the tolerance', issuer.sign({ nbf: now + 25 })],
    ['exp within the tolerance', issuer.sign({ exp: now - 20 })],
    ['iat with a fraction', issuer.sign({ iat: now - 0.5 })],
    ['exp with a fraction', issuer.sign({ exp: now + 300.5 })],
    ['until the year 9999', issuer.sign({ exp: 253_402_300_799 })],
    ['255 characters of subject', issuer.sign({ sub: '😀'.repeat(255) })],
    ['more claims', issuer.sign({ scope: 'openid', act: { sub: 'ada', nested: [{ sub: 'x' }] } })],
    ['white space in its JSON', spaced(issuer)],
    ['exactly 8 KiB', ofLength(issuer, 8192)],
  ])
}

async function wrongAlgorithms(issuer: TestIssuer): Promise<NamedToken[]> {
  const pem = await publicPem(issuer)
  const secrets: [string, Uint8Array][] = [
    ['PEM', encode(pem)],
    ['PEM without its last line break', encode(pem.trimEnd())],
    ['JWK', encode(JSON.stringify(issuer.jwks.keys[0]))],
    ['JWK set', encode(JSON.stringify(issuer.jwks))],
    ['point', base64url.decode(issuer.jwks.keys[0]?.x ?? '')],
  ]
  const withAlg = (alg: unknown, sign = issuer.signer) =>
    rawToken(JSON.stringify(issuer.header({ alg })), JSON.stringify(issuer.claims()), sign)
  return named('algorithm', [
    ...['none', 'None', 'NONE', 'nOnE', '', ' none'].flatMap((alg): Case[] => [
      [`"${alg}", unsigned`, withAlg(alg, sendUnsigned)],
      [`"${alg}", signed`, withAlg(alg)],
    ]),
    ...[undefined, null, 256, true, ['ES256'], { name: 'ES256' }].map((alg): Case => [
      JSON.stringify(alg) ?? 'missing',
      withAlg(alg),
    ]),
    ...secrets.flatMap(([form, secret]) =>
      ([256, 384, 512] as const).map((bits): Case => [
        `HS${bits} with the public key as ${form}`,
        withAlg(`HS${bits}`, hmacSigner(bits, secret)),
      ]),
    ),
    ...[
      'es256',
      'ES384',
      'ES512',
      'ES256K',
      'RS256',
      'PS256',
      'EdDSA',
      'Ed25519',
      'RSA-OAEP',
      'dir',
    ].map((alg): Case => [`${alg} with an ES256 signature`, withAlg(alg)]),
  ])
}

/** One unknown "kid", the one before these, is looked up; the next ones might be new keys: 503. */
export const MIGHT_BE_NEW = [
  'injected key: kid that is a path',
  'injected key: kid that is SQL',
  'injected key: kid nobody knows',
  'injected key: kid named after a prototype',
]

async function injectedKeys(issuer: TestIssuer): Promise<NamedToken[]> {
  const attacker = await makeIssuer({ issuer: issuer.issuer, kid: issuer.kid })
  const [jwk] = attacker.jwks.keys
  const url = `${EVIL_ORIGIN}/jwks.json`
  const by = (header: Record<string, unknown>) => attacker.sign({ aud: issuer.audience }, header)
  return named('injected key', [
    ['same kid', by({})],
    ['no kid', by({ kid: undefined })],
    ['jwk', by({ jwk })],
    ['jwk without kid', by({ jwk, kid: undefined })],
    ['jku', by({ jku: url })],
    ['jku without kid', by({ jku: url, kid: undefined })],
    ['x5u', by({ x5u: `${EVIL_ORIGIN}/cert.pem` })],
    ['x5c', by({ x5c: ['MIIB'] })],
    ['kid that is a URL', by({ kid: url })],
    ['kid that is a path', by({ kid: '../../../../dev/null' })],
    ['kid that is SQL', by({ kid: "' or '1'='1" })],
    ['kid nobody knows', by({ kid: 'unknown' })],
    ['kid named after a prototype', by({ kid: '__proto__' })],
    ['iss with jku in the claims', attacker.sign({ aud: issuer.audience, jku: url, jwk })],
  ])
}

async function wrongHeaders(issuer: TestIssuer): Promise<NamedToken[]> {
  const headers: Record<string, unknown>[] = [
    { crit: ['exp'], exp: 1 },
    { crit: [] },
    { crit: ['b64'], b64: true },
    { crit: ['b64'], b64: false },
    { crit: ['b64', 'b64'], b64: true },
    { crit: null },
    { crit: 'exp' },
    { b64: true },
    { b64: false },
    ...[null, 1, true, ['key-1'], { kid: 'key-1' }].map((kid) => ({ kid })),
    ...[null, 1, true, ['JWT'], '', 'JWE', 'dpop+jwt', 'logout+jwt', 'secevent+jwt', 'JWT '].map(
      (typ) => ({ typ }),
    ),
  ]
  return named(
    'header',
    headers.map((header): Case => [JSON.stringify(header), issuer.sign({}, header)]),
  )
}

async function wrongSignatures(issuer: TestIssuer): Promise<NamedToken[]> {
  const [header, payload, signature] = partsOf(await issuer.sign())
  const [, otherPayload] = partsOf(await issuer.sign({ sub: 'grace' }))
  const [otherHeader] = partsOf(await issuer.sign({}, { typ: 'at+jwt' }))
  const bytes = base64url.decode(signature)
  const signed = (value: Uint8Array) => `${header}.${payload}.${base64url.encode(value)}`
  return named('signature', [
    ['of another payload', `${header}.${otherPayload}.${signature}`],
    ['of another header', `${otherHeader}.${payload}.${signature}`],
    ['truncated', signed(bytes.slice(0, -1))],
    ['extended', signed(joined(bytes, new Uint8Array(1)))],
    ['of zeros', signed(new Uint8Array(bytes.length))],
    ['one bit changed', signed(bytes.map((byte, i) => (i === 0 ? byte ^ 1 : byte)))],
    ['in DER', signed(derOf(bytes))],
    ['twice', signed(joined(bytes, bytes))],
  ])
}
