/** Hostile tokens, part three: validly signed, but a claim is missing, wrong or of a wrong kind. */
import { type Case, type NamedToken, named } from './token-surgery.ts'
import type { TestIssuer } from './tokens.ts'

const LONE_SURROGATE = String.fromCharCode(0xd800)

export async function wrongClaims(issuer: TestIssuer): Promise<NamedToken[]> {
  const now = Math.floor(Date.now() / 1000)
  const { issuer: iss, audience: aud } = issuer
  const claims: Record<string, unknown>[] = [
    ...[
      undefined,
      null,
      '',
      1,
      [iss],
      { iss },
      `${iss}/`,
      ` ${iss}`,
      iss.toUpperCase(),
      iss.slice(0, -1),
      'https://evil.example',
    ].map((value) => ({ iss: value })),
    ...[
      undefined,
      null,
      '',
      1,
      true,
      [],
      {},
      [[aud]],
      [aud, 1],
      [aud, null],
      { 0: aud },
      `${aud}x`,
      aud.slice(0, -1),
      'another',
      aud.toUpperCase(),
    ].map((value) => ({ aud: value })),
    ...[
      undefined,
      null,
      '',
      0,
      1,
      true,
      ['ada'],
      {},
      { toString: 'ada' },
      'x'.repeat(256),
      '😀'.repeat(256),
      'a\u0000da',
      'ada\n',
      '\u007f',
      '\u0085',
      LONE_SURROGATE,
    ].map((value) => ({ sub: value })),
    ...[
      undefined,
      null,
      '',
      String(now + 300),
      true,
      [now + 300],
      {},
      0,
      -1,
      now - 31,
      now - 3600,
      1e300,
      253_402_300_800,
    ].map((value) => ({ exp: value })),
    ...[null, '', String(now), true, [now], {}, -1, now + 35, now + 3600, 1e300].flatMap(
      (value) => [{ iat: value }, { nbf: value }],
    ),
    // A logout token (OpenID Connect Back-Channel Logout 1.0) and other security events (RFC 8417).
    ...[
      null,
      {},
      [],
      { 'http://schemas.openid.net/event/backchannel-logout': {} },
      { 'https://schemas.openid.net/secevent/caep/event-type/session-revoked': {} },
    ].map((value) => ({ events: value })),
    ...[null, '', 'id', 'refresh', 'Access', 'access ', ['access'], 1, {}].map((value) => ({
      token_use: value,
    })),
  ]
  return named(
    'claim',
    claims.map((claim): Case => [nameOf(claim), issuer.sign(claim)]),
  )
}

function nameOf(claim: Record<string, unknown>): string {
  const [[name, value] = []] = Object.entries(claim)
  return `${name} ${value === undefined ? 'missing' : JSON.stringify(value).slice(0, 24)}`
}
