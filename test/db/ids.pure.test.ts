import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { firstIdAt, ID_PREFIXES, isId, newId } from '../../src/db/ids.ts'

/** Milliseconds from 1970 to 9999, which can be written as RFC 3339. */
const time = fc.integer({ min: 0, max: 253_402_300_799_999 })
const prefix = fc.constantFrom(...ID_PREFIXES)

/** The 128 bits of an id, read by the alphabet of Crockford's base32. */
function bitsOf(id: string): bigint {
  const alphabet = '0123456789abcdefghjkmnpqrstvwxyz'
  return Array.from(id.slice(4)).reduce(
    (sum, character) => (sum << 5n) | BigInt(alphabet.indexOf(character)),
    0n,
  )
}

describe('newId', () => {
  it('is a UUIDv7 behind the prefix of its kind (RFC 9562, section 5.7)', () => {
    fc.assert(
      fc.property(prefix, time, (kind, now) => {
        const id = newId(kind, now)
        expect(id).toMatch(new RegExp(`^${kind}_[0-7][0-9a-hjkmnp-tv-z]{25}$`))
        const bits = bitsOf(id)
        expect((bits >> 76n) & 15n).toBe(7n)
        expect((bits >> 62n) & 3n).toBe(2n)
        expect(isId(kind, id)).toBe(true)
      }),
    )
  })

  it('carries the time it was made at', () => {
    // Ids do not follow a clock that goes back a little, so the test goes far away and on in leaps.
    newId('usr', 250_000_000_000_000)
    for (let now = 0; now < 253_402_300_799_999; now += 7_777_777_777_777) {
      expect(bitsOf(newId('usr', now)) >> 80n).toBe(BigInt(now))
    }
  })

  it('sorts as text by the time, and by the order made within a millisecond', () => {
    const steps = fc.array(fc.integer({ min: 0, max: 3 }), { minLength: 2, maxLength: 200 })
    fc.assert(
      fc.property(time, steps, (start, pauses) => {
        let now = start
        const made = pauses.map((pause) => newId('aud', (now += pause)))
        expect(made.toSorted()).toEqual(made)
        expect(new Set(made).size).toBe(made.length)
      }),
    )
  })

  it('goes on in order when the clock goes back a little', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 20_000, max: 253_402_300_000_000 }),
        fc.integer({ min: 0, max: 9_999 }),
        (now, back) => {
          // The generator is the isolate's: a leap back makes it forget what it made before.
          newId('aud', now + 60_000)
          const before = newId('aud', now)
          expect(newId('aud', now - back) > before).toBe(true)
        },
      ),
    )
  })
})

describe('firstIdAt', () => {
  it('is not after any id of its time, and after every id of earlier times', () => {
    fc.assert(
      fc.property(time, fc.integer({ min: 10_000, max: 1_000_000_000 }), (now, gap) => {
        const id = newId('aud', now)
        const madeAt = Number(bitsOf(id) >> 80n)
        expect(firstIdAt('aud', madeAt) <= id).toBe(true)
        expect(firstIdAt('aud', madeAt + 1) > id).toBe(true)
        expect(firstIdAt('aud', now + gap) > firstIdAt('aud', now)).toBe(true)
      }),
    )
  })

  it('is the first of all for a time before there were computers', () => {
    expect(firstIdAt('aud', -1)).toBe('aud_00000000000000000000000000')
    expect(firstIdAt('aud', Date.parse('0001-01-01T00:00:00Z'))).toBe(firstIdAt('aud', 0))
  })
})

describe('isId', () => {
  it('refuses everything that is one character away', () => {
    fc.assert(
      fc.property(
        prefix,
        time,
        fc.nat(29),
        fc.string({ unit: 'grapheme', minLength: 0, maxLength: 2 }),
        (kind, now, at, change) => {
          const id = newId(kind, now)
          const changed = id.slice(0, at) + change + id.slice(at + 1)
          const isStillOne = new RegExp(`^${kind}_[0-7][0-9abcdefghjkmnpqrstvwxyz]{25}$`)
          expect(isId(kind, changed)).toBe(isStillOne.test(changed) && changed.length === 30)
        },
      ),
    )
  })

  it('refuses an id of every other kind, in capitals, with anything around it, or of more than 128 bits', () => {
    for (const kind of ID_PREFIXES) {
      const id = newId(kind, Date.now())
      for (const other of ID_PREFIXES.filter((each) => each !== kind)) {
        expect(isId(other, id)).toBe(false)
      }
      const padded = [`${id}\n`, ` ${id}`, `${id}0`, id.replace('_', '_0'), id.replace('_', '_\n')]
      for (const wrong of [id.toUpperCase(), ...padded, `${kind}_8${'0'.repeat(25)}`]) {
        expect([wrong, isId(kind, wrong)]).toEqual([wrong, false])
      }
    }
  })

  it('accepts no text by chance', () => {
    fc.assert(
      fc.property(prefix, fc.string(), (kind, text) => {
        expect(isId(kind, text)).toBe(false)
      }),
    )
  })
})
