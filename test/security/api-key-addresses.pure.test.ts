import { expect, test } from 'vitest'
import { isInRanges, isIpRange, networkOf } from '../../src/security/limits/ip-ranges.ts'

test('a range is an address, or an address and a prefix length that fits it', () => {
  const RANGES = [
    '192.0.2.7',
    '192.0.2.0/24',
    '0.0.0.0/0',
    '255.255.255.255/32',
    '10.0.0.1/8',
    '::',
    '::/0',
    '2001:db8::/32',
    '2001:DB8::1/128',
    '1:2:3:4:5:6:7:8',
    '::192.0.2.1',
    '::ffff:192.0.2.7',
    '::ffff:192.0.2.0/120',
    '::ffff:c000:200/120',
    '::ffff:0:0/96',
  ]
  const OTHERS = [
    '',
    ' ',
    '/',
    '/8',
    'localhost',
    '192.0.2',
    '192.0.2.1.1',
    '192.0.2.256',
    '192.0.02.1',
    '0x7f.0.0.1',
    '3232235777',
    '192.0.2.1/',
    '192.0.2.1/33',
    '192.0.2.1/-1',
    '192.0.2.1/+8',
    '192.0.2.1/8/8',
    '192.0.2.1/ 8',
    ' 192.0.2.1',
    '192.0.2.1\n',
    '192.0.2.0/255.255.255.0',
    ':',
    ':::',
    '1::2::3',
    '12345::',
    'g::',
    '1:2:3:4:5:6:7:8:9',
    '1:2:3:4:5:6:7',
    '::1/129',
    'fe80::1%eth0',
    '[::1]',
    '::ffff:192.0.2.256',
    '::ffff:192.0.2.0/95',
    '::ffff:1.2.3.4/24',
    '١٩٢.0.2.1',
    '192.0.2.1/1e1',
  ]
  expect([...RANGES, ...OTHERS].filter(isIpRange)).toEqual(RANGES)
})

test('an address is in a range exactly if the first bits are the same', () => {
  const CASES: readonly (readonly [address: string, range: string, isIn: boolean])[] = [
    ['192.0.2.7', '192.0.2.7', true],
    ['192.0.2.8', '192.0.2.7', false],
    ['192.0.2.255', '192.0.2.0/24', true],
    ['192.0.3.0', '192.0.2.0/24', false],
    ['192.0.2.127', '192.0.2.0/25', true],
    ['192.0.2.128', '192.0.2.0/25', false],
    ['192.0.2.200', '192.0.2.7/24', true],
    ['8.8.8.8', '0.0.0.0/0', true],
    ['2001:db8::1', '2001:db8::/32', true],
    ['2001:db9::1', '2001:db8::/32', false],
    ['2001:0DB8:0:0:0:0:0:1', '2001:db8::1', true],
    ['2001:db8:0:7fff::', '2001:db8::/49', true],
    ['2001:db8:0:8000::', '2001:db8::/49', false],
    ['2001:db8:0:0:8000::', '2001:db8::/64', true],
    ['2001:db8:0:1::', '2001:db8::/64', false],
    // An IPv4 address that is written as IPv6 is IPv4, on either side.
    ['::ffff:192.0.2.7', '192.0.2.0/24', true],
    ['::ffff:c000:207', '192.0.2.7', true],
    ['192.0.2.7', '::ffff:192.0.2.0/120', true],
    ['192.0.3.7', '::ffff:192.0.2.0/120', false],
    ['192.0.2.7', '::/0', false],
    ['::', '0.0.0.0/0', false],
    ['::c000:207', '192.0.2.7', false],
  ]
  const found = CASES.map(([address, range]) => isInRanges(address, ['198.51.100.1', range]))
  expect(CASES.map(([address, range], index) => [address, range, found[index]])).toEqual(CASES)
})

test('no address, or what is none, is in no range', () => {
  for (const address of [undefined, '', 'unknown', '192.0.2', '1.2.3.4, 192.0.2.7']) {
    expect(isInRanges(address, ['0.0.0.0/0', '::/0'])).toBe(false)
  }
  expect(isInRanges('192.0.2.7', [])).toBe(false)
})

test('the network of an address is all of IPv4 and the first half of IPv6', () => {
  expect(networkOf('192.0.2.7')).not.toBe(networkOf('192.0.2.8'))
  expect(networkOf('::ffff:192.0.2.7')).toBe(networkOf('192.0.2.7'))
  expect(networkOf('2001:db8::1')).toBe(networkOf('2001:db8:0:0:ffff::2'))
  expect(networkOf('2001:db8::1')).not.toBe(networkOf('2001:db8:0:1::1'))
  expect(networkOf('::7')).not.toBe(networkOf('0.0.0.7'))
  expect(networkOf('unknown')).toBe('unknown')
})
