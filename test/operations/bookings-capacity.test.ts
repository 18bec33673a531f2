/** No slot ever holds more bookings than it has places, whoever does what at the same time. */
import * as fc from 'fast-check'
import { beforeEach, expect, test, vi } from 'vitest'
import type { BookingId } from '../../src/db/ids.ts'
import { type Act, perform, stage } from '../support/booking-stage.ts'
import {
  bookingOf,
  bookingScene,
  liveBySlot,
  NONE,
  outcomeOf,
  violations,
} from '../support/bookings.ts'
import { failingStorage } from '../support/failing.ts'
import { seeded } from '../support/seeded.ts'
import { testSite } from '../support/site.ts'
import { sized } from '../support/size.ts'

const CROWD = sized(200, 40)
const PEOPLE = 8
const CAPACITIES = [1, 2, 3]
const SLOTS = CAPACITIES.length
const WISH = { people: PEOPLE, capacities: CAPACITIES }

const anAct: fc.Arbitrary<Act> = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({
      do: fc.constant('book' as const),
      who: fc.nat(PEOPLE - 1),
      slot: fc.nat(SLOTS - 1),
    }),
  },
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constantFrom('cancel' as const, 'confirm' as const, 'decline' as const),
      which: fc.nat(20),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constant('delete' as const), slot: fc.nat(SLOTS - 1) }),
  },
)

/** An act whose request came in minutes ago: it still sees holds that have run out for others. */
const aLateAct = fc.tuple(anAct, fc.nat(3)).map(([act, late]): Act => ({ ...act, late }))

/** Has everybody book a place in every slot. */
async function rush(scene: Awaited<ReturnType<typeof stage>>) {
  const all = scene.people.flatMap((_, who) =>
    scene.slots.map((_slot, slot) => perform({ do: 'book', who, slot }, scene, [])),
  )
  await Promise.all(all)
}

beforeEach(() => {
  vi.spyOn(console, 'error').mockReturnValue()
})

test(`${CROWD} at once for one place: one has it, the others are told that it is full`, async () => {
  const { site, slot, root } = await bookingScene()
  const slotId = await slot()
  const members = await Promise.all(
    Array.from({ length: CROWD }, (_, index) => site.member(`member ${index}`)),
  )
  const replies = await Promise.all(members.map((who) => who.post('/v1/bookings', { slotId })))
  const outcomes = Map.groupBy(replies, outcomeOf)
  expect(outcomes.get('201 pending')).toHaveLength(1)
  expect(outcomes.get('409 slot_full')).toHaveLength(CROWD - 1)
  expect(await violations()).toEqual(NONE)
  const { body } = await root.get('/v1/audit?action=booking.create')
  expect(body.items.map(({ action }: { action: string }) => action)).toEqual(['booking.create'])
})

test('one person at once twenty times: one booking, and 19 times the word that they have it', async () => {
  const { site, slot } = await bookingScene()
  const [slotId, ada] = [await slot({}, { capacity: 20 }), await site.member('ada')]
  const replies = await Promise.all(
    Array.from({ length: 20 }, () => ada.post('/v1/bookings', { slotId })),
  )
  const outcomes = Map.groupBy(replies, outcomeOf)
  expect(outcomes.get('201 pending')).toHaveLength(1)
  expect(outcomes.get('409 already_booked')).toHaveLength(19)
})

test.each([
  ['for good', WISH, anAct],
  ['for a minute', { ...WISH, holdMinutes: 1 }, aLateAct],
])(
  'whatever is done at once in whatever order, nothing is overbooked or unaudited: places held %s',
  async (_, wish, act) => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.array(act, { maxLength: 12 }), { maxLength: 5 }),
        async (waves) => {
          const scene = await stage(wish)
          const made: BookingId[] = []
          for (const wave of waves) {
            await Promise.all(wave.map((each) => perform(each, scene, made)))
            expect(await violations()).toEqual(NONE)
          }
          await rush(scene)
          await Promise.all(
            made.map((_id, which) => perform({ do: 'confirm', which, late: 3 }, scene, made)),
          )
          expect(await violations()).toEqual(NONE)
          // Slots that were not deleted are full now, for there is demand enough.
          const slots = (await liveBySlot()).filter(({ id }) => scene.slots.includes(id))
          expect(slots.filter(({ live, capacity }) => live < capacity)).toEqual([])
        },
      ),
      { numRuns: 15, seed: 5 },
    )
  },
  60_000,
)

test.each(['before', 'after'] as const)(
  'and neither when calls to storage fail %s they are made',
  async (when) => {
    const { storage, arm, disarm } = failingStorage()
    const scene = await stage(WISH, testSite(storage))
    const random = seeded(7)
    const pick = (count: number) => Math.floor(random() * count)
    const made: BookingId[] = []
    for (let wave = 0; wave < 15; wave++) {
      const acts = Array.from({ length: 12 }, (): Act => {
        const kind = (['book', 'book', 'cancel', 'confirm', 'decline'] as const)[pick(5)] ?? 'book'
        if (kind === 'book') return { do: kind, who: pick(PEOPLE), slot: pick(SLOTS) }
        return { do: kind, which: pick(20) }
      })
      arm({ fails: () => random() < 0.3, when })
      await Promise.all(acts.map((act) => perform(act, scene, made)))
      disarm()
      expect(await violations()).toEqual(NONE)
    }
    await rush(scene)
    expect(await violations()).toEqual(NONE)
    expect((await liveBySlot()).map(({ live, capacity }) => capacity - live)).toEqual([0, 0, 0])
  },
)

test('of two confirmations with one revision one succeeds, and the other finds another revision', async () => {
  const { site, root, slot, manager } = await bookingScene()
  const { id } = await bookingOf(await site.member('ada'), await slot())
  const headers = { 'If-Match': '"1"' }
  const replies = await Promise.all(
    [root, await manager()].map((who) => who.post(`/v1/bookings/${id}/confirm`, {}, { headers })),
  )
  expect(replies.map(({ status }) => status)).toEqual(expect.arrayContaining([200, 412]))
  expect(await violations()).toEqual(NONE)
})
