/** API keys as tests want them: issued over HTTP, with a client that sends them. */
import { env } from 'cloudflare:workers'
import { runInDurableObject } from 'cloudflare:test'
import { openSession } from '../../src/db/client.ts'
import { type KeyId, newId } from '../../src/db/ids.ts'
import { apiKeysRepository } from '../../src/repositories/api-keys.ts'
import { mintApiKey } from '../../src/security/callers/api-key.ts'
import type { CallOptions, Client, Site } from './site.ts'

export interface Partner extends Client {
  readonly id: KeyId
  /** The key as it is sent. */
  readonly secret: string
}

/** Issues a key. @param by the issuer; the first admin, unless told otherwise */
export async function partner(site: Site, fields: object = {}, by?: Client): Promise<Partner> {
  const issuer = by ?? (await site.root())
  const { status, body } = await issuer.post('/v1/api-keys', {
    name: 'Partner',
    scopes: [],
    ...fields,
  })
  if (status !== 201) throw new Error(`no key: ${status} ${JSON.stringify(body)}`)
  return holder(site, body)
}

/** A client that sends the key that was issued. */
export function holder(site: Site, issued: { id: KeyId; secret: string }): Partner {
  return { ...site.bearer(issued.secret), id: issued.id, secret: issued.secret }
}

export function from(address: string): CallOptions {
  return { headers: { 'CF-Connecting-IP': address } }
}

/** The permissions of a key; `none` if the key is no good. */
export type GateRights = readonly string[] | 'none'

/** The rights that the gate of a key knows: an open route asks the gate and nobody else. */
export async function rightsAtGate(key: Client): Promise<GateRights> {
  const { status, body } = await key.get('/v1/whoami')
  if (status === 401) return 'none'
  return body.permissions.map(({ permission }: { permission: string }) => permission)
}

/** A key that this site could have issued, and has not. */
export async function unissued(keyId: KeyId = newId('key', Date.now())): Promise<string> {
  const { db } = openSession(env.DB, 'primary')
  const { key } = await mintApiKey(keyId, await apiKeysRepository(db).checksums())
  return key
}

/** Makes the key's gate use another database, until it is started anew. */
export async function giveGate(keyId: KeyId, DB: D1Database): Promise<void> {
  await runInDurableObject(env.KEYS.getByName(keyId), (gate) => {
    Object.assign(gate, { env: { ...env, DB } })
  })
}
