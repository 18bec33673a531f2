import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { isJsonObject, parseStrictJson } from '../../src/security/tokens/strict-json.ts'

const parse = (text: string) => parseStrictJson(new TextEncoder().encode(text))

/** The value that was read, or only that there was none. */
function outcome(read: () => unknown): unknown {
  try {
    return { value: read() }
  } catch {
    return 'refused'
  }
}

describe('strict JSON', () => {
  it('reads every document without duplicate names as JSON.parse does, however it is laid out', () => {
    const document = fc.record({
      value: fc.jsonValue({ noUnicodeString: false }),
      indent: fc.constantFrom(undefined, 1, '\t', '\r\n'),
    })
    fc.assert(
      fc.property(document, ({ value, indent }) => {
        const text = JSON.stringify(value, null, indent).toWellFormed()
        expect(parse(text)).toEqual(JSON.parse(text))
      }),
      { numRuns: 1000 },
    )
  })

  it('refuses whatever JSON.parse refuses', () => {
    const almostJson = fc
      .tuple(
        fc.json(),
        fc.nat(),
        fc.constantFrom('', '"', '{', '}', ',', ':', '\\', '\u0000', '[', '1'),
      )
      .map(
        ([text, at, char]) =>
          text.slice(0, at % text.length) + char + text.slice((at % text.length) + 1),
      )
    fc.assert(
      fc.property(fc.oneof(almostJson, fc.string({ unit: 'grapheme' })), (text) => {
        fc.pre(outcome(() => JSON.parse(text)) === 'refused')
        expect(outcome(() => parse(text))).toBe('refused')
      }),
      { numRuns: 2000 },
    )
  })

  it('refuses an object that names a member twice, at any depth and in any spelling', () => {
    const name = fc.string({ unit: 'grapheme' })
    const depth = fc.array(fc.constantFrom('array', 'object'), { maxLength: 8 })
    fc.assert(
      fc.property(name, fc.jsonValue(), fc.boolean(), depth, (key, between, escaped, wrappers) => {
        const first = JSON.stringify(key)
        const second = escaped ? escapedString(key) : first
        const middle = `${JSON.stringify(`${key}!`)}:${JSON.stringify(between)}`
        const text = wrappers.reduce(
          (inner, wrapper) => (wrapper === 'array' ? `[0,${inner}]` : `{"a":{},"b":${inner}}`),
          `{${first}:1,${middle},${second}:2}`,
        )
        expect(outcome(() => JSON.parse(text))).not.toBe('refused')
        expect(outcome(() => parse(text))).toBe('refused')
      }),
    )
  })

  it.each([
    '{"a":{"a":{"a":1}}}',
    '[{"a":1},{"a":1}]',
    '{"a":"a","b":"a"}',
    '{"a":["a","a"],"b":{"a":1},"c":{"a":2}}',
    '{"a":"\\"a\\":1,\\"a\\":{"}',
    '{"__proto__":1,"constructor":2}',
  ])('accepts %s, where a name comes back in another place', (text) => {
    expect(parse(text)).toEqual(JSON.parse(text))
  })

  it.each([
    ['a byte order mark', [0xef, 0xbb, 0xbf, 0x7b, 0x7d]],
    ['a byte that is not UTF-8', [0x22, 0xff, 0x22]],
    ['an overlong sequence', [0x22, 0xc0, 0xa2, 0x22]],
    ['an encoded surrogate', [0x22, 0xed, 0xa0, 0x80, 0x22]],
    ['nothing', []],
  ])('refuses %s', (_, bytes) => {
    expect(outcome(() => parseStrictJson(Uint8Array.from(bytes)))).toBe('refused')
  })

  it('reads a large string and deep nesting without running out of stack', () => {
    expect(parse(JSON.stringify({ a: 'x\\"'.repeat(80_000) }))).toBeDefined()
    expect(outcome(() => parse(`${'{"a":'.repeat(2000)}1${'}'.repeat(2000)}`))).not.toBe('refused')
  })
})

describe('a JSON object', () => {
  it('is neither null nor a list nor a value, and may be empty', () => {
    expect([{}, { a: null }].map(isJsonObject)).toEqual([true, true])
    const others = [null, undefined, [], [{}], 'text', '', 1, 0, true, false]
    expect(others.filter(isJsonObject)).toEqual([])
  })
})

function escapedString(text: string): string {
  const units = Array.from({ length: text.length }, (_, i) => text.charCodeAt(i))
  return `"${units.map((unit) => String.raw`\u${unit.toString(16).padStart(4, '0')}`).join('')}"`
}
