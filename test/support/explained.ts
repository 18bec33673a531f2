/** Compares an explanation with the call that it explains, which is made right after it. */
import { expect } from 'vitest'
import { type Dump, dump } from './dump.ts'
import type { Client, Reply, Site } from './site.ts'

export interface Asked {
  readonly method: string
  readonly path: string
  readonly json?: unknown
}

/** The caller's name for `as`; undefined for callers without one, such as a bad token. */
export async function nameOf(caller: Client): Promise<string | undefined> {
  const { status, body } = await caller.get('/v1/whoami')
  if (status !== 200) return undefined
  return body.userId ?? body.keyId ?? body.visitorId ?? body.kind
}

/** Asks, as an admin, what the call would answer. */
export async function explained(by: Client, as: string, asked: Asked): Promise<Reply> {
  const { json, ...call } = asked
  return by.post('/v1/explain', { as, ...call, ...(json !== undefined && { body: json }) })
}

/**
 * All rows but those that come without a change: the usage of a key is written a minute after the
 * calls. Tables without rows are left out, because looking at an object makes them.
 */
export async function stored(): Promise<Dump> {
  return Object.fromEntries(
    Object.entries(await dump()).filter(
      ([table, rows]) => rows.length > 0 && table !== 'api_key_usage',
    ),
  )
}

/** Asks for an explanation and checks that this stores nothing. @returns the foretold status */
export async function foretold(by: Client, as: string, asked: Asked): Promise<number> {
  const before = await stored()
  const { status, body, text } = await explained(by, as, asked)
  expect(status, `${JSON.stringify({ as, ...asked })}: ${text}`).toBe(200)
  expect(await stored()).toEqual(before)
  return body.status
}

/** An admin who may explain for everybody, and whom no call is about. */
export async function explainer(site: Site): Promise<Client> {
  return site.memberWith('admin', 'explainer')
}
