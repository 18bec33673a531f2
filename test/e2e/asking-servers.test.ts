/** nginx and Caddy before files and before an application, asking as docs/pages.md has them ask. */
import { mkdirSync, writeFileSync } from 'node:fs'
import { once } from 'node:events'
import { type IncomingMessage, request as httpRequest } from 'node:http'
import { connect } from 'node:net'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { freePort } from '../../local/ports.ts'
import { signUp } from './support/login.ts'
import { documentedCheck, field, startOrigin } from './support/origin.ts'
import { hasProxy, type ProxyName, startProxy } from './support/proxies.ts'
import { startServer, tempDir, token } from './support/site.ts'

const SECRET = 'q7Wm2Zr9Xk4Vt1Nb8Yc5Lp3Hs6Gd0FjQ'
const PERSON = { 'Sec-Fetch-Mode': 'navigate', 'Sec-Fetch-Site': 'none', Accept: 'text/html' }
const PROXIES = ['nginx', 'caddy'] as const satisfies readonly ProxyName[]
const HERE = PROXIES.filter(hasProxy)

for (const name of PROXIES.filter((each) => !HERE.includes(each))) {
  process.stderr.write(`${name} is neither here nor can it be installed: it was not tried.\n`)
}

const FORGED = {
  'X-Original-URI': '/open/',
  'X-Original-Method': 'GET',
  'X-Original-URL': '/open/',
  'X-Rewrite-URL': '/open/',
  'X-Forwarded-Uri': '/open/',
  'X-Forwarded-Method': 'GET',
  'X-Forwarded-Host': 'evil.example',
  'X-Forwarded-For': '192.0.2.1',
  Forwarded: 'for=192.0.2.1',
  'Guildhall-Proxy-Secret': 'forged',
  'Guildhall-Assertion': 'forged',
  'X-User': 'forged',
  X_User: 'forged',
  'X-User-Id': 'forged',
  'Remote-User': 'forged',
  'X-Remote-User': 'forged',
  X_Remote_User: 'forged',
  X_Forwarded_For: '192.0.2.1',
  'X-Real-IP': '192.0.2.1',
  'Cf-Access-Jwt-Assertion': 'forged',
  'If-None-Match': '*',
  'If-Modified-Since': 'Thu, 01 Jan 2099 00:00:00 GMT',
  Range: 'bytes=0-3',
}

type Headers = Readonly<Record<string, string>>

/** With headers as they are given, which `fetch` would not leave alone. */
async function ask(method: string, base: string, path: string, headers: Headers, body = '') {
  const request = httpRequest(`${base}${path}`, { method, headers })
  request.end(body)
  const response = await new Promise<IncomingMessage>((resolve, reject) =>
    request.once('response', resolve).once('error', reject),
  )
  let text = ''
  for await (const chunk of response.setEncoding('utf8')) text += chunk
  return { status: response.statusCode ?? 0, text, headers: response.headers }
}

describe.skipIf(HERE.length === 0).for(HERE)('%s', (name) => {
  test('shows pages to whom the rules let them be shown, whatever the visitor says', async () => {
    const dir = tempDir()
    const root = join(dir, 'site')
    for (const folder of ['open', 'members', 'staff', 'hidden']) {
      mkdirSync(join(root, folder), { recursive: true })
      for (const file of ['index', 'x']) {
        writeFileSync(join(root, folder, `${file}.html`), `the ${folder} ${file}`)
      }
    }
    const ports = { files: await freePort(0), application: await freePort(0) }
    const site = `http://localhost:${ports.files}`
    const check: { by?: Awaited<ReturnType<typeof documentedCheck>> } = {}
    const arrived: IncomingMessage['headers'][] = []
    const origin = await startOrigin((request, response) => {
      const path = (request.url ?? '').split('?')[0] ?? ''
      const checked = check.by?.(field(request, 'guildhall-assertion'), request.method ?? '', path)
      arrived.push(request.headers)
      // Whoever closes on a body that is not read resets the connection, and the proxy answers 502.
      Promise.all([checked, once(request.resume(), 'end')]).then(
        ([told]) => response.end(`the application for a ${String(told?.kind)}`),
        (error) => response.writeHead(500).end(String(error)),
      )
    })
    const env = { PUBLIC_URL: site, PAGES_FORWARD_AUTH: name, PAGES_PROXY_SECRET: SECRET }
    const server = await startServer({ env })
    await startProxy(name, {
      ports,
      guildhall: server.url,
      site,
      origin: origin.url,
      secret: SECRET,
      root,
      dir,
    })
    check.by = await documentedCheck(site, site)
    const admin = await token(server.stateDir, 'root', '--role', 'admin')
    const asAdmin = async (path: string, json: object) => {
      const response = await fetch(`${site}${path}`, {
        method: 'POST',
        headers: { Authorization: `Bearer ${admin}`, 'Content-Type': 'application/json' },
        body: JSON.stringify(json),
      })
      if (!response.ok) throw new Error(`${path}: ${response.status} ${await response.text()}`)
    }
    for (const rule of [
      { path: '/open/*', access: 'anyone' },
      { path: '/members/*', access: 'members' },
      { path: '/staff/*', access: { may: 'audit:read' } },
      { path: '/hidden/*', access: 'members', onUnauthenticated: '404' },
    ]) {
      await asAdmin('/v1/page-rules', rule)
    }
    const Cookie = await signUp(
      { ...server, url: site },
      'ada@example.com',
      'violet kettle drums afternoon',
    )
    const get = (path: string, headers: Headers = {}, base = site) =>
      ask('GET', base, path, headers)

    // Files, a folder's index among them, which nginx asks about twice.
    expect(await get('/open/')).toMatchObject({ status: 200, text: 'the open index' })
    expect((await get('/members/x.html')).status).toBe(401)
    const sent = await get('/members/?a=b', PERSON)
    expect([sent.status, sent.headers.location]).toEqual([
      303,
      '/auth/sign-in?next=%2Fmembers%2F%3Fa%3Db',
    ])
    expect(sent.headers['www-authenticate']).toBe(undefined)
    expect((await get(sent.headers.location ?? '')).status).toBe(200)
    const members = await get('/members/', { ...PERSON, Cookie })
    expect(members).toMatchObject({ status: 200, text: 'the members index' })
    expect(members.headers['cache-control']).toContain('no-store')
    const part = await get('/members/x.html', { Cookie, Range: 'bytes=0-2' })
    expect(part).toMatchObject({ status: 206, text: 'the' })
    expect(
      (await get('/members/x.html', { Cookie, 'If-None-Match': part.headers.etag ?? '' })).status,
    ).toBe(304)
    expect((await get('/staff/', { ...PERSON, Cookie })).status).toBe(403)
    expect((await get('/hidden/', PERSON)).status).toBe(404)
    expect((await get('/absent', { ...PERSON, Cookie })).status).toBe(404)

    // What the visitor says of themselves opens nothing, and shuts nothing.
    expect((await get('/members/x.html?path=/open/', FORGED)).status).toBe(401)
    expect((await get('/members/', { ...FORGED, Cookie })).status).not.toBeGreaterThan(399)
    expect(
      (await get('/open/x.html?path=/members/', { 'X-Forwarded-Uri': '/members/' })).status,
    ).toBe(200)
    const raw = async (path: string) => {
      const socket = connect(ports.files, '127.0.0.1')
      socket.write(
        `GET ${path} HTTP/1.1\r\nHost: localhost:${ports.files}\r\nConnection: close\r\n\r\n`,
      )
      let text = ''
      socket.on('data', (chunk) => (text += chunk))
      await once(socket, 'close')
      return text
    }
    for (const path of [
      '//members/x.html',
      '/open/..//members/x.html',
      '/open/../members/x.html',
      '/open/%2e%2e/members/x.html',
      '/%6dembers/x.html',
      '/members%2fx.html',
      '/open%2f..%2fmembers/x.html',
      '/MEMBERS/x.html',
      '/open/..;/members/x.html',
      '/members/%78.html',
      '/open#/../../members/x.html',
      '/open/#/../../members/x.html',
    ]) {
      const answer = await raw(path)
      expect([path, answer.includes('the members')]).toEqual([path, false])
      expect([path, /^HTTP\/1.1 (401|400|403|404|308) /.test(answer)]).toEqual([path, true])
    }

    // Before an application, which checks the assertion.
    const app = `http://127.0.0.1:${ports.application}`
    expect(await get('/open/any?x', FORGED, app)).toMatchObject({
      text: 'the application for a anonymous',
    })
    expect(await get('/members/any', { ...FORGED, Cookie }, app)).toMatchObject({
      status: 200,
      text: 'the application for a member',
    })
    const isForged = (value: unknown) => /forged|\/open\/$|evil|192\.0\.2\.1/.test(String(value))
    const believed = arrived.flatMap((headers) =>
      Object.entries(headers).filter(([, value]) => isForged(value)),
    )
    expect(believed).toEqual([])
    expect(arrived.map(({ cookie }) => cookie)).toEqual([undefined, undefined])
    // What it may become is for the rule to say, and a tunnel is nothing that a rule can say.
    for (const protocol of ['h2c', 'anything', 'websocket, h2c', 'websocket']) {
      const upgrade = { Connection: 'Upgrade', Upgrade: protocol }
      expect([400, 403]).toContain((await get('/open/any', upgrade, app)).status)
    }
    expect(arrived).toHaveLength(2)
    const began = Date.now()
    const here = { Cookie, Origin: site, 'Sec-Fetch-Site': 'same-origin' }
    const body = 'x'.repeat(100_000)
    expect(await ask('POST', app, '/members/any', here, body)).toMatchObject({
      status: 200,
      text: 'the application for a member',
    })
    const there = { Cookie, Origin: 'https://evil.example', 'Sec-Fetch-Site': 'cross-site' }
    expect((await ask('POST', app, '/members/any', there, body)).status).toBe(401)
    expect(Date.now() - began).toBeLessThan(50_000)

    // A right that is lost closes the page with the next request.
    const { text: me } = await get('/v1/whoami', here)
    const { userId }: { userId: string } = JSON.parse(me)
    await asAdmin(`/v1/users/${userId}/suspend`, {})
    expect((await get('/members/', { ...PERSON, Cookie })).status).toBe(403)
  })
})
