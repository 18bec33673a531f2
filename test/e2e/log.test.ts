/** The log of a site on this machine: a file of lines, and what people see of it. */
import { readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { stripVTControlCharacters } from 'node:util'
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import { siteLog } from '../../local/log.ts'
import { tempDir } from './support/site.ts'

const REQUEST = {
  time: '2026-11-30T09:14:02.000Z',
  level: 'info',
  event: 'request',
  requestId: '00000000-0000-4000-8000-000000000001',
  method: 'GET',
  route: '/v1/users/:userId',
  status: 403,
  code: 'forbidden',
  stage: 'permission',
  actor: 'member',
  actorId: 'usr_1',
  d1: 1,
  objects: 0,
  milliseconds: 3,
}

function seen() {
  const spies = [vi.spyOn(console, 'log'), vi.spyOn(console, 'error')] as const
  for (const spy of spies) {
    spy.mockReturnValue()
    onTestFinished(() => spy.mockRestore())
  }
  return () => spies.map((spy) => spy.mock.calls.flat().join('\n'))
}

describe('the log of a local site', () => {
  test('is a file of JSON lines, which begins anew before it is too large', () => {
    const dir = tempDir()
    seen()
    const line = JSON.stringify(REQUEST)
    const log = siteLog(dir, 10 * (line.length + 1))
    for (let nth = 0; nth < 25; nth++) log.print(line)
    const lines = (name: string) => readFileSync(join(dir, name), 'utf8').trimEnd().split('\n')
    expect(lines('log.jsonl')).toEqual(Array.from({ length: 5 }, () => line))
    expect(lines('log.1.jsonl')).toHaveLength(10)
    expect(statSync(join(dir, 'log.jsonl')).mode & 0o777).toBe(0o600)
    // A site that is started again goes on with it.
    siteLog(dir).print(line)
    expect(lines('log.jsonl')).toHaveLength(6)
  })

  test('is shown in words, to whoever has started a site, with all that goes wrong to everybody', () => {
    const log = siteLog(tempDir())
    const said = seen()
    log.print(JSON.stringify(REQUEST))
    expect(said()).toEqual(['', ''])
    log.showAll()
    log.print(JSON.stringify(REQUEST))
    const failure = { time: REQUEST.time, level: 'warn', event: 'usage postponed', keyId: 'key_1' }
    log.print(JSON.stringify(failure))
    const [out = '', errors] = said().map((text) => stripVTControlCharacters(text))
    expect(out).toBe(
      '09:14:02 GET /v1/users/:userId 403, forbidden at permission, member usr_1, ' +
        `1 D1, 0 objects, 3 ms, ${REQUEST.requestId}`,
    )
    expect(errors).toBe('09:14:02 usage postponed: keyId key_1')
  })

  test('of a site that is restored keeps the requests that fail, and shows all else that goes wrong', () => {
    const dir = tempDir()
    const said = seen()
    const log = siteLog(dir, undefined, true)
    const failed = JSON.stringify({ ...REQUEST, level: 'error', status: 503 })
    log.print(failed)
    expect(said()).toEqual(['', ''])
    expect(readFileSync(join(dir, 'log.jsonl'), 'utf8')).toBe(`${failed}\n`)
    log.print(JSON.stringify({ time: REQUEST.time, level: 'error', event: 'unexpected' }))
    expect(said()[1]).toContain('unexpected')
  })

  test('does not have the mail of the login in it, which is in a file of its own', () => {
    const dir = tempDir()
    const said = seen()
    siteLog(dir).print('mail to ada@example.com: Confirm your address\n\nhttps://secret')
    expect(said()[1]).toContain('https://secret')
    expect(readFileSync(join(dir, 'outbox.txt'), 'utf8')).toContain('https://secret')
    expect(() => readFileSync(join(dir, 'log.jsonl'))).toThrow('ENOENT')
  })
})
