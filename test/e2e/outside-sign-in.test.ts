/** People who sign in to the site with a provider that nobody here wrote, as its documentation has it. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { localSettings } from '../../local/settings.ts'
import { type Site, startSite } from '../../local/site.ts'
import { oidcProvider, SITE_CLIENT } from './support/oidc-provider.ts'

const provider = oidcProvider()
const stateDir = mkdtempSync(join(tmpdir(), 'guildhall-'))
let site: Site | undefined

beforeAll(async () => {
  const trusted = provider.trusted(['front-end'])
  const { issuer } = trusted
  site = await startSite({
    stateDir,
    settings: {
      ...(await localSettings(stateDir, stateDir)),
      TRUSTED_ISSUERS: JSON.stringify([trusted]),
      BOOTSTRAP_ADMINS: JSON.stringify([`${issuer}|root`]),
      OPENID_PROVIDERS: JSON.stringify({ acme: { issuer, ...SITE_CLIENT, label: 'Acme' } }),
    },
  })
})
afterAll(async () => {
  await site?.stop()
  rmSync(stateDir, { recursive: true, force: true })
})

/** Keeps the cookies of the site, as a browser does. */
function browser() {
  const url = site?.url ?? ''
  const jar = new Map<string, string>()
  return async (path: string, form?: Readonly<Record<string, string>>) => {
    const cookie = [...jar].map(([name, value]) => `${name}=${value}`).join('; ')
    const response = await fetch(new URL(path, url), {
      redirect: 'manual',
      headers: { Cookie: cookie, 'Sec-Fetch-Site': 'same-origin', Origin: url },
      ...(form && { method: 'POST', body: new URLSearchParams(form) }),
    })
    for (const sent of response.headers.getSetCookie()) {
      const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(sent) ?? []
      if (/max-age=0/i.test(sent)) jar.delete(name)
      else jar.set(name, value)
    }
    const location = response.headers.get('Location')
    return { status: response.status, location, text: await response.text() }
  }
}

async function signIn(subject: string, next: string) {
  const visit = browser()
  const left = await visit('/auth/openid', { provider: 'acme', next })
  expect(left.status).toBe(303)
  const back = await provider.arrive(left.location ?? '', subject)
  expect(await visit(back)).toMatchObject({ status: 303, location: next })
  return { visit, back }
}

test('whoever BOOTSTRAP_ADMINS names comes to the console, under the name that the provider says', async () => {
  const { visit } = await signIn('root', '/console/audit')
  expect(JSON.parse((await visit('/v1/me')).text)).toMatchObject({
    displayName: 'Ada Lovelace',
    email: 'ada@example.com',
    roles: expect.arrayContaining(['admin']),
  })
  const there = await visit('/console/audit')
  expect([there.status, there.text.includes('href="/console/jobs"')]).toEqual([200, true])
  const page = await visit('/auth/account')
  expect(page.text).not.toContain('New password')
})

test('the cookie is of the member that tokens of the provider are of, and ends with the session', async () => {
  const { access_token: token } = await provider.signIn('cat')
  const headers = { Authorization: `Bearer ${token}` }
  const byToken = JSON.parse(await (await fetch(`${site?.url}/v1/me`, { headers })).text())
  const { visit } = await signIn('cat', '/docs')
  const byCookie = JSON.parse((await visit('/v1/me')).text)
  expect(byCookie.id).toBe(byToken.id)
  const row = await site?.db
    .prepare('select user_id, issuer, subject, sid from auth_sessions where subject = ?')
    .bind('cat')
    .first()
  const { issuer } = provider.trusted([])
  expect(row).toMatchObject({ user_id: null, issuer, subject: 'cat' })

  expect((await visit('/auth/sign-out', {})).status).toBe(303)
  expect((await visit('/v1/whoami')).text).toContain('anonymous')
})

test('what has come back to one browser is worth nothing in another, nor twice', async () => {
  const { visit, back } = await signIn('ben', '/docs')
  const failed = { status: 303, location: '/auth/sign-in?error=provider' }
  expect(await browser()(back)).toMatchObject(failed)
  expect(await visit(back)).toMatchObject(failed)
  expect(JSON.parse((await visit('/v1/whoami')).text).kind).toBe('member')
})
