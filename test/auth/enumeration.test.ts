import nodeCrypto from 'node:crypto'
import { env } from 'cloudflare:workers'
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import { type LoginSite, loginSite, type Page, PASSWORD } from '../support/login.ts'

const KNOWN = 'ada@example.com'
const UNKNOWN = 'bob@example.com'

interface Work {
  readonly status: number
  readonly text: string
  readonly statements: number
  readonly hashes: number
  readonly mails: number
}

/** A site whose work is counted and not timed: work that is not done cannot take time. */
async function countedSite() {
  const scrypt = vi.spyOn(nodeCrypto, 'scrypt')
  onTestFinished(() => scrypt.mockRestore())
  const counted = { statements: 0 }
  const site: LoginSite = loginSite({ DB: counting(env.DB, counted) })
  const work = async (act: () => Promise<Page>): Promise<Work> => {
    const before = { ...counted, hashes: scrypt.mock.calls.length, mails: site.outbox.length }
    const { status, text } = await act()
    return {
      status,
      text,
      statements: counted.statements - before.statements,
      hashes: scrypt.mock.calls.length - before.hashes,
      mails: site.outbox.length - before.mails,
    }
  }
  await site.account(KNOWN)
  return { site, work }
}

function counting<T extends object>(target: T, counted: { statements: number }): T {
  return new Proxy(target, {
    get(on, name) {
      const value: unknown = Reflect.get(on, name)
      if (typeof value !== 'function') return value
      return (...args: unknown[]) => {
        if (name === 'prepare') counted.statements += 1
        const made: unknown = value.apply(on, args)
        return name === 'withSession' ? counting(made as object, counted) : made
      }
    },
  })
}

describe('whether an address has an account is told to nobody but its owner', () => {
  test.each([
    ['sign-up', (email: string) => ({ name: 'Eve', email })],
    ['forgot', (email: string) => ({ email })],
    ['sign-in', (email: string) => ({ email, password: 'not the password of anybody' })],
  ] as const)('%s answers alike, and does as much', async (path, form) => {
    const { site, work } = await countedSite()
    const eve = site.browser('198.51.100.7')
    const [known, unknown] = [
      await work(() => eve.post(`/auth/${path}`, form(KNOWN))),
      await work(() => eve.post(`/auth/${path}`, form(UNKNOWN))),
    ]
    expect({ ...unknown, text: unknown.text.replaceAll(UNKNOWN, KNOWN) }).toEqual({
      ...known,
      text: known.text.replaceAll(UNKNOWN, KNOWN),
    })
    expect(known.statements).toBeGreaterThan(0)
    expect(known.hashes + known.mails).toBe(1)
  })

  test('a change of address says nothing about who has the new one', async () => {
    const { site, work } = await countedSite()
    const eve = await site.account('eve@example.com')
    const change = (email: string) => () => eve.post('/auth/email', { email, current: PASSWORD })
    const [known, unknown] = [await work(change(KNOWN)), await work(change(UNKNOWN))]
    expect(unknown).toEqual(known)
    expect(known).toMatchObject({ status: 200, mails: 1 })
  })

  test('the owner is told by mail', async () => {
    const { site } = await countedSite()
    await site.browser().post('/auth/sign-up', { name: 'Ada', email: KNOWN })
    await site.browser().post('/auth/forgot', { email: UNKNOWN })
    expect(site.outbox.slice(-2).map(({ to, subject }) => [to, subject])).toEqual([
      [KNOWN, 'You have an account already'],
      [UNKNOWN, 'There is no account for this address'],
    ])
  })
})
