import { describe, expect, test } from 'vitest'
import { whyNotCalled } from '../../src/security/outside-address.ts'

const DEPLOYED = { ownHosts: ['members.example', 'site.example'], isLocal: false }
const LOCAL = { ownHosts: ['localhost:8787'], isLocal: true }

test.each([
  'https://partner.example/hooks',
  'https://partner.example:8443/hooks?of=us',
  'https://BÜCHER.example/',
  'https://www.members.example/',
])('%s is called', (url) => {
  expect(whyNotCalled(url, DEPLOYED)).toBeUndefined()
})

describe('is not called:', () => {
  test.each([
    // No https, or more than an address.
    ...['http://partner.example/', 'ftp://partner.example/', 'partner.example', '', 'https://'],
    ...['https://user@partner.example/', 'https://:pw@partner.example/', 'https://p.example/#x'],
    `https://partner.example/${'x'.repeat(2048)}`,
    // An IP address in any spelling.
    ...['https://127.0.0.1/', 'https://8.8.8.8/', 'https://2130706433/', 'https://0x7f.1/'],
    ...['https://0177.0.0.1/', 'https://127.1/', 'https://１２７.0.0.1/', 'https://①②⑦.0.0.1/'],
    ...['https://127.0.0.1./', 'https://127%2e0%2e0%2e1/', 'https://[::1]/', 'https://[::]/'],
    ...['https://[::ffff:127.0.0.1]/', 'https://[fd00::1]/', 'https://[2606:4700::1]/'],
    // A name that leads nowhere from outside, or might.
    ...['https://localhost/', 'https://LOCALHOST/', 'https://localhost./', 'https://intranet/'],
    ...['https://a.local/', 'https://a.internal/', 'https://a.INTERNAL./', 'https://a.localhost/'],
    ...[
      'https://a.localdomain/',
      'https://router.home.arpa/',
      'https://partner.example./',
      'https://a%2einternal/',
    ],
    // The site itself.
    ...[
      'https://members.example/v1/bookings',
      'https://MEMBERS.example:8443/',
      'https://site.example',
    ],
  ])('%s', (url) => {
    expect(whyNotCalled(url, DEPLOYED)).toEqual(expect.stringContaining('expected'))
  })

  test('this machine, but from a site on it, which does not call itself', () => {
    for (const host of ['localhost:9', '127.0.0.1:9', '[::1]:9']) {
      expect(whyNotCalled(`http://${host}/`, LOCAL)).toBeUndefined()
      expect(whyNotCalled(`http://${host}/`, DEPLOYED)).toBeDefined()
    }
    for (const host of ['localhost:8787', '127.0.0.1:8787', '192.168.0.1', 'partner.example'])
      expect(whyNotCalled(`http://${host}/`, LOCAL)).toBeDefined()
  })
})
