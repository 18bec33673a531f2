import { describe, expect, it } from 'vitest'
import { testSite } from '../support/site.ts'

async function found(names: readonly string[], q: string): Promise<string[]> {
  const site = testSite()
  const root = await site.root()
  for (const name of names) await site.member(name, { name })
  const { status, body } = await root.get(`/v1/users?q=${encodeURIComponent(q)}`)
  expect(status).toBe(200)
  return body.items.map(({ displayName }: { displayName: string }) => displayName)
}

describe('GET /v1/users?q=', () => {
  it.each<[string, string[], string[]]>([
    ['ada', ['Ada', 'ADAM', 'adalbert', 'Bada', 'Åda'], ['Ada', 'adalbert', 'ADAM']],
    ['ÅSA', ['åsa', 'Åsa Ö', 'Asa'], ['åsa', 'Åsa Ö']],
    ['A\u030asa', ['Åsa'], ['Åsa']],
    ['йО', ['Йозеф', 'йод', 'Иосиф'], ['йод', 'Йозеф']],
    ['İ', ['İpek', 'Ipek'], ['İpek']],
    ['😀', ['😀 Ada', '😁 Ada'], ['😀 Ada']],
    ['%', ['%a', 'Ada'], ['%a']],
    ['_', ['_a', 'Ada'], ['_a']],
    ['*', ['*a', 'Ada'], ['*a']],
    ['\\', ['\\a', 'Ada'], ['\\a']],
    ["'", ["'a", 'Ada'], ["'a"]],
    ['a b', ['a b c', 'ab'], ['a b c']],
    ['zzz', ['Ada'], []],
  ])(
    '%s finds names that start so, in any case, and takes no character for another',
    async (q, names, expected) => {
      expect(await found(names, q)).toEqual(expected)
    },
  )

  it('takes 80 characters of up to 4 bytes, which no LIKE in D1 would', async () => {
    const long = '😀'.repeat(80)
    expect(await found([long, '😀'], long)).toEqual([long])
  })

  it.each(['', 'x'.repeat(81), '%00', '%0B', '%7F', 'a&q=b'])('%s is refused', async (q) => {
    const root = await testSite().root()
    const { status, body } = await root.get(`/v1/users?q=${q}`)
    expect([status, body.errors[0]]).toMatchObject([422, { in: 'query', path: 'q' }])
  })
})
