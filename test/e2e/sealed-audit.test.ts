/** The archive of the local site is a folder whose files verify without the site. */
import { once } from 'node:events'
import {
  cpSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { createServer } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { askRemoval } from '../../local/audit-removal.ts'
import { sign } from '../../local/dev-issuer.ts'
import { Refusal } from '../../local/refusal.ts'
import { newId } from '../../src/db/ids.ts'
import { fileOf, type Guide } from '../../src/security/audit-chain.ts'
import { runScript, startServer, tempDir } from './support/site.ts'

test('files of the archive verify by themselves, and the first bad entry is named', async () => {
  const server = await startServer()
  const STATE_DIR = server.stateDir
  const verify = async (...args: string[]) => runScript('audit-verify', args, { STATE_DIR })
  const tick = async (hours: number) =>
    fetch(`${server.url}/cdn-cgi/local/scheduled?time=${Date.now() + hours * 3_600_000}`)
  await runScript('token', ['ada', '--role', 'moderator'], { STATE_DIR })
  await tick(2)
  await runScript('token', ['bob', '--role', 'moderator'], { STATE_DIR })
  await tick(4)
  const site = await verify()
  expect(site).toMatchObject({ code: 0, stdout: expect.stringContaining('in 2 stretches are as') })

  // Commands of the operator have the running site do it: two processes on its database lock each other out.
  const visiting = ['ada', 'bob', 'cy', 'dan', 'eve'].map(async (subject) => {
    const token = await sign(STATE_DIR, subject, {}, 600)
    const headers = { Authorization: `Bearer ${token}` }
    return (await fetch(`${server.url}/v1/me/visits`, { method: 'POST', headers })).status
  })
  const grown = await runScript('shards', ['--grow', '12'], { STATE_DIR })
  expect(grown).toMatchObject({ code: 0, stdout: expect.stringContaining('12 objects share') })
  expect(await Promise.all(visiting)).toEqual([201, 201, 201, 201, 201])
  const unknown = `aud_${'0'.repeat(26)}`
  expect(await runScript('audit-remove', [unknown], { STATE_DIR })).toMatchObject({
    code: 1,
    stderr: expect.stringContaining(`the log has no entry ${unknown}`),
  })
  await server.stop()

  const archive = join(STATE_DIR, 'archive')
  const names = readdirSync(archive).toSorted()
  expect(names).toHaveLength(2)
  expect(await verify(archive)).toMatchObject({ code: 0, stderr: '' })
  const copy = join(STATE_DIR, 'copy')
  const [first = '', second = ''] = names.map((name) => join(copy, name))
  const tampered = async (change: () => void) => {
    rmSync(copy, { recursive: true, force: true })
    cpSync(archive, copy, { recursive: true })
    change()
    return verify(copy)
  }
  const edit = (file: string, change: (text: string) => string) =>
    writeFileSync(file, change(readFileSync(file, 'utf8')))
  const lines = readFileSync(join(archive, names[1] ?? ''), 'utf8').split('\n')
  const { id }: { id: string } = JSON.parse(lines[2] ?? '')
  for (const [said, change] of [
    [
      `stretch 2: changed, entry ${id}`,
      (text: string) => text.replace(`${id}","at":"2`, `${id}","at":"3`),
    ],
    [`stretch 2: missing, entry ${id}`, (text: string) => text.replace(`${lines[2]}\n`, '')],
    ['cut', (text: string) => text.slice(0, -9)],
    ['is no file', (text: string) => text.replace(',"action":', ',"action":"other","action":')],
    ['is no file', (text: string) => text.replace('{"id":', '{"note":"forged","id":')],
    ['signature', (text: string) => text.replace('"signed":"eyJ', '"signed":"eyK')],
  ] as const)
    expect(await tampered(() => edit(second, change)), said).toMatchObject({
      code: 1,
      stderr: expect.stringContaining(said),
    })
  expect((await tampered(() => rmSync(first))).stdout).toContain('before stretch 2 is not there')
  const copied = await tampered(() => cpSync(second, join(copy, 'more', names[1] ?? '')))
  expect(copied).toMatchObject({ code: 0, stdout: expect.stringContaining('in 2 stretches are') })
  expect(copied.stdout).toContain('is a copy')
  const swapped = await tampered(() => {
    const text = readFileSync(first, 'utf8')
    cpSync(second, first)
    writeFileSync(second, text)
  })
  expect(swapped).toMatchObject({ code: 1, stderr: expect.stringContaining("another one's") })
  expect(swapped.stdout).not.toContain('nothing is sealed yet')
})

test('a place on the network that is no site is named in a line', async () => {
  const other = createServer((_, response) => void response.end('<p>hello')).listen(0, '127.0.0.1')
  await once(other, 'listening')
  const address = other.address()
  const port = typeof address === 'object' ? address?.port : undefined
  const verify = async (site: string) =>
    runScript('audit-verify', ['--site', site], { TOKEN: 'some token' })
  const elsewhere = await verify(`http://127.0.0.1:${port}`)
  other.close()
  const gone = await verify(`http://127.0.0.1:${port}`)
  const [first = ''] = elsewhere.stderr.split('\n')
  expect(first).toContain('is no site of Guildhall')
  expect(elsewhere).toMatchObject({ code: 1, stderr: `${first}\n` })
  expect(gone.code).toBe(1)
  expect(gone.stderr).toMatch(/^Not verified: http:\S+ does not answer: .*\n$/)
  expect(await verify('members')).toMatchObject({
    code: 2,
    stderr: expect.stringContaining('--site members: expected an address'),
  })
})

test('what is to be removed of an entry is asked for only where the job can do it', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'guildhall-removal-'))
  const id = newId('aud', 0)
  const entry = { id, at: '', actor: '', onBehalfOf: null, action: '', target: '', reason: 'x' }
  const sealed = { ...entry, requestId: null, changes: '{}', removed: null }
  const guide: Guide = [[id, 'salt', 'digest']]
  const file = fileOf({ signed: '', guide, entries: [sealed] })
  const asked: unknown[] = []
  const remove = async (place: object, archive: Readonly<Record<string, string>> = {}) =>
    askRemoval(
      id,
      {
        query: async () => [{ isHere: 0, isDone: 0, number: null, file: null, ...place }],
        write: async (groups) => void asked.push(groups),
        archive: {
          async get(key, to) {
            const text = archive[key]
            if (text === undefined) throw new Refusal('the bucket has no such file')
            writeFileSync(to, text)
          },
        },
      },
      folder,
    )
  const cleared = { number: 3, file: 'audit/3.jsonl' }
  await expect(remove({})).rejects.toThrow(`the log has no entry ${id}`)
  await expect(remove(cleared)).rejects.toThrow('whose file audit/3.jsonl cannot be read')
  await expect(remove(cleared, { 'audit/3.jsonl': 'cut' })).rejects.toThrow('cannot be read')
  const without = fileOf({ signed: '', guide, entries: [] })
  await expect(remove(cleared, { 'audit/3.jsonl': without })).rejects.toThrow('cannot be read')
  const other = file.replaceAll(id, newId('aud', 1))
  await expect(remove(cleared, { 'audit/3.jsonl': other })).rejects.toThrow('no entry')
  expect(await remove({ isDone: 1 })).toContain('removed already')
  const done = { ...cleared, isDone: 1 }
  const after = fileOf({ signed: '', guide, entries: [{ ...sealed, reason: null, removed: 'x' }] })
  expect(await remove(done, { 'audit/3.jsonl': after })).toContain('removed already')
  expect(asked).toEqual([])
  // One from before it was removed has been put back.
  expect(await remove(done, { 'audit/3.jsonl': file })).toContain('from audit/3.jsonl')
  expect(await remove(cleared, { 'audit/3.jsonl': file })).toContain('from audit/3.jsonl')
  expect(await remove({ ...cleared, isHere: 1 })).toContain('once the entry is sealed')
  expect(asked).toHaveLength(3)
  rmSync(folder, { recursive: true })
})

test('a place without a site has no log that could be in order, and stays as it is', async () => {
  const nowhere = join(tempDir(), 'site')
  const { code, stdout, stderr } = await runScript('audit-verify', [], { STATE_DIR: nowhere })
  expect({ code, stdout }).toEqual({ code: 1, stdout: '' })
  expect(stderr).toContain(`${nowhere} has no site`)
  expect(existsSync(nowhere)).toBe(false)
})
