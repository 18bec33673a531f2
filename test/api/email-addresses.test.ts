/** One rule for email addresses, wherever one is asked for. */
import { expect, test } from 'vitest'
import { parseSettings } from '../../src/settings/settings.ts'
import { bookingScene, CONTACT } from '../support/bookings.ts'
import { LOGIN_SETTINGS, loginSite, PASSWORD } from '../support/login.ts'

const OCTETS_254 = `${'a'.repeat(242)}@example.com`

const GOOD = [
  'ada@example.com',
  'ada+news@example.com',
  'a&b@firma.example',
  "o'neil/sales=eu!#$%*?^`{|}~@firma.example",
  '.ada..b.@example.com',
  'ada@localhost',
  'ada@a-b.c1.example',
  'user@xn--e1afmkfd.xn--p1ai',
  'user@пример.рф',
  'müller@firma.example',
  'δοκιμή@παράδειγμα.δοκιμή',
  '用户@例子.广告',
  `ada@${'a'.repeat(63)}.example`,
  OCTETS_254,
]

const BAD = [
  'ada',
  '@example.com',
  'ada@',
  'ada@@example.com',
  'ada@b@example.com',
  'a da@example.com',
  'ada@exa mple.com',
  'ada@example..com',
  'ada@.example.com',
  'ada@example.com.',
  'ada@-example.com',
  'ada@example-.com',
  'ada@exa_mple.com',
  'ada@[192.0.2.1]',
  '"ada"@example.com',
  'Ada <ada@example.com>',
  'ada@example.com, eve@example.com',
  'ada\u0085@example.com',
  'ada\u2028b@example.com',
  'müller@firma_.example',
  'ada@ü..example',
  `ada@${'ü'.repeat(70)}.example`,
  `ada@${'a'.repeat(64)}.example`,
  `a${OCTETS_254}`,
  `${'ü'.repeat(122)}@example.com`,
]

async function askedEverywhere(address: string) {
  const site = loginSite()
  const { slot } = await bookingScene(site)
  const slotId = await slot()
  const visitor = await site.visitor()
  const contact = { ...CONTACT, email: address }
  const booked = await visitor.post('/v1/bookings', { slotId, contact })
  const signedUp = await site.browser().post('/auth/sign-up', { name: 'Ada', email: address })
  const bob = await site.account('bob@example.org')
  const changed = await bob.post('/auth/email', { current: PASSWORD, email: address })
  const settings = { ...LOGIN_SETTINGS, MAIL_FROM: address }
  const from = () => parseSettings(settings).builtInLogin?.mailFrom
  return { booked, signedUp, changed, from, site }
}

test.each(GOOD)(
  '%s is one: as a contact, an account, a new address and a sender',
  async (address) => {
    const { booked, signedUp, changed, from, site } = await askedEverywhere(address)
    expect(booked.status, booked.text).toBe(201)
    expect(booked.body.contact.email).toBe(address)
    expect([signedUp.status, changed.status]).toEqual([200, 200])
    const mailed = site.outbox.filter(({ to }) => to === address).map(({ subject }) => subject)
    expect(mailed).toEqual([
      expect.stringMatching(/^Requested: /),
      'Confirm your address',
      'Confirm your new address',
    ])
    expect(from()).toBe(address)
  },
)

test.each(BAD)('%j is none, anywhere', async (address) => {
  const { booked, signedUp, changed, from } = await askedEverywhere(address)
  expect(booked).toMatchObject({ status: 422, body: { code: 'validation_failed' } })
  expect(booked.body.errors).toEqual([
    expect.objectContaining({ path: 'contact.email', message: 'expected an email address' }),
  ])
  expect([signedUp.status, changed.status]).toEqual([422, 422])
  expect(from).toThrow('MAIL_FROM: expected an email address')
})

test('an account is found by its address in any case and either Unicode form', async () => {
  const site = loginSite()
  await site.account('müller@firma.example')
  const decomposed = 'Müller@Firma.Example'.normalize('NFD')
  const { status } = await site
    .browser()
    .post('/auth/sign-in', { email: decomposed, password: PASSWORD })
  expect(status).toBe(303)
})
