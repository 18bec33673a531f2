/** Members of a site whose provider is oidc-provider, as its documentation has it set up for an API. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { localSettings } from '../../local/settings.ts'
import { type Site, startSite } from '../../local/site.ts'
import { oidcProvider, type Tokens } from './support/oidc-provider.ts'

const provider = oidcProvider()
const stateDir = mkdtempSync(join(tmpdir(), 'guildhall-'))
let site: Site | undefined

beforeAll(async () => {
  const TRUSTED_ISSUERS = JSON.stringify([provider.trusted(['front-end'])])
  site = await startSite({
    stateDir,
    settings: { ...(await localSettings(stateDir)), TRUSTED_ISSUERS },
  })
})
afterAll(async () => {
  await site?.stop()
  rmSync(stateDir, { recursive: true, force: true })
})

async function call(token: string, method: string, path: string, json?: object) {
  const response = await fetch(`${site?.url}${path}`, {
    method,
    headers: { Authorization: `Bearer ${token}`, 'Content-Type': 'application/json' },
    ...(json && { body: JSON.stringify(json) }),
  })
  const body: Readonly<Record<string, unknown>> = JSON.parse(await response.text())
  return { status: response.status, body }
}

const me = (tokens: Tokens) => call(tokens.access_token, 'GET', '/v1/me')
const send = (tokens: Tokens, { id_token: idToken }: Tokens) =>
  call(tokens.access_token, 'POST', '/v1/me/id-token', { idToken })

const NAMED = { displayName: 'Ada Lovelace', email: 'ada@example.com' }
const UNNAMED = { displayName: 'New member', email: null }

test('an access token makes a member without a name, and the ID token beside it fills in the profile', async () => {
  const ada = await provider.signIn('ada')
  // So the site cannot ask for the name by itself.
  expect((await provider.userinfo(ada)).status).toBe(401)
  expect(await me(ada)).toMatchObject({ status: 200, body: UNNAMED })
  expect(await send(ada, ada)).toMatchObject({ status: 200, body: NAMED })
  expect(await me(ada)).toMatchObject({ status: 200, body: NAMED })
})

test('the ID token lets nobody in, and fills in nobody else', async () => {
  const [ada, ben] = [await provider.signIn('ada'), await provider.signIn('ben')]
  expect((await call(ada.id_token, 'GET', '/v1/whoami')).status).toBe(401)
  expect((await send(ben, ada)).status).toBe(422)
  expect(await me(ben)).toMatchObject({ body: UNNAMED })
})

test('an ID token for a client that is not listed is not taken, nor is an access token for one', async () => {
  const [here, there] = [await provider.signIn('cat'), await provider.signIn('cat', 'elsewhere')]
  expect((await send(here, there)).status).toBe(422)
  expect((await send(here, { ...here, id_token: here.access_token })).status).toBe(422)
  expect(await me(here)).toMatchObject({ body: UNNAMED })
})
