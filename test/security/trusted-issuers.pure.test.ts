/** Whom TRUSTED_ISSUERS may name, and with which keys. */
import { describe, expect, it } from 'vitest'
import { BUILT_IN, VISITORS } from '../../src/db/issuers.ts'
import {
  isPrivateWay,
  TOKEN_ALGORITHMS,
  TrustedIssuer,
} from '../../src/settings/trusted-issuers.ts'

const ISSUER = {
  issuer: 'https://issuer.example',
  audience: 'guildhall',
  jwksUrl: 'https://issuer.example/jwks.json',
}
const { jwksUrl: _, ...WITHOUT_KEYS } = ISSUER

const isTaken = (issuer: object) => TrustedIssuer.safeParse(issuer).success

describe('an issuer', () => {
  it('may sign with every algorithm that takes no common secret, unless told otherwise', () => {
    expect(TrustedIssuer.parse(ISSUER)).toEqual({ ...ISSUER, algorithms: [...TOKEN_ALGORITHMS] })
    expect(TrustedIssuer.parse({ ...ISSUER, algorithms: ['ES256', 'RS256'] }).algorithms).toEqual([
      'ES256',
      'RS256',
    ])
  })

  it.each<[string, object]>([
    ['keys in place of their address', { jwks: { keys: [{ kty: 'EC', kid: 'a' }], more: 1 } }],
    ['keys on this machine', { jwksUrl: 'http://localhost:8080/jwks.json' }],
    ['claims that it has to make', { ...ISSUER, claims: { tenant: 'a', level: 2, staff: true } }],
    ['clients', { ...ISSUER, clientIds: ['shop', 'app'] }],
    ['a way to tell of sign-outs', { ...ISSUER, logout: { clientIds: ['shop'] } }],
    [
      'events, and what becomes of each',
      {
        ...ISSUER,
        signals: {
          audience: 'guildhall',
          events: {
            'session-revoked': 'end-sessions',
            'credential-change': 'nothing',
            'account-disabled': 'suspend',
          },
        },
      },
    ],
  ])('may have %s', (_, members) => {
    expect(isTaken({ ...WITHOUT_KEYS, ...members })).toBe(true)
  })

  it.each<[string, object]>([
    ['the name of the built-in login', { ...ISSUER, issuer: BUILT_IN }],
    ['the name of the issuer of visitors', { ...ISSUER, issuer: VISITORS }],
    ['no name', { ...ISSUER, issuer: '' }],
    ['no audience', { ...ISSUER, audience: '' }],
    ['a secret that both sides know', { ...ISSUER, algorithms: ['HS256'] }],
    ['no algorithm', { ...ISSUER, algorithms: [] }],
    ['no keys', {}],
    ['keys twice', { ...ISSUER, jwks: { keys: [] } }],
    ['keys of no kind', { jwks: { keys: [{ kid: 'a' }] } }],
    ['keys that anybody on the way can change', { jwksUrl: 'http://issuer.example/jwks.json' }],
    ['a claim without a name', { ...ISSUER, claims: { '': 'a' } }],
    ['a claim that is no plain value', { ...ISSUER, claims: { tenant: ['a'] } }],
    ['clients, of which there are none', { ...ISSUER, clientIds: [] }],
    ['a client without a name', { ...ISSUER, clientIds: [''] }],
    ['sign-outs of no client', { ...ISSUER, logout: {} }],
    ['sign-outs of whoever asks', { ...ISSUER, logout: { clientIds: ['a'], audience: 'b' } }],
    ['events for nobody', { ...ISSUER, signals: { audience: '', events: {} } }],
    [
      'events that are not known',
      { ...ISSUER, signals: { audience: 'a', events: { other: 'suspend' } } },
    ],
    [
      'what is not done',
      { ...ISSUER, signals: { audience: 'a', events: { 'session-revoked': 'delete' } } },
    ],
    ['what nobody knows', { ...ISSUER, secret: 'a' }],
  ])('has not %s', (_, members) => {
    expect(isTaken({ ...WITHOUT_KEYS, ...members })).toBe(false)
  })
})

it.each([
  ['https://issuer.example', true],
  ['http://localhost:1/x', true],
  ['http://127.0.0.1/x', true],
  ['http://[::1]:8080/x', true],
  ['http://issuer.example', false],
  ['http://localhost.example', false],
  ['ftp://localhost/x', false],
  ['localhost', false],
  ['', false],
])('the way to %s is private: %j', (address, isPrivate) => {
  expect(isPrivateWay(address)).toBe(isPrivate)
})
