/**
 * An admin's connection is reset while they take a key away: the key is good for nothing any more.
 */
import { expect, test } from 'vitest'
import { eventually } from '../support/eventually.ts'
import { hangUp } from './support/hang-up.ts'
import { builtSite } from './support/isolates.ts'

const site = builtSite()

test.each([
  ['by default', []],
  ['with enable_request_signal', ['enable_request_signal']],
])('at each call to D1: %s', { timeout: 300_000 }, async (_, compatibilityFlags) => {
  const isolate = await site.isolate({ delayMs: 40, compatibilityFlags })
  const Authorization = `Bearer ${await site.token('root')}`
  const call = async (path: string, init?: RequestInit) => {
    const response = await fetch(`${isolate.url}${path}`, init)
    // Tests say what they expect of the body.
    // oxlint-disable-next-line typescript/no-explicit-any
    const body: any = await response.json()
    return { status: response.status, body }
  }
  const headers = { Authorization, 'Content-Type': 'application/json' }
  const read = (secret: string, path: string) => call(path, { headers: { 'X-API-Key': secret } })

  for (let n = 1, hasLeft = true; hasLeft; n += 1) {
    const body = JSON.stringify({ name: 'Partner', scopes: ['audit:read'] })
    const { body: key } = await call('/v1/api-keys', { method: 'POST', headers, body })
    expect((await read(key.secret, '/v1/audit')).status).toBe(200)
    const path = `/v1/api-keys/${key.id}`
    hasLeft = await hangUp(isolate, { method: 'DELETE', path, headers: { Authorization } }, n)
    const revokedAt = async () => (await call(path, { headers: { Authorization } })).body.revokedAt
    await eventually(async () => expect([n, await revokedAt()]).toEqual([n, expect.any(String)]))
    expect([n, (await read(key.secret, '/v1/audit')).status]).toEqual([n, 401])
    await eventually(async () =>
      expect([n, (await read(key.secret, '/v1/whoami')).status]).toEqual([n, 401]),
    )
  }
})
