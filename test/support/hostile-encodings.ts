/** Hostile tokens, part two: validly signed, but in a wrong structure, spelling or JSON. */
import { base64url } from 'jose'
import {
  type Case,
  encode,
  joined,
  type NamedToken,
  named,
  ofLength,
  padded,
  partsOf,
  standardAlphabet,
  withBitsBehind,
  withSpareBits,
} from './token-surgery.ts'
import { rawToken, signedParts, type TestIssuer } from './tokens.ts'

export async function wrongStructure(issuer: TestIssuer): Promise<NamedToken[]> {
  const token = await issuer.sign()
  const [header, payload, signature] = partsOf(token)
  const jwe = base64url.encode('{"alg":"ECDH-ES","enc":"A256GCM"}')
  const nested = await rawToken(JSON.stringify(issuer.header({ cty: 'JWT' })), token, issuer.signer)
  return named('structure', [
    ['one part', header],
    ['two parts', `${header}.${payload}`],
    ['no signature', `${header}.${payload}.`],
    ['no payload', `${header}..${signature}`],
    ['no header', `.${payload}.${signature}`],
    ['only dots', '..'],
    ['four parts', `${token}.${signature}`],
    ['a dot in front', `.${token}`],
    ['a dot behind', `${token}.`],
    ['JWE', `${jwe}..${header}.${payload}.${signature}`],
    ['JWE header on a JWS', `${jwe}.${payload}.${signature}`],
    ['JSON serialization', JSON.stringify({ protected: header, payload, signature })],
    ['a token in a token', nested],
    ['the token twice', `${token}${token}`],
    ['one byte over 8 KiB', ofLength(issuer, 8193)],
    ['32 KiB', ofLength(issuer, 32_768)],
    ['8 KiB of dots', '.'.repeat(8192)],
    ['no token at all', 'null'],
  ])
}

/** A token must have one spelling, or lists of revoked and known tokens can be walked around. */
export async function wrongSpelling(issuer: TestIssuer): Promise<NamedToken[]> {
  const [header, payload, signature] = partsOf(await withSpareBits(issuer))
  const { signer } = issuer
  return named('spelling', [
    ['padded signature', `${header}.${payload}.${signature}==`],
    ['padded payload', signedParts(header, padded(payload), signer)],
    ['padded header', signedParts(padded(header), payload, signer)],
    ['spare bits in the signature', `${header}.${payload}.${withBitsBehind(signature)}`],
    ['spare bits in the payload', signedParts(header, withBitsBehind(payload), signer)],
    ['spare bits in the header', signedParts(withBitsBehind(header), payload, signer)],
    ['standard alphabet', standardAlphabet(issuer)],
    [
      'space in the signature',
      `${header}.${payload}.${signature.slice(0, 9)} ${signature.slice(9)}`,
    ],
    [
      'space in the payload',
      signedParts(header, `${payload.slice(0, 9)} ${payload.slice(9)}`, signer),
    ],
    ['an impossible length', `${header}.${payload}.${signature}AAA`],
    ['a foreign character', `${header}.${payload}.${signature.slice(0, -1)}*`],
  ])
}

export async function ambiguousJson(issuer: TestIssuer): Promise<NamedToken[]> {
  const header = JSON.stringify(issuer.header())
  const claims = JSON.stringify(issuer.claims())
  const payload = (text: string | Uint8Array): Promise<string> =>
    rawToken(header, text, issuer.signer)
  const headed = (text: string | Uint8Array): Promise<string> =>
    rawToken(text, claims, issuer.signer)
  const bom = new Uint8Array([0xef, 0xbb, 0xbf])
  return named('JSON', [
    ['payload after a byte order mark', payload(joined(bom, encode(claims)))],
    ['header after a byte order mark', headed(joined(bom, encode(header)))],
    [
      'payload that is not UTF-8',
      payload(
        joined(encode(claims.slice(0, -1)), encode(',"x":"'), new Uint8Array([0xff]), encode('"}')),
      ),
    ],
    [
      'header that is not UTF-8',
      headed(
        joined(
          encode(header.slice(0, -1)),
          encode(',"x":"'),
          new Uint8Array([0xc0, 0x80]),
          encode('"}'),
        ),
      ),
    ],
    [
      'payload in UTF-16',
      payload(Uint8Array.from(claims, (char, i) => (i % 2 ? 0 : char.charCodeAt(0)))),
    ],
    ['alg twice', headed(withMember(header, '"alg":"none"'))],
    ['kid twice', headed(withMember(header, '"kid":"another"'))],
    ['crit twice', headed(withMember(header, '"crit":["exp"],"crit":[]'))],
    ['sub twice', payload(withMember(claims, '"sub":"root"'))],
    ['sub twice, the same', payload(withMember(claims, '"sub":"ada"'))],
    ['sub twice, once escaped', payload(withMember(claims, String.raw`"s\u0075b":"root"`))],
    ['exp twice', payload(withMember(claims, '"exp":9999999999'))],
    ['a nested name twice', payload(withMember(claims, '"act":[{"a":{"b":1,"b":2}}]'))],
    ...['', ' ', 'null', '1', '"x"', '[]', `[${claims}]`, 'true'].flatMap((text): Case[] => [
      [`payload "${text.slice(0, 12)}"`, payload(text)],
      [`header "${text.slice(0, 12)}"`, headed(text)],
    ]),
    ['payload cut short', payload(claims.slice(0, -1))],
    ['payload with a brace too many', payload(`${claims}}`)],
    ['header cut short', headed(header.slice(0, -1))],
    ['payload with a comment', payload(withMember(claims, '/**/"x":1'))],
    ['payload in single quotes', payload(claims.replaceAll('"', "'"))],
    ['payload with a trailing comma', payload(`${claims.slice(0, -1)},}`)],
    ['payload followed by a NUL', payload(`${claims}\0`)],
    ['exp 1e999', payload(claims.replace(/"exp":\d+/, '"exp":1e999'))],
    ['iat -1e999', payload(claims.replace(/"iat":\d+/, '"iat":-1e999'))],
    ['nbf -1e999', payload(withMember(claims, '"nbf":-1e999'))],
  ])
}

function withMember(json: string, member: string): string {
  return json.replace('{', `{${member},`)
}
