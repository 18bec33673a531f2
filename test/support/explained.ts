/** An explanation beside what it explains: the same call, said beforehand and then made. */
import { expect } from 'vitest'
import { type Dump, dump } from './dump.ts'
import type { Client, Reply, Site } from './site.ts'

export interface Asked {
  readonly method: string
  readonly path: string
  readonly json?: unknown
}

/** Whose call it is, as `as` takes it; undefined for who has no name, such as a bad token. */
export async function nameOf(caller: Client): Promise<string | undefined> {
  const { status, body } = await caller.get('/v1/whoami')
  if (status !== 200) return undefined
  return body.userId ?? body.keyId ?? body.visitorId ?? body.kind
}

/** Has an admin ask what the call would answer. */
export async function explained(by: Client, as: string, asked: Asked): Promise<Reply> {
  const { json, ...call } = asked
  return by.post('/v1/explain', { as, ...call, ...(json !== undefined && { body: json }) })
}

/**
 * What is stored. Objects that were only looked at have tables without rows; the usage of a key is
 * written a minute late, for calls that were made before.
 */
export async function stored(): Promise<Dump> {
  return Object.fromEntries(
    Object.entries(await dump()).filter(
      ([table, rows]) => rows.length > 0 && table !== 'api_key_usage',
    ),
  )
}

/** @returns the status that was foretold, after nothing came of foretelling it */
export async function foretold(by: Client, as: string, asked: Asked): Promise<number> {
  const before = await stored()
  const { status, body, text } = await explained(by, as, asked)
  expect(status, `${JSON.stringify({ as, ...asked })}: ${text}`).toBe(200)
  expect(await stored()).toEqual(before)
  return body.status
}

/** Somebody who may explain for everybody, and is nobody's target. */
export async function explainer(site: Site): Promise<Client> {
  return site.memberWith('admin', 'explainer')
}
