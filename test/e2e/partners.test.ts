/** The examples of docs/partners.md run against a site as a partner would run them. */
import { execFile, spawn } from 'node:child_process'
import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { freePort } from '../../local/ports.ts'
import { EVENT_TYPES } from '../../src/db/actions.ts'
import { API_KEY_PATTERN } from '../../src/security/callers/api-key.ts'
import { PROBLEMS } from '../../src/problem.ts'
import { eventually } from '../support/eventually.ts'
import { consumerForFile, ROOT } from './support/consumer.ts'
import { localSite } from './support/local-site.ts'

const site = localSite()
const consumer = consumerForFile()
const PAGE = readFileSync(join(ROOT, 'docs/partners.md'), 'utf8')

/** The examples in a language, in order of the page. */
function examples(language: string): string[] {
  const blocks = PAGE.matchAll(new RegExp(`^\`\`\`${language}\\n(.*?)^\`\`\`$`, 'gms'))
  return Array.from(blocks, ([, code = '']) => code)
}

interface Run {
  readonly command: string
  readonly args: readonly string[]
  readonly env: Readonly<Record<string, string>>
}

/**
 * Runs a program.
 * @returns what it prints
 * @throws Error with what it says if it fails, or if there is no such program
 */
async function printed({ command, args, env }: Run): Promise<string> {
  const { stdout } = await promisify(execFile)(command, args, {
    cwd: consumer.folder,
    env: { ...process.env, SITE: site.url, ...env },
  })
  return stdout
}

interface Made {
  readonly id: string
}

/** Things that the page takes for granted: a member, and slots of a service with free places. */
async function scene() {
  const { userId } = await whoami(await site.token('ada'))
  const service = await site.admin<Made>('POST', '/v1/services', { name: 'Haircut' })
  const slot = await site.admin<Made>('POST', `/v1/services/${service.id}/slots`, {
    startsAt: '2040-01-01T10:00:00Z',
    endsAt: '2040-01-01T11:00:00Z',
    capacity: 9,
  })
  const key = await site.admin<Made & { secret: string }>('POST', '/v1/api-keys', {
    name: 'Page',
    scopes: ['profile:read', 'profile:list', 'profile:update', 'booking:create'],
  })
  return { MEMBER: userId, SLOT: slot.id, GUILDHALL_KEY: key.secret, KEY_ID: key.id }
}

async function whoami(token: string): Promise<{ userId: string }> {
  const headers = { Authorization: `Bearer ${token}` }
  return (await (await fetch(`${site.url}/v1/whoami`, { headers })).json()) as { userId: string }
}

const bioOf = async (userId: string) =>
  (await site.admin<{ bio: string | null }>('GET', `/v1/users/${userId}`)).bio

describe('the page for partners', () => {
  let world: Awaited<ReturnType<typeof scene>>
  beforeAll(async () => {
    world = await scene()
    mkdirSync(join(consumer.folder, 'shell'))
  })

  test('in a shell: a key, the first calls, one booking from two tries, guests, a rotation and ranges', async () => {
    const [, ...rest] = examples('sh')
    expect(rest).toHaveLength(6)
    const script = `set -euo pipefail; cd shell\n${rest.join('\n')}`
    const env = { ...world, ADMIN_TOKEN: await site.token() }
    const lines = await printed({ command: 'bash', args: ['-c', script], env })
    const bodies = lines
      .replaceAll('}{', '}\n{')
      .split('\n')
      .map((line) => JSON.parse(line))
    const [who, users, first, again, forAda, forBen, old, renewed, ranges] = bodies
    expect(who).toMatchObject({ kind: 'partner', credential: { type: 'api-key' } })
    expect(users.items.map(({ id }: Made) => id)).toContain(world.MEMBER)
    expect(first).toMatchObject({ slotId: world.SLOT, status: 'pending' })
    expect(again).toEqual(first)
    const guests = [forAda, forBen].map((made: { contact: unknown }) => made.contact)
    expect(guests).toMatchObject([{ email: 'ada@example.com' }, { email: 'ben@example.com' }])
    expect([old.keyId, renewed.keyId, ranges.id]).toEqual([who.keyId, who.keyId, who.keyId])
    expect(ranges.allowedIps).toEqual(['192.0.2.0/24', '2001:db8::/32'])
  })

  test('in TypeScript: a list, a change, and a refusal that names what is missing', async () => {
    const [example = ''] = examples('ts')
    const types = { types: ['node'], typeRoots: [join(ROOT, 'node_modules/@types')] }
    expect(consumer.compiled(example, { ...types, skipLibCheck: true })).toBe('')
    const told = await printed({ command: process.execPath, args: ['main.ts'], env: world })
    expect(told).toContain(world.MEMBER)
    expect(told).toContain('this key lacks audit:read')
    expect(await bioOf(world.MEMBER)).toBe('Changed by a partner')
  })

  test('in Python, which has to be there as python3', async () => {
    const [example = ''] = examples('py')
    writeFileSync(join(consumer.folder, 'main.py'), example)
    const told = await printed({ command: 'python3', args: ['main.py'], env: world })
    expect(told).toContain(world.MEMBER)
    expect(told.trim().split('\n').slice(-2)).toEqual(['pending', 'forbidden audit:read'])
    expect(await bioOf(world.MEMBER)).toBe('Changed in Python')
  })

  test('as a receiver of webhooks, which takes what is signed and nothing else', async () => {
    const [example = ''] = examples('js')
    writeFileSync(join(consumer.folder, 'receiver.js'), example)
    const library = 'node_modules/standardwebhooks'
    symlinkSync(join(ROOT, library), join(consumer.folder, library))
    const port = await freePort(0)
    const url = `http://127.0.0.1:${port}/hooks`
    const body = { url, types: ['badge.create'] }
    const hook = await site.admin<Made & { secret: string }>('POST', '/v1/webhooks', body)
    const env = { ...process.env, WEBHOOK_SECRET: hook.secret, PORT: String(port) }
    const receiver = spawn(process.execPath, ['receiver.js'], { cwd: consumer.folder, env })
    onTestFinished(() => void receiver.kill())
    let told = ''
    receiver.stdout.on('data', (chunk) => (told += String(chunk)))
    await eventually(async () => {
      const headers = {
        'webhook-id': 'evt_1',
        'webhook-timestamp': '1',
        'webhook-signature': 'v1,x',
      }
      const { status } = await fetch(url, { method: 'POST', headers, body: '{}' })
      expect(status).toBe(400)
    })
    const badge = await site.admin<Made>('POST', '/v1/badges', { title: 'Told' })
    await eventually(() => expect(told).toBe(`badge.create ${badge.id}\n`))
  })

  test('names every type of event', () => {
    for (const type of EVENT_TYPES) expect(PAGE).toContain(`\`${type}\``)
  })

  test('has the pattern of keys as it is, and names no code that there is not', () => {
    expect(PAGE).toContain(API_KEY_PATTERN.source.replaceAll(/^\^|\$$/g, ''))
    const named = Array.from(PAGE.matchAll(/\d{3} `(\w+)`/g), ([, code]) => code)
    expect(named.length).toBeGreaterThan(2)
    expect(named.filter((code) => !Object.hasOwn(PROBLEMS, code ?? ''))).toEqual([])
  })
})
