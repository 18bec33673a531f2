/**
 * The figures that docs/costs.md is computed from: what everyday acts read, write and call. One that
 * costs more than local/cost-model.ts says is a regression; one that costs less belongs into it.
 */
import { expect, test } from 'vitest'
import { type Act, TAKEN, type Taken } from '../local/cost-model.ts'
import { countingStorage } from './support/counting.ts'
import { partner } from './support/keys.ts'
import { badgeWithRule, populate, visit } from './support/population.ts'
import { testSite } from './support/site.ts'

type Counted = Omit<Taken, 'requests' | 'objectRowsWritten'>

test('everyday acts read, write and call what the costs are computed from', async () => {
  const { storage, traced } = countingStorage()
  const site = testSite({ ...storage, VISIT_SHARDS: '8' })
  const counted = new Map<Act, Counted>()
  const count = async (act: Act, work: () => Promise<unknown>) => {
    const { calls, cost } = await traced(work)
    const sum = (of: 'rowsRead' | 'rowsWritten') => calls.reduce((all, call) => all + call[of], 0)
    counted.set(act, {
      d1Calls: cost.d1,
      rowsRead: sum('rowsRead'),
      rowsWritten: sum('rowsWritten'),
      objectCalls: cost.objects,
    })
  }
  const root = await site.root()
  const [ada, eve] = [await site.member('ada'), await site.member('eve')]
  const key = await partner(site, { scopes: ['profile:read'] })
  const service = (await root.post('/v1/services', { name: 'Tour', autoConfirm: true })).body
  const slots = `/v1/services/${service.id}/slots`
  const day = { startsAt: '2050-01-01T10:00:00Z', endsAt: '2050-01-01T11:00:00Z', capacity: 5 }
  const slot = (await root.post(slots, day)).body
  const members = await populate(1000, 8)
  await ada.get('/v1/me')
  await key.get(`/v1/users/${eve.userId}`)

  await count('first request of a member', () => site.member('zoe'))
  await count('own profile, signed in', () => ada.get('/v1/me'))
  await count('profile of somebody else', () => ada.get(`/v1/users/${eve.userId}`))
  await count('fifty members', () => root.get('/v1/users?limit=50'))
  await count('own profile changed', () => ada.patch('/v1/me', { bio: 'Hello' }))
  await count('visit', () => ada.post('/v1/me/visits'))
  await count('booking that is confirmed at once', () =>
    ada.post('/v1/bookings', { slotId: slot.id }),
  )
  await count('call with an API key', () => key.get(`/v1/users/${eve.userId}`))
  await badgeWithRule()
  await visit(members)
  const noon = (days: number) => Date.now() + days * 24 * 60 * 60 * 1000
  await count('tick that gives a thousand badges', () => site.tick())
  await site.tick(noon(1))
  await count('tick that finds nothing', () => site.tick(noon(1) + 5 * 60_000))

  const expected = Object.entries(TAKEN).map(([act, taken]) => {
    const { requests: _, objectRowsWritten: __, ...countable } = taken
    return [act, countable]
  })
  expect(Object.fromEntries(counted)).toEqual(Object.fromEntries(expected))
})
