/** Mail about bookings: who is told what, at which address, how often, and how it ends. */
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import type { Bindings, Mail } from '../../src/env.ts'
import {
  audited,
  bookingOf,
  bookingScene,
  created,
  DAY,
  MINUTE,
  NONE,
  violations,
} from '../support/bookings.ts'
import { LOGIN_SETTINGS } from '../support/login.ts'
import { partner } from '../support/keys.ts'
import { rowsOf } from '../support/population.ts'
import { ORIGIN, testSite } from '../support/site.ts'

const MAIL_SETTINGS = {
  PUBLIC_URL: ORIGIN,
  MAIL_FROM: 'bookings@members.example',
  SITE_NAME: 'Yoga & more',
} as const satisfies Partial<Bindings>

/** A site with an outbox. @param refusal what the mail service says, for as long as it says something */
async function mailScene(overrides: Partial<Bindings> = {}) {
  const outbox: Mail[] = []
  const service = { refusal: undefined as Error | undefined, asked: 0 }
  const MAIL = {
    async send(mail: Mail) {
      service.asked += 1
      if (service.refusal) throw service.refusal
      outbox.push(mail)
    },
  }
  const site = testSite({ ...MAIL_SETTINGS, MAIL, ...overrides })
  return { ...(await bookingScene(site)), outbox, mailService: service }
}

const refusalOf = (code: string) => Object.assign(new Error('ada@example.com says no'), { code })

const withAddress = (email: string) => ({ email, email_verified: true })

/** What is sent to a mail service, as far as it is looked at. */
interface Said {
  readonly attachments?: readonly { readonly content: string }[]
  readonly Attachments?: readonly { readonly Content: string }[]
}

function calendarIn({ attachments = [] }: Mail): string {
  const [file] = attachments
  return new TextDecoder().decode(file?.content).replaceAll(/\r\n[ \t]/g, '')
}

/** The address behind these words, without the site. */
function linkIn({ text }: Mail, words: string): string {
  const [, path = ''] = new RegExp(`${words}: ${ORIGIN}(\\S+)`).exec(text) ?? []
  expect(path, text).not.toBe('')
  return path
}

const outcomes = async () =>
  (
    await rowsOf<{ outcome: string }>('select outcome from booking_notices order by created_at')
  ).map(({ outcome }) => outcome)

describe('a member', () => {
  test('is told what becomes of a booking, each time once, with the entry for the calendar', async () => {
    const { site, slot, root, outbox } = await mailScene()
    const ada = await site.member('ada', withAddress('ada@example.com'))
    const { id } = created(await ada.post('/v1/bookings', { slotId: await slot(), note: 'Window' }))
    await root.post(`/v1/bookings/${id}/confirm`)
    await root.post(`/v1/bookings/${id}/cancel`, { reason: 'We are <closed>' })
    await site.tick()
    await site.tick(Date.now() + DAY)
    expect(outbox.map(({ to, subject }) => [to, subject.split(':')[0]])).toEqual([
      ['ada@example.com', 'Requested'],
      ['ada@example.com', 'Confirmed'],
      ['ada@example.com', 'Canceled'],
    ])
    const files = outbox.map(calendarIn)
    const said = files.map((file) =>
      ['METHOD', 'UID', 'SEQUENCE', 'STATUS'].map((name) =>
        new RegExp(`^${name}:(.*)$`, 'm').exec(file)?.[1]?.trim(),
      ),
    )
    expect(said).toEqual([
      ['REQUEST', id, '1', 'TENTATIVE'],
      ['REQUEST', id, '2', 'CONFIRMED'],
      ['CANCEL', id, '3', 'CANCELLED'],
    ])
    expect(outbox.map(({ attachments }) => attachments?.[0]?.type)).toEqual([
      'text/calendar; charset=utf-8; method=REQUEST',
      'text/calendar; charset=utf-8; method=REQUEST',
      'text/calendar; charset=utf-8; method=CANCEL',
    ])
    expect(files[1]).toContain('ORGANIZER;CN="Yoga & more":mailto:bookings@members.example')
    expect(files[1]).toContain('ada@example.com')
    expect(outbox[2]?.text).toContain('Reason: We are <closed>')
    expect(outbox[2]?.html).toContain('Reason: We are &lt;closed&gt;')
    expect(await outcomes()).toEqual(['sent', 'sent', 'sent'])
  })

  test('hears once of a booking that is confirmed in the request that makes it', async () => {
    const { site, slot, outbox } = await mailScene()
    const ada = await site.member('ada', withAddress('ada@example.com'))
    created(await ada.post('/v1/bookings', { slotId: await slot({ autoConfirm: true }) }))
    await site.tick()
    expect(outbox.map(({ subject }) => subject.split(':')[0])).toEqual(['Confirmed'])
  })

  test('is told when a booking is declined, and when its hold runs out', async () => {
    const { site, slot, root, outbox } = await mailScene()
    const ada = await site.member('ada', withAddress('ada@example.com'))
    const { id } = created(await ada.post('/v1/bookings', { slotId: await slot() }))
    await root.post(`/v1/bookings/${id}/decline`)
    created(await ada.post('/v1/bookings', { slotId: await slot({ holdMinutes: 5 }) }))
    await site.tick(Date.now() + 10 * MINUTE)
    expect(outbox.map(({ subject }) => subject.split(':')[0])).toEqual([
      'Requested',
      'Declined',
      'Requested',
      'Canceled',
    ])
  })

  test('switches it off and on, by themselves or by the link in a mail', async () => {
    const { site, slot, outbox } = await mailScene()
    const ada = await site.member('ada', withAddress('ada@example.com'))
    expect((await ada.get('/v1/me/notifications')).body).toEqual({ bookingMails: true })
    await ada.patch('/v1/me/notifications', { bookingMails: false })
    created(await ada.post('/v1/bookings', { slotId: await slot() }))
    expect(outbox).toEqual([])
    expect(await outcomes()).toEqual(['unwanted'])
    await ada.patch('/v1/me/notifications', { bookingMails: true })
    created(await ada.post('/v1/bookings', { slotId: await slot() }))
    const [mail] = outbox
    if (!mail) throw new Error('no mail')
    const reply = await site.anonymous.call(
      'POST',
      linkIn(mail, 'No more mail about your bookings'),
      {
        raw: new URLSearchParams({ 'List-Unsubscribe': 'One-Click' }),
      },
    )
    expect(reply.status).toBe(200)
    expect((await ada.get('/v1/me/notifications')).body).toEqual({ bookingMails: false })
  })

  test('who was deleted, or has no address, is told nothing', async () => {
    const { site, slot, root, outbox } = await mailScene()
    const [ada, bob] = [
      await site.member('ada'),
      await site.member('bob', withAddress('b@b.example')),
    ]
    // What a member types may be the address of anybody.
    const contact = { name: null, email: 'vera@example.com', phone: null }
    created(await ada.post('/v1/bookings', { slotId: await slot(), contact }))
    created(await bob.post('/v1/bookings', { slotId: await slot() }))
    await root.delete(`/v1/users/${bob.userId}`)
    await site.tick()
    expect(outbox.map(({ to }) => to)).toEqual(['b@b.example'])
    expect((await outcomes()).sort()).toEqual(['nobody', 'nobody', 'sent'])
  })
})

describe('an address that nobody has confirmed', () => {
  const typed = { name: 'Buy pills at evil.example', email: 'vera@example.com', phone: null }

  test('is told nothing that whoever booked has typed', async () => {
    const { site, slot, outbox } = await mailScene()
    const visitor = await site.visitor()
    const wish = { slotId: await slot(), note: 'More pills', contact: typed }
    const { id } = created(await visitor.post('/v1/bookings', wish))
    await visitor.post(`/v1/bookings/${id}/cancel`, { reason: 'Even more pills' })
    expect(outbox.map(({ to }) => to)).toEqual(['vera@example.com', 'vera@example.com'])
    for (const mail of outbox) {
      const all = `${JSON.stringify(mail)}${calendarIn(mail)}`
      expect(all).not.toMatch(/pills/i)
    }
  })

  test('gets three mails a day whoever books for it, and nobody counts those of members', async () => {
    const { site, slot, outbox } = await mailScene()
    const key = await partner(site, { scopes: ['booking:create'] })
    for (let i = 0; i < 4; i++)
      await bookingOf(key, await slot(), { ...typed, phone: null as never })
    const ada = await site.member('ada', withAddress('ada@example.com'))
    for (let i = 0; i < 4; i++) created(await ada.post('/v1/bookings', { slotId: await slot() }))
    expect(outbox.filter(({ to }) => to === 'vera@example.com')).toHaveLength(3)
    expect(outbox.filter(({ to }) => to === 'ada@example.com')).toHaveLength(4)
    expect((await outcomes()).filter((each) => each === 'limited')).toHaveLength(1)
    expect(await rowsOf(`select * from mail_counts where subject like '%@%'`)).toEqual([])
  })

  test('gets three mails a day because of one network, whatever the address', async () => {
    const { site, slot, outbox } = await mailScene()
    const headers = { 'CF-Connecting-IP': '192.0.2.7' }
    for (let i = 0; i < 4; i++) {
      const contact = { ...typed, email: `vera-${i}@example.com` }
      const visitor = await site.visitor()
      created(await visitor.post('/v1/bookings', { slotId: await slot(), contact }, { headers }))
    }
    expect(outbox).toHaveLength(3)
    expect(await rowsOf('select * from booking_notices where network is not null')).toEqual([])
  })

  test('ends it with one press, which opening does not do', async () => {
    const { site, slot, outbox } = await mailScene()
    const key = await partner(site, { scopes: ['booking:create'] })
    await bookingOf(key, await slot(), { ...typed, phone: null as never })
    const [mail] = outbox
    if (!mail) throw new Error('no mail')
    const path = linkIn(mail, 'No more mail from this site')
    expect(mail.headers).toEqual({
      'List-Unsubscribe': `<${ORIGIN}${path}>`,
      'List-Unsubscribe-Post': 'List-Unsubscribe=One-Click',
    })
    const page = await site.anonymous.get(path)
    expect([page.status, page.headers.get('Content-Security-Policy')]).toEqual([
      200,
      expect.stringContaining("form-action 'self'"),
    ])
    expect(await rowsOf('select * from mail_suppressions')).toEqual([])
    const body = new FormData()
    body.set('List-Unsubscribe', 'One-Click')
    const press = (to: string, raw: BodyInit) => site.anonymous.call('POST', to, { raw })
    expect((await press(path, new URLSearchParams())).status).toBe(400)
    const headers = { 'Content-Type': 'multipart/form-data; boundary=x' }
    const broken = await site.anonymous.call('POST', path, { headers, raw: '--y' })
    expect([broken.status, broken.body.code]).toEqual([400, 'malformed_request'])
    expect((await press(path.replace(/.$/, '!'), body)).status).toBe(404)
    expect((await press(path.replace(/link=./, 'link=-'), body)).status).toBe(404)
    expect(await rowsOf('select * from mail_suppressions')).toEqual([])
    expect((await press(path, body)).status).toBe(200)
    expect((await press(path, body)).status).toBe(200)
    await bookingOf(key, await slot(), {
      ...typed,
      email: 'VERA@example.com',
      phone: null as never,
    })
    expect(outbox).toHaveLength(1)
    expect(await outcomes()).toEqual(['sent', 'suppressed'])
    expect(JSON.stringify(await rowsOf('select * from mail_suppressions'))).not.toContain('vera')
  })

  test('gets no more once the mail service has refused it for good', async () => {
    const { site, slot, outbox, mailService } = await mailScene()
    const key = await partner(site, { scopes: ['booking:create'] })
    mailService.refusal = refusalOf('E_RECIPIENT_SUPPRESSED')
    await bookingOf(key, await slot(), { ...typed, phone: null as never })
    mailService.refusal = undefined
    await bookingOf(key, await slot(), { ...typed, phone: null as never })
    await site.tick(Date.now() + 60 * MINUTE)
    expect([outbox, mailService.asked]).toEqual([[], 1])
    expect(await outcomes()).toEqual(['refused', 'suppressed'])
  })
})

describe('a mail that the service does not take', () => {
  test('just then is sent by a later tick, and counted once', async () => {
    const { site, slot, outbox, mailService } = await mailScene()
    const visitor = await site.visitor()
    mailService.refusal = refusalOf('E_RATE_LIMIT_EXCEEDED')
    await bookingOf(visitor, await slot())
    await site.tick()
    expect([outbox.length, mailService.asked]).toEqual([0, 1])
    await site.tick(Date.now() + 6 * MINUTE)
    mailService.refusal = undefined
    await site.tick(Date.now() + 30 * MINUTE)
    expect([outbox.length, mailService.asked]).toEqual([1, 3])
    expect(await rowsOf('select mails from mail_counts')).toEqual([{ mails: 1 }])
  })

  test('as far as anybody knows is not sent again, and nothing is sent a day later', async () => {
    const { site, slot, outbox, mailService } = await mailScene()
    const ada = await site.member('ada', withAddress('ada@example.com'))
    mailService.refusal = new Error('Network connection lost.')
    const answer = await ada.post('/v1/bookings', { slotId: await slot({}, { startsIn: 9 * DAY }) })
    expect(answer.status).toBe(201)
    mailService.refusal = refusalOf('E_DAILY_LIMIT_EXCEEDED')
    await ada.post('/v1/bookings', { slotId: await slot({}, { startsIn: 9 * DAY }) })
    mailService.refusal = undefined
    await site.tick(Date.now() + DAY + MINUTE)
    expect(outbox).toEqual([])
    expect((await outcomes()).sort()).toEqual(['late', 'sending'])
  })
})

describe.each([
  {
    name: 'resend',
    credential: { authorization: 'Bearer key-of-the-service' },
    message: { to: 'ada@example.com', from: MAIL_SETTINGS.MAIL_FROM },
    fileIn: (sent: Said) => sent.attachments?.[0]?.content,
    goneForGood: undefined,
  },
  {
    name: 'postmark',
    credential: { 'x-postmark-server-token': 'key-of-the-service' },
    message: { To: 'ada@example.com', From: MAIL_SETTINGS.MAIL_FROM, MessageStream: 'outbound' },
    fileIn: (sent: Said) => sent.Attachments?.[0]?.Content,
    goneForGood: { status: 422, body: { ErrorCode: 406, Message: 'ada@example.com is inactive' } },
  },
])('mail through $name', ({ name, credential, message, fileIn, goneForGood }) => {
  /** @param answers what the service says, one after the other */
  async function serviceScene(...answers: Response[]) {
    const asked: Request[] = []
    const spy = vi.spyOn(globalThis, 'fetch').mockImplementation(async (input, init) => {
      asked.push(new Request(input, init))
      const answer = answers.shift()
      if (!answer) throw new TypeError('nothing more is answered')
      return answer
    })
    onTestFinished(() => spy.mockRestore())
    const logged = vi.spyOn(console, 'error').mockReturnValue()
    onTestFinished(() => logged.mockRestore())
    const MAIL_SERVICE = JSON.stringify({ name, key: 'key-of-the-service' })
    const scene = await mailScene({ MAIL_SERVICE })
    const ada = await scene.site.member('ada', withAddress('ada@example.com'))
    const book = async () => created(await ada.post('/v1/bookings', { slotId: await scene.slot() }))
    return { ...scene, ada, asked, logged, book }
  }

  test('says the same as through the binding, which is not asked', async () => {
    const { asked, book, outbox, ada, slot } = await serviceScene(Response.json({ id: '1' }))
    await book()
    const [request] = asked
    if (!request) throw new Error('nobody was asked')
    const sent: Said = await request.clone().json()
    expect(sent).toMatchObject(message)
    expect(Object.fromEntries(request.headers)).toMatchObject({
      ...credential,
      'user-agent': 'Guildhall',
    })
    expect(atob(fileIn(sent) ?? '')).toContain('BEGIN:VCALENDAR')
    expect(JSON.stringify(sent)).toContain('List-Unsubscribe')
    expect([asked.length, outbox, await outcomes()]).toEqual([1, [], ['sent']])
    const explained = await ada.post('/v1/explain', {
      method: 'POST',
      path: '/v1/bookings',
      body: { slotId: await slot() },
    })
    expect([explained.body.status, asked.length]).toEqual([201, 1])
  })

  test('comes later when there is too much of it, and not twice when nobody knows', async () => {
    const { site, asked, book } = await serviceScene(
      new Response('slow down', { status: 429 }),
      Response.json({ id: '1' }),
      new Response('ada@example.com', { status: 502 }),
    )
    await book()
    expect(await outcomes()).toEqual(['postponed'])
    await site.tick(Date.now() + 30 * MINUTE)
    await book()
    await site.tick(Date.now() + 60 * MINUTE)
    expect([asked.length, await outcomes()]).toEqual([3, ['sent', 'sending']])
  })

  test('that is refused is given up, and the log has neither address nor words', async () => {
    const refusal = goneForGood ?? { status: 403, body: { message: 'ada@example.com: not yours' } }
    const { site, asked, book, logged } = await serviceScene(
      Response.json(refusal.body, { status: refusal.status }),
      Response.json({ id: '1' }),
    )
    await book()
    await site.tick(Date.now() + 30 * MINUTE)
    expect([asked.length, await outcomes()]).toEqual([1, ['refused']])
    expect(logged).toHaveBeenCalled()
    expect(JSON.stringify(logged.mock.calls)).not.toMatch(/ada@|key-of/)
    await book()
    expect((await outcomes()).at(-1)).toBe(goneForGood ? 'suppressed' : 'sent')
  })
})

test('a site on this machine prints its mail, with what is attached', async () => {
  const printed = vi.spyOn(console, 'info').mockReturnValue()
  onTestFinished(() => printed.mockRestore())
  const local = { ...LOGIN_SETTINGS, PUBLIC_URL: 'http://localhost:8787', MAIL_OUTBOX: 'console' }
  const { site, slot, outbox } = await mailScene(local)
  const ada = await site.member('ada', withAddress('ada@example.com'))
  created(await ada.post('/v1/bookings', { slotId: await slot() }))
  const lines = printed.mock.calls.map(([line]) => String(line))
  const mail = lines.find((line) => line.startsWith('mail to ada@example.com: Requested'))
  expect(mail).toMatch(/waiting to be confirmed.*booking\.ics \(text\/calendar.*BEGIN:VEVENT/s)
  expect(outbox).toEqual([])
})

test('an explanation of a booking tells nobody', async () => {
  const { site, slot, outbox } = await mailScene()
  const ada = await site.member('ada', withAddress('ada@example.com'))
  const body = { slotId: await slot() }
  const asked = await ada.post('/v1/explain', { method: 'POST', path: '/v1/bookings', body })
  expect(asked.body.status).toBe(201)
  await site.tick()
  expect(outbox).toEqual([])
})

test('without mail, or with BOOKING_MAILS off, nobody is told and nothing is left to do later', async () => {
  const { site, slot, outbox } = await mailScene({ BOOKING_MAILS: 'off' })
  const ada = await site.member('ada', withAddress('ada@example.com'))
  created(await ada.post('/v1/bookings', { slotId: await slot({}, { startsIn: 9 * DAY }) }))
  await site.tick(Date.now() + DAY + MINUTE)
  expect(outbox).toEqual([])
  expect(await rowsOf('select * from booking_notices where due_at is not null')).toEqual([])
})

describe('a slot that is taken off the schedule', () => {
  test('cancels its bookings with it if asked to, and everybody is told why', async () => {
    const { site, slotOf, service, root, outbox } = await mailScene()
    const { id: slotId } = await slotOf((await service()).id, { capacity: 3 })
    const ada = await site.member('ada', withAddress('ada@example.com'))
    const first = created(await ada.post('/v1/bookings', { slotId }))
    const second = await bookingOf(root, slotId)
    outbox.length = 0
    const path = `/v1/slots/${slotId}`
    expect((await root.delete(path)).body.code).toBe('conflict')
    expect((await root.delete(`${path}?bookings=cancel&reason=Flooded`)).status).toBe(204)
    const said = outbox.map(({ to, text }) => [to, /taken off the schedule/.test(text)])
    expect(said).toHaveLength(2)
    expect(said).toContainEqual(['ada@example.com', true])
    expect(said.every(([, isSaid]) => isSaid)).toBe(true)
    expect(outbox.map(calendarIn).every((file) => file.includes('METHOD:CANCEL'))).toBe(true)
    for (const { id } of [first, second]) {
      expect((await root.get(`/v1/bookings/${id}`)).body).toMatchObject({
        status: 'canceled',
        reason: 'Flooded',
        revision: 2,
      })
      expect((await audited(root, id)).map(({ action }) => action)).toContain('booking.cancel')
    }
    expect(await violations()).toEqual(NONE)
  })

  test('stays with whoever may not cancel the bookings of others', async () => {
    const { site, slot, root } = await mailScene()
    await root.put('/v1/roles/planner', {
      permissions: [{ permission: 'service:manage', reach: 'any' }],
    })
    const [planner, slotId] = [await site.memberWith('planner'), await slot()]
    const { id } = await bookingOf(root, slotId)
    const { status, body } = await planner.delete(`/v1/slots/${slotId}?bookings=cancel`)
    expect([status, body.required, body.reach]).toEqual([403, 'booking:cancel', 'any'])
    expect((await root.get(`/v1/bookings/${id}`)).body.status).toBe('pending')
  })
})
