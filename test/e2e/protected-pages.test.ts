/** The site in front of a real origin: from a link elsewhere to a refusal, and what passes over real connections. */
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { request as httpRequest } from 'node:http'
import { connect } from 'node:net'
import type { Duplex } from 'node:stream'
import { gzipSync } from 'node:zlib'
import { expect, test } from 'vitest'
import { eventually } from '../support/eventually.ts'
import { browserForFile } from './support/browser.ts'
import { signUp } from './support/login.ts'
import { documentedCheck, field, startOrigin } from './support/origin.ts'
import { type Server, startServer, token } from './support/site.ts'

const open = browserForFile()
const ADA = 'ada@example.com'
/** 1 GiB at full size. */
const BIG_MIB = process.env['FULL'] ? 1024 : 256
const PASSWORD = 'violet kettle drums afternoon'

/** An admin's way to the API. */
async function adminOf({ url, stateDir }: Server) {
  const root = await token(stateDir, 'root', '--role', 'admin')
  return async (method: string, path: string, json?: object) => {
    const response = await fetch(`${url}${path}`, {
      method,
      headers: { Authorization: `Bearer ${root}`, 'Content-Type': 'application/json' },
      ...(json && { body: JSON.stringify(json) }),
    })
    const text = await response.text()
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${text}`)
    return text === '' ? undefined : JSON.parse(text)
  }
}

test('a page for members: from a link elsewhere to the sign-in and back, and no further once suspended', async () => {
  let check: Awaited<ReturnType<typeof documentedCheck>> | undefined
  const claims: Record<string, unknown>[] = []
  const origin = await startOrigin((request, response) => {
    const path = (request.url ?? '').split('?')[0] ?? ''
    const assertion = field(request, 'guildhall-assertion')
    const show = async () => {
      claims.push({ ...(await check?.(assertion, request.method ?? '', path)), assertion })
      response.setHeader('Content-Type', 'text/html')
      response.end(`<link rel="icon" href="data:,"><h1>${path}</h1><a href="/members/y">Go on</a>`)
    }
    show().catch(() => response.writeHead(500).end('not asserted'))
  })
  const server = await startServer({ env: { PAGES_ORIGIN: origin.url } })
  const { url } = server
  check = await documentedCheck(url, origin.url)
  const elsewhere = await startOrigin((_, response) => {
    response.setHeader('Content-Type', 'text/html')
    response.end(
      `<link rel="icon" href="data:,"><a href="${url}/members/x?from=there">The members</a>`,
    )
  })
  const admin = await adminOf(server)
  const rule = await admin('POST', '/v1/page-rules', { path: '/members/*', access: 'members' })
  await signUp(server, ADA, PASSWORD)

  const { page, faults } = await open()
  await page.goto(elsewhere.url)
  await page.getByRole('link').click()
  await page.waitForURL(/\/auth\/sign-in\?next=/)
  expect(origin.asked).toEqual([])
  await page.getByLabel('Email', { exact: true }).fill(ADA)
  await page.getByLabel('Password', { exact: true }).fill(PASSWORD)
  await page.getByRole('button', { name: 'Sign in', exact: true }).click()
  await page.waitForURL(`${url}/members/x?from=there`)
  expect(await page.getByRole('heading').textContent()).toBe('/members/x')
  expect(claims).toMatchObject([
    { kind: 'member', rule: rule.id, path: '/members/x', method: 'GET' },
  ])

  // From a link elsewhere once more, now with a session.
  await page.goto(elsewhere.url)
  await page.getByRole('link').click()
  await page.waitForURL(`${url}/members/x?from=there`)
  expect(faults).toEqual([])

  const userId = String(claims[0]?.['sub'])
  await admin('POST', `/v1/users/${userId}/suspend`, {})
  await page.getByRole('link', { name: 'Go on' }).click()
  await page.waitForURL(`${url}/members/y`)
  expect(await page.getByRole('heading').textContent()).toBe('Not allowed')
  expect(await page.getByRole('alert').textContent()).toContain('suspended')
  expect(origin.asked).toEqual(['GET /members/x?from=there', 'GET /members/x?from=there'])
  // The page has its look, which its policy lets it have.
  expect(faults.filter((fault) => fault.includes('blocked'))).toEqual([])

  // One page's assertion is good for no other, and for no other method.
  const { assertion } = claims[0] ?? {}
  const again = check
  await expect(again(String(assertion), 'GET', '/members/x')).resolves.toBeDefined()
  await expect(again(String(assertion), 'GET', '/members/y')).rejects.toThrow('another page')
  await expect(again(String(assertion), 'POST', '/members/x')).rejects.toThrow('another page')
  await expect(again(`${String(assertion).slice(0, -4)}AAAA`, 'GET', '/members/x')).rejects.toThrow(
    'signature verification failed',
  )

  const { items } = await admin('GET', '/v1/audit?limit=100')
  const actions: string[] = items.map((item: { action: string }) => item.action)
  expect(actions).toEqual(expect.arrayContaining(['page-rule.create', 'user.suspend']))
  const about = items.filter((item: { action: string; target: string }) =>
    [rule.id, userId].includes(item.target),
  )
  expect(about.length).toBeGreaterThanOrEqual(2)
})

test('what passes over real connections, and what does not', async () => {
  const big = Buffer.alloc(1 << 20)
  const received: { bytes: number }[] = []
  const origin = await startOrigin((request, response) => {
    const { pathname } = new URL(request.url ?? '', 'http://origin')
    switch (pathname) {
      case '/big': {
        response.writeHead(200, { 'Content-Length': String(BIG_MIB * big.length) })
        let left = BIG_MIB
        const more = () => {
          while (left-- > 0) if (!response.write(big)) return
          response.end()
        }
        response.on('drain', more)
        more()
        return
      }
      case '/half':
        response.writeHead(200, { 'Content-Length': '100' })
        response.write('half a page')
        setImmediate(() => request.socket.destroy())
        return
      case '/zipped':
        response.writeHead(200, { 'Content-Encoding': 'gzip', 'Content-Type': 'text/plain' })
        response.end(gzipSync('hello '.repeat(100)))
        return
      case '/round':
        response.writeHead(302, { Location: `${origin.url}/round` }).end()
        return
      case '/part':
        response.writeHead(206, { 'Content-Range': 'bytes 0-1/9' }).end(field(request, 'range'))
        return
      case '/upload': {
        const upload = { bytes: 0 }
        received.push(upload)
        request.on('data', (chunk: Buffer) => (upload.bytes += chunk.length))
        request.on('end', () => response.end(String(upload.bytes)))
        return
      }
      default:
        response.end(JSON.stringify(request.rawHeaders))
    }
  })
  const upgraded: Duplex[] = []
  origin.server.on('upgrade', (request, socket) => {
    upgraded.push(socket)
    const guid = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11'
    const key = createHash('sha1').update(`${field(request, 'sec-websocket-key')}${guid}`)
    socket.write(
      `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n` +
        `Sec-WebSocket-Accept: ${key.digest('base64')}\r\n\r\n`,
    )
    socket.write(Buffer.concat([Buffer.from([0x81, 5]), Buffer.from('hello')]))
  })
  const env = { PAGES_ORIGIN: origin.url, PAGES_DEFAULT: 'open' }
  const server = await startServer({ env })
  const { url } = server
  const { port } = new URL(url)
  const admin = await adminOf(server)
  await admin('POST', '/v1/page-rules', { path: '/socket', access: 'anyone', webSocket: true })

  /** The first line of the answer to a request that is sent as it stands. */
  const raw = async (head: string) => {
    const socket = connect(Number(port), '127.0.0.1')
    socket.write(
      `${head.replaceAll('\n', '\r\n')}\r\nHost: localhost:${port}\r\nConnection: close\r\n\r\n`,
    )
    let text = ''
    socket.on('data', (chunk) => (text += chunk))
    await once(socket, 'close')
    return text.split('\r\n')[0]
  }
  for (const path of ['//x', '/a;b', '/a%2fb', '/a%5Cb', '/a%00', '/%252e', '/%zz']) {
    expect([path, await raw(`GET ${path} HTTP/1.1`)]).toEqual([path, 'HTTP/1.1 400 Bad Request'])
  }
  expect(await raw('TRACE /x HTTP/1.1')).toBe('HTTP/1.1 405 Method Not Allowed')
  expect(await raw('GET /x HTTP/1.1\nGuildhall-Hop: 1')).toBe('HTTP/1.1 503 Service Unavailable')
  expect(origin.asked).toEqual([])
  const withBody = httpRequest(`${url}/x`, { method: 'GET', headers: { 'Content-Length': '1' } })
  withBody.end('a')
  const [refused] = await once(withBody, 'response')
  expect(refused.statusCode).toBe(400)
  expect(origin.asked).toEqual([])

  const plain = await fetch(`${url}/%6d/~a?b=%2F`, { headers: { Cookie: 'a=1', X_User: 'me' } })
  const sent = (await plain.json()) as string[]
  expect(origin.asked).toEqual(['GET /m/~a?b=%2F'])
  const names = sent.filter((_, index) => index % 2 === 0).map((name) => name.toLowerCase())
  expect(
    names.filter((name) => /user|cf-connecting|^mf-|x_/.test(name) && name !== 'user-agent'),
  ).toEqual([])
  expect(names).toEqual(
    expect.arrayContaining(['guildhall-assertion', 'x-forwarded-host', 'cookie']),
  )
  expect(sent[names.indexOf('x-forwarded-host') * 2 + 1]).toBe(`localhost:${port}`)

  expect(await (await fetch(`${url}/zipped`)).text()).toBe('hello '.repeat(100))
  const part = await fetch(`${url}/part`, { headers: { Range: 'bytes=0-1' } })
  expect([part.status, part.headers.get('Content-Range')]).toEqual([206, 'bytes 0-1/9'])
  expect(await part.text()).toBe('bytes=0-1')
  const round = await fetch(`${url}/round`, { redirect: 'manual' })
  expect([round.status, round.headers.get('Location')]).toEqual([302, `${url}/round`])

  let bytes = 0
  const large = await fetch(`${url}/big`)
  for await (const chunk of large.body ?? []) bytes += chunk.byteLength
  expect(bytes).toBe(BIG_MIB * big.length)
  const half = await fetch(`${url}/half`)
  expect(half.status).toBe(200)
  await expect(half.text()).rejects.toThrow('terminated')

  // The origin has the first of it before the visitor has sent the last: nobody in between waits for all.
  const upload = httpRequest(`${url}/upload`, { method: 'POST' })
  const answered = once(upload, 'response')
  for (let sent = 0; sent < 50; sent++) if (!upload.write(big)) await once(upload, 'drain')
  await eventually(() => {
    if ((received[0]?.bytes ?? 0) < 10 * big.length) throw new Error('nothing has arrived')
  })
  for (let sent = 0; sent < 50; sent++) if (!upload.write(big)) await once(upload, 'drain')
  upload.end()
  const [stored] = await answered
  let text = ''
  for await (const chunk of stored) text += String(chunk)
  expect(text).toBe(String(100 * big.length))

  const message = (path: string) =>
    new Promise((resolve) => {
      const socket = new WebSocket(`ws://localhost:${port}${path}`)
      socket.addEventListener('message', ({ data }) => {
        socket.close()
        resolve(data)
      })
      socket.addEventListener('error', () => resolve('refused'))
    })
  expect([await message('/socket'), await message('/plain')]).toEqual(['hello', 'refused'])

  for (const socket of upgraded) socket.destroy()
  origin.server.closeAllConnections()
  await new Promise((resolve) => origin.server.close(resolve))
  const gone = await fetch(`${url}/x`)
  const { code, detail } = (await gone.json()) as { code: string; detail: string }
  expect([gone.status, code, detail]).toEqual([
    502,
    'origin_failed',
    'The origin of this page does not answer.',
  ])
})
