/** Rights in D1 are read from the primary: a replica may not know yet that somebody lost one. */
import { expect, test } from 'vitest'
import { BUILT_IN, VISITORS } from '../../src/db/issuers.ts'
import { type Authenticated, readsRights } from '../../src/security/callers/authenticate.ts'
import { ADA } from '../support/actors.ts'

const KEY = { keyId: 'key_00000000000000000000000004', secretHash: 'x' } as const

function tokenOf(issuer: string): Authenticated {
  const unknown = { issuedAt: undefined, validFrom: undefined, name: undefined, email: undefined }
  return { type: 'jwt', token: { issuer, subject: 'ada', expiresAt: 0, ...unknown } }
}

test.each<[string, Authenticated]>([
  ['a member with a token of an outside issuer', tokenOf('https://issuer.example')],
  ['a member with a token of this site', tokenOf(BUILT_IN)],
  ['a member with a session cookie', { type: 'session', token: 'x' }],
  ['somebody whose act is explained', { type: 'dry run', as: { kind: 'member', userId: ADA } }],
])('the rights of %s are read from the primary', (_, caller) => {
  expect(readsRights(caller)).toBe(true)
})

test.each<[string, Authenticated]>([
  ['nobody', { type: 'anonymous' }],
  ['a visitor, whose token says all', tokenOf(VISITORS)],
  ['an API key, whose gate knows', { type: 'api-key', key: KEY, address: undefined }],
])('what is read for %s may come from the nearest replica', (_, caller) => {
  expect(readsRights(caller)).toBe(false)
})
