/** Security events (RFC 8417) as they are pushed (RFC 8935), and their subjects (RFC 9493), from outside. */
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { rowsOf } from '../support/population.ts'
import { ISSUER } from '../support/site.ts'
import {
  EVENTS,
  eventToken,
  logoutToken,
  RECEIVER,
  seconds,
  securityEvent,
  tellingSite,
  TELLS,
} from '../support/signals.ts'
import { makeIssuer } from '../support/tokens.ts'

interface Stored {
  readonly kind: string
  readonly action: string
}
const stored = () => rowsOf<Stored>('select kind, action from signals order by received_at, kind')

beforeEach(() => {
  vi.spyOn(console, 'warn').mockReturnValue()
})
afterEach(() => {
  vi.restoreAllMocks()
})

const now = seconds()
const ADA = { format: 'iss_sub', iss: ISSUER.issuer, sub: 'ada' }
const about = (sub_id: unknown) =>
  eventToken({ events: { [EVENTS['session-revoked']]: {} }, sub_id })
const withEvent = (event: unknown, claims = {}) =>
  eventToken({ events: { [EVENTS['session-revoked']]: event }, ...claims })

test('an event is taken: 202, without a body', async () => {
  const { status, text, headers } = await tellingSite().tell('session-revoked', 'ada')
  expect([status, text]).toEqual([202, ''])
  expect(headers.get('Cache-Control')).toContain('no-store')
  expect(await stored()).toEqual([{ kind: 'session-revoked', action: 'end-sessions' }])
})

describe('an event is taken', () => {
  const SUBJECTS: Readonly<Record<string, () => Promise<string>>> = {
    'of the token': () => about(ADA),
    'of the token, with more than it takes': () => about({ ...ADA, more: 1 }),
    'of the token, the user of a complex one': () =>
      about({ format: 'complex', user: ADA, session: { format: 'opaque', id: 'x' } }),
    'of the event, as drafts have it': () => withEvent({ subject: ADA }),
    'of the event, complex without saying so': () => withEvent({ subject: { user: ADA } }),
    'of the event, as RISC had it': () =>
      withEvent({ subject: { subject_type: 'iss-sub', iss: ISSUER.issuer, sub: 'ada' } }),
    'of the event, as RISC had it with an underscore': () =>
      withEvent({ subject: { subject_type: 'iss_sub', iss: ISSUER.issuer, sub: 'ada' } }),
  }
  test('about a subject in each place and format there is', async () => {
    const site = tellingSite()
    for (const [what, make] of Object.entries(SUBJECTS)) {
      const { userId } = await site.member('ada', { iat: seconds() - 5 })
      expect([what, (await site.postEvent(await make())).status]).toEqual([what, 202])
      const ended = "select 1 from audit_log where action = 'session.end' and target = ?"
      expect(await rowsOf(ended, userId), what).toHaveLength(1)
      await (await site.root()).delete(`/v1/users/${userId}`).then(forget)
    }
  })
  /** The next round begins with somebody who has never been here. */
  const forget = async () => {
    for (const table of ['session_ends', 'erased_identities'])
      await rowsOf(`delete from ${table} returning 1`)
  }

  test('and nothing is done for what is not acted on, whoever it is about', async () => {
    const site = tellingSite()
    const sse = 'https://schemas.openid.net/secevent/sse/event-type/verification'
    const ssf = 'https://schemas.openid.net/secevent/ssf/event-type'
    const stream = { sub_id: { format: 'opaque', id: 'stream-1' } }
    const tokens = [
      await eventToken({ events: { [`${ssf}/verification`]: { state: 'x' } }, ...stream }),
      await eventToken({ events: { [sse]: {} }, ...stream }),
      await eventToken({ events: { [`${ssf}/stream-updated`]: { status: 'paused' } }, ...stream }),
      await eventToken({ events: { 'https://issuer.example/own': {} } }),
      // The word alone does not make it one of CAEP.
      await eventToken({
        events: { 'https://schemas.openid.net/secevent/risc/event-type/session-revoked': {} },
      }),
      await securityEvent('credential-change', 'ada'),
    ]
    for (const token of tokens) expect((await site.postEvent(token)).status).toBe(202)
    const done = await stored()
    expect(new Set(done.map(({ action }) => action))).toEqual(new Set(['nothing']))
    expect(done.map(({ kind }) => kind).sort()).toEqual([
      'credential-change',
      'stream-updated',
      'unknown',
      'unknown',
      'verification',
      'verification',
    ])
    expect(await rowsOf('select 1 from events')).toEqual([])
    expect(await rowsOf('select 1 from session_ends')).toEqual([])
    expect(await rowsOf('select subject from signals where subject is not null')).toEqual([])
  })

  test('once, and whoever sends it again is answered the same', async () => {
    const site = tellingSite()
    await site.member('ada', { iat: now - 5 })
    const token = await securityEvent('session-revoked', 'ada')
    for (const _ of [1, 2]) expect((await site.postEvent(token)).status).toBe(202)
    expect(await stored()).toHaveLength(1)
    expect(await rowsOf("select 1 from audit_log where action = 'session.end'")).toHaveLength(1)
  })
})

const stranger = await makeIssuer()

const REFUSED: Readonly<Record<string, readonly [string, () => Promise<string>]>> = {
  'text that is no token': ['invalid_request', async () => 'x.y.z'],
  nothing: ['invalid_request', async () => ''],
  'another typ: of a logout token': [
    'invalid_request',
    () => securityEvent('session-revoked', 'ada', {}, { typ: 'logout+jwt' }),
  ],
  'another typ: of any token': [
    'invalid_request',
    () => securityEvent('session-revoked', 'ada', {}, { typ: 'JWT' }),
  ],
  'no typ': [
    'invalid_request',
    () => securityEvent('session-revoked', 'ada', {}, { typ: undefined }),
  ],
  'an access token': ['invalid_request', () => ISSUER.sign()],
  'a logout token': ['invalid_request', () => logoutToken()],
  'the signature of somebody else': [
    'invalid_key',
    () => securityEvent('session-revoked', 'ada', {}, {}, stranger.privateKey),
  ],
  'another issuer': [
    'invalid_issuer',
    () => securityEvent('session-revoked', 'ada', { iss: 'https://stranger.example' }),
  ],
  'the audience of access tokens': [
    'invalid_audience',
    () => securityEvent('session-revoked', 'ada', { aud: ISSUER.audience }),
  ],
  'no audience': [
    'invalid_audience',
    () => securityEvent('session-revoked', 'ada', { aud: undefined }),
  ],
  'no time of issue': [
    'invalid_request',
    () => securityEvent('session-revoked', 'ada', { iat: undefined }),
  ],
  'a time of issue to come': [
    'invalid_request',
    () => securityEvent('session-revoked', 'ada', { iat: now + 60 }),
  ],
  'a time of issue more than 7 days ago': [
    'invalid_request',
    () => securityEvent('session-revoked', 'ada', { iat: now - 7 * 86_400 - 60 }),
  ],
  'its expiry behind it': [
    'invalid_request',
    () => securityEvent('session-revoked', 'ada', { exp: now - 60 }),
  ],
  'no jti': ['invalid_request', () => securityEvent('session-revoked', 'ada', { jti: undefined })],
  'no events': ['invalid_request', () => eventToken({ events: undefined, sub_id: ADA })],
  'events that are empty': ['invalid_request', () => eventToken({ events: {}, sub_id: ADA })],
  'an event that is no object': ['invalid_request', () => withEvent(1, { sub_id: ADA })],
  'an event of more than 7 days ago': [
    'invalid_request',
    () => withEvent({ event_timestamp: now - 8 * 86_400 }, { sub_id: ADA }),
  ],
  'an event at a time that is none': [
    'invalid_request',
    () => withEvent({ event_timestamp: 'now' }, { sub_id: ADA }),
  ],
  'no subject': ['invalid_request', () => about(undefined)],
  'a subject by the old claim alone': ['invalid_request', () => withEvent({}, { sub: 'ada' })],
  'a subject by its address': [
    'invalid_request',
    () => about({ format: 'email', email: 'ada@example.com' }),
  ],
  'a subject that is opaque': ['invalid_request', () => about({ format: 'opaque', id: 'ada' })],
  'a subject of another issuer': [
    'invalid_request',
    () => about({ ...ADA, iss: 'https://stranger.example' }),
  ],
  'a subject of another issuer as the user of a complex one': [
    'invalid_request',
    () => about({ format: 'complex', user: { ...ADA, iss: 'https://stranger.example' } }),
  ],
  'a subject without a name': ['invalid_request', () => about({ ...ADA, sub: '' })],
  'two subjects': [
    'invalid_request',
    () =>
      eventToken({
        events: {
          [EVENTS['session-revoked']]: { subject: ADA },
          [EVENTS['account-disabled']]: { subject: { ...ADA, sub: 'ben' } },
        },
      }),
  ],
}

describe('an event is refused', () => {
  test('and stored nowhere, with the code for what is wrong with it', async () => {
    const site = tellingSite()
    for (const [what, [err, make]] of Object.entries(REFUSED)) {
      const { status, body, headers } = await site.postEvent(await make())
      expect([what, status, body]).toEqual([what, 400, { err, description: expect.any(String) }])
      expect(headers.get('Content-Type')).toBe('application/json')
      expect(headers.get('Content-Language')).toBe('en')
      expect(await stored(), what).toEqual([])
    }
  })

  test('of an issuer whose word is not taken, or not on this', async () => {
    for (const tells of [{}, { logout: TELLS.logout }]) {
      const { status, body } = await tellingSite({}, { tells }).tell('session-revoked', 'ada')
      expect([status, body.err]).toEqual([400, 'invalid_issuer'])
    }
  })

  test('in a body of another media type', async () => {
    const site = tellingSite()
    const token = await securityEvent('session-revoked', 'ada')
    for (const type of ['application/json', 'application/jwt', 'text/plain']) {
      const { status, body } = await site.post('/v1/signals', token, type)
      expect([status, body.err]).toEqual([400, 'invalid_request'])
    }
    expect((await site.anonymous.get('/v1/signals')).status).toBe(405)
  })
})

describe('the time of an event', () => {
  const endOf = async () => {
    const [end] = await rowsOf<{ issued_until: number }>('select issued_until from session_ends')
    return end && (end.issued_until - 999) / 1000
  }
  const past = now - 3600
  test.each([
    ['is what the event says', { event_timestamp: past }, {}, past],
    ['is what the event says, in milliseconds too', { event_timestamp: past * 1000 }, {}, past],
    ['is what the token says of it', {}, { toe: past }, past],
    ['is when the token was issued', {}, { iat: past }, past],
  ])('%s', async (_, event, claims, expected) => {
    const token = await withEvent(event, { sub_id: ADA, aud: RECEIVER, ...claims })
    expect((await tellingSite().postEvent(token)).status).toBe(202)
    expect(await endOf()).toBe(expected)
  })

  test('is at most now', async () => {
    const site = tellingSite()
    const before = seconds()
    const token = await withEvent({ event_timestamp: before + 86_400 }, { sub_id: ADA })
    expect((await site.postEvent(token)).status).toBe(202)
    expect(await endOf()).toBeGreaterThanOrEqual(before)
    expect(await endOf()).toBeLessThanOrEqual(seconds())
  })
})
