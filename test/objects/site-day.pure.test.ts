import { describe, expect, it } from 'vitest'
import { dayNumber, dayText, siteDay } from '../../src/calendar/site-day.ts'

describe('the day of an instant', () => {
  it.each([
    ['UTC', '2026-12-31T23:59:59.999Z', '2026-12-31'],
    ['UTC', '2027-01-01T00:00:00.000Z', '2027-01-01'],
    ['Europe/Berlin', '2026-03-28T22:59:59.999Z', '2026-03-28'],
    ['Europe/Berlin', '2026-03-28T23:00:00.000Z', '2026-03-29'],
    ['Europe/Berlin', '2026-03-29T21:59:59.999Z', '2026-03-29'],
    ['Europe/Berlin', '2026-03-29T22:00:00.000Z', '2026-03-30'],
    ['Europe/Berlin', '2026-10-25T22:59:59.999Z', '2026-10-25'],
    ['Europe/Berlin', '2026-10-25T23:00:00.000Z', '2026-10-26'],
    ['America/Sao_Paulo', '2018-11-04T02:59:59.999Z', '2018-11-03'],
    ['America/Sao_Paulo', '2018-11-04T03:00:00.000Z', '2018-11-04'],
    ['America/Sao_Paulo', '2019-02-17T02:30:00.000Z', '2019-02-16'],
    ['America/Sao_Paulo', '2019-02-17T03:00:00.000Z', '2019-02-17'],
    ['Pacific/Apia', '2011-12-30T09:59:59.999Z', '2011-12-29'],
    ['Pacific/Apia', '2011-12-30T10:00:00.000Z', '2011-12-31'],
    ['Asia/Kathmandu', '2026-06-01T18:14:59.999Z', '2026-06-01'],
    ['Asia/Kathmandu', '2026-06-01T18:15:00.000Z', '2026-06-02'],
  ])('in %s %s falls on %s', (zone, instant, day) => {
    expect(siteDay(Date.parse(instant), zone)).toBe(day)
  })

  it('is refused for a zone that does not exist', () => {
    expect(() => siteDay(0, 'Europe/Atlantis')).toThrow(RangeError)
  })
})

describe('day numbers', () => {
  it('count days since 1970-01-01, through leap days and before it', () => {
    expect(dayNumber('1970-01-01')).toBe(0)
    expect(dayNumber('1969-12-31')).toBe(-1)
    expect(dayNumber('2000-03-01') - dayNumber('2000-02-28')).toBe(2)
    expect(dayNumber('1900-03-01') - dayNumber('1900-02-28')).toBe(1)
  })

  it('turn back into the same day', () => {
    for (let number = -40_000; number < 40_000; number += 37) {
      expect(dayNumber(dayText(number))).toBe(number)
    }
  })

  it.each([
    '2026-02-30',
    '2026-13-01',
    '2026-1-1',
    '2026-01-01T00:00:00Z',
    '20260101',
    '',
    'today',
  ])('refuse %j, which is not a day', (text) => {
    expect(() => dayNumber(text)).toThrow(RangeError)
  })
})
