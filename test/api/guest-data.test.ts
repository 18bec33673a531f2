/** What guests leave can be erased, and is forgotten in time. What was booked stays on record. */
import { afterEach, describe, expect, test, vi } from 'vitest'
import {
  audited,
  bookingScene,
  CONTACT,
  created,
  DAY,
  HOUR,
  newContact,
  outcomeOf,
} from '../support/bookings.ts'
import { dump } from '../support/dump.ts'
import { rowsOf } from '../support/population.ts'
import { type Client, testSite } from '../support/site.ts'

afterEach(() => vi.useRealTimers())

const erase = (who: Client, id: string) => who.delete(`/v1/bookings/${id}/contact`)

async function booked() {
  const scene = await bookingScene()
  const visitor = await scene.site.visitor()
  const body = { slotId: await scene.slot(), contact: CONTACT, note: 'Allergic to nuts' }
  const headers = { 'Idempotency-Key': 'once' }
  const { id } = created(await visitor.post('/v1/bookings', body, { headers }))
  return { ...scene, visitor, id: String(id), body, headers }
}

const SECRETS = /ada@example|4930123456|Allergic|Too late/

describe('DELETE /v1/bookings/{bookingId}/contact', () => {
  test('erases for the guest what was left about them, everywhere, and on record by ids', async () => {
    const { visitor, root, id } = await booked()
    await root.post(`/v1/bookings/${id}/decline`, { reason: 'Too late' })
    expect((await erase(visitor, id)).status).toBe(204)
    expect((await visitor.get(`/v1/bookings/${id}`)).body).toMatchObject({
      status: 'declined',
      contact: null,
      note: null,
      reason: null,
      revision: 3,
    })
    expect((await visitor.get(`/v1/bookings/${id}/calendar.ics`)).text).toContain('SEQUENCE:3')
    expect((await audited(root, id))[0]).toMatchObject({
      action: 'booking.erase',
      actor: visitor.visitorId,
      changes: { fields: ['contact', 'note', 'reason'] },
    })
    expect(JSON.stringify(await dump())).not.toMatch(SECRETS)
    expect(await rowsOf('select key from idempotency_keys where target = ?', id)).toEqual([])
  })

  test('is for who manages bookings, and changes nothing a second time', async () => {
    const { manager, root, id, site } = await booked()
    const scopes = ['booking:cancel']
    const { secret } = created(await root.post('/v1/api-keys', { name: 'K', scopes }))
    expect((await erase(await manager(), id)).status).toBe(204)
    const before = await dump()
    expect((await erase(root, id)).status).toBe(204)
    expect((await erase(site.bearer(secret), id)).status).toBe(204)
    expect((await dump())['bookings']).toEqual(before['bookings'])
    expect((await dump())['audit_log']).toEqual(before['audit_log'])
  })

  test('is not there for others, and honours If-Match', async () => {
    const { visitor, site, id, root } = await booked()
    for (const other of [await site.visitor(), await site.member('eve')]) {
      expect((await erase(other, id)).status).toBe(404)
    }
    expect((await erase(site.anonymous, id)).status).toBe(401)
    const stale = await root.delete(`/v1/bookings/${id}/contact`, {
      headers: { 'If-Match': '"2"' },
    })
    expect(stale.status).toBe(412)
    expect((await visitor.get(`/v1/bookings/${id}`)).body.contact).toEqual(CONTACT)
  })

  test('leaves a place that is live, and the address may book again only when it is not', async () => {
    const { visitor, id, body, site } = await booked()
    await erase(visitor, id)
    const again = await visitor.post('/v1/bookings', body)
    expect(outcomeOf(again)).toBe('409 already_booked')
    expect(outcomeOf(await (await site.visitor()).post('/v1/bookings', body))).toBe('409 slot_full')
  })
})

describe('what was left with a booking', () => {
  async function over(daysAgo: number, settings: Parameters<typeof testSite>[0] = {}) {
    const scene = await bookingScene(testSite(settings))
    const { site, root, slot, manager } = scene
    const scopes = ['booking:create']
    const { secret } = created(await root.post('/v1/api-keys', { name: 'K', scopes }))
    const makers: [string, Client][] = [
      ['visitor', await site.visitor()],
      ['key', site.bearer(secret)],
      ['manager', await manager()],
      ['member', await site.member('ada')],
    ]
    const ids = new Map<string, string>()
    for (const [name, who] of makers) {
      const body = { slotId: await slot(), contact: newContact(), note: 'Note' }
      ids.set(name, created(await who.post('/v1/bookings', body)).id)
    }
    vi.useFakeTimers({ now: Date.now() + DAY + HOUR + daysAgo * DAY + 1000, toFake: ['Date'] })
    await site.tick()
    const left: string[] = []
    for (const [name, id] of ids) {
      const [row] = await rowsOf<{ data: number }>(
        `select coalesce(note, contact, guest_email, guest_phone) is not null as data
         from bookings where id = ?`,
        id,
      )
      if (row?.data === 1) left.push(name)
    }
    return left
  }

  test('is kept for a year, and then forgotten where no member is behind it', async () => {
    expect(await over(364)).toEqual(['visitor', 'key', 'manager', 'member'])
  })

  test('is forgotten after a year where no member is behind it', async () => {
    expect(await over(365)).toEqual(['member'])
  })

  test('is forgotten as early as the setting says', async () => {
    expect(await over(7, { GUEST_DATA_DAYS: '7' })).toEqual(['member'])
  })
})

describe('what a booking is of', () => {
  test('stays on it when the service is deleted, in JSON and in calendars', async () => {
    const { visitor, root, id } = await booked()
    const [service] = (await root.get('/v1/services')).body.items
    await visitor.post(`/v1/bookings/${id}/cancel`)
    const before = (await visitor.get(`/v1/bookings/${id}`)).body
    const calendar = (await visitor.get(`/v1/bookings/${id}/calendar.ics`)).text
    expect(before.serviceName).toBe('Haircut')
    expect((await root.delete(`/v1/services/${service.id}`)).status).toBe(204)
    expect((await visitor.get(`/v1/bookings/${id}`)).body).toEqual(before)
    expect((await visitor.get(`/v1/bookings/${id}/calendar.ics`)).text).toBe(calendar)
    expect(calendar).toContain('SUMMARY:Haircut')
  })

  test('follows a new name while it is to come, and its revision and calendar entry move', async () => {
    const { visitor, root, id } = await booked()
    const [service] = (await root.get('/v1/services')).body.items
    const sequenceOf = async () => {
      const { text } = await visitor.get(`/v1/bookings/${id}/calendar.ics`)
      const lines = ['SEQUENCE', 'SUMMARY', 'LAST-MODIFIED'].map(
        (name) => new RegExp(`^${name}:(.*)$`, 'm').exec(text)?.[1]?.trim() ?? '',
      )
      return lines
    }
    const [, , modified = ''] = await sequenceOf()
    vi.useFakeTimers({ now: Date.now() + 5000, toFake: ['Date'] })
    await root.patch(`/v1/services/${service.id}`, { name: 'Shave' })
    const [sequence, summary, later = ''] = await sequenceOf()
    expect([sequence, summary]).toEqual(['2', 'Shave'])
    expect(later > modified).toBe(true)
    expect((await visitor.get(`/v1/bookings/${id}`)).body).toMatchObject({
      serviceName: 'Shave',
      revision: 2,
    })
    await root.patch(`/v1/services/${service.id}`, { name: 'Shave', holdMinutes: 5 })
    expect((await sequenceOf())[0]).toBe('2')
    await root.post(`/v1/bookings/${id}/decline`)
    await root.patch(`/v1/services/${service.id}`, { name: 'Beard' })
    expect((await sequenceOf()).slice(0, 2)).toEqual(['3', 'Shave'])
  })
})

describe('who confirms', () => {
  async function withProfile() {
    const scene = await bookingScene()
    const ada = await scene.site.member('ada', { email: 'ada@home.example', name: 'Ada L.' })
    await ada.patch('/v1/me', { phone: '+4930555', displayName: 'Ada L.' })
    const profile = (await ada.get('/v1/me')).body
    const { id } = created(await ada.post('/v1/bookings', { slotId: await scene.slot() }))
    const contact = { name: profile.displayName, email: profile.email, phone: profile.phone }
    const reads = async () =>
      (await scene.root.get('/v1/audit?action=profile.read')).body.items as object[]
    return { ...scene, ada, id: String(id), contact, reads }
  }

  test('sees who booked, by their profile as it is now, and a read of one is on record by ids', async () => {
    const { ada, manager, id, contact, reads } = await withProfile()
    const boss = await manager()
    expect(contact).toMatchObject({ name: 'Ada L.', phone: '+4930555' })
    expect((await boss.get('/v1/bookings')).body.items[0].contact).toEqual(contact)
    expect(await reads()).toEqual([])
    expect((await boss.get(`/v1/bookings/${id}`)).body.contact).toEqual(contact)
    await ada.patch('/v1/me', { displayName: 'Ada King' })
    const { body } = await boss.get(`/v1/bookings/${id}`)
    expect(body.contact).toEqual({ ...contact, name: 'Ada King' })
    const entries = await reads()
    expect(entries).toHaveLength(2)
    expect(entries[0]).toMatchObject({
      actor: boss.userId,
      target: ada.userId,
      changes: { bookingId: id },
    })
    expect(JSON.stringify(entries)).not.toMatch(/Ada|4930555|home\.example/)
    expect((await boss.post(`/v1/bookings/${id}/confirm`)).body.contact).toEqual(body.contact)
  })

  test('is the only one who does: neither the member themselves nor a key is shown it', async () => {
    const { ada, id, root, site, reads } = await withProfile()
    const scopes = ['booking:read', 'booking:cancel']
    const { secret } = created(await root.post('/v1/api-keys', { name: 'K', scopes }))
    for (const who of [ada, site.bearer(secret)]) {
      expect((await who.get(`/v1/bookings/${id}`)).body.contact).toBe(null)
    }
    expect(await reads()).toEqual([])
  })

  test('sees what was left with the booking instead, and that is no read of a person', async () => {
    const { ada, slot, root, reads } = await withProfile()
    const left = newContact()
    const body = { slotId: await slot(), contact: left }
    const { id } = created(await ada.post('/v1/bookings', body))
    expect((await root.get(`/v1/bookings/${id}`)).body.contact).toEqual(left)
    expect((await root.get(`/v1/bookings/bkg_${'0'.repeat(26)}`)).status).toBe(404)
    expect(await reads()).toEqual([])
  })

  test('is not shown a profile for a place that was booked for a guest', async () => {
    const { manager, slot, root, reads } = await withProfile()
    const boss = await manager()
    const body = { slotId: await slot(), contact: newContact() }
    const { id } = created(await boss.post('/v1/bookings', body))
    await erase(boss, id)
    expect((await root.get(`/v1/bookings/${id}`)).body.contact).toBe(null)
    expect(await reads()).toEqual([])
  })
})
