/**
 * Many slots, each with more people at once than it has places, while bookings are confirmed and
 * canceled in between; and the same with storage that fails. There are 4 slots and 60 people for
 * each, and 200 of both with `npm run test:full`.
 */
import { beforeEach, expect, test, vi } from 'vitest'
import type { BookingId } from '../../src/db/ids.ts'
import { perform, stage } from '../support/booking-stage.ts'
import { liveBySlot, NONE, violations } from '../support/bookings.ts'
import { failingStorage } from '../support/failing.ts'
import { rowsOf } from '../support/population.ts'
import { seeded } from '../support/seeded.ts'
import { progress, sized } from '../support/size.ts'
import { testSite } from '../support/site.ts'

const SLOTS = sized(200, 4)
const PEOPLE = sized(200, 60)
const capacities = Array.from({ length: SLOTS }, (_, slot) => 1 + (slot % 10))

beforeEach(() => {
  vi.spyOn(console, 'error').mockReturnValue()
})

type Scene = Awaited<ReturnType<typeof stage>>

/** Everybody books at once; some then confirm or cancel what was booked, and some try again. */
async function rush(scene: Scene, slot: number, random: () => number): Promise<void> {
  const made: BookingId[] = []
  await Promise.all(
    scene.people.map(async (_, who) => {
      await perform({ do: 'book', who, slot }, scene, made)
      const which = Math.floor(random() * PEOPLE)
      if (who % 20 === 0) await perform({ do: 'confirm', which }, scene, made)
      if (who % 25 === 1) await perform({ do: 'cancel', which }, scene, made)
      if (who % 8 === 2) await perform({ do: 'book', who, slot }, scene, made)
    }),
  )
}

/** The number of places that nobody holds; it is negative if there are too many bookings. */
async function freePlaces(scene: Scene, slot: number): Promise<number> {
  const [row] = await rowsOf<{ free: number }>(
    `select capacity - (select count(*) from bookings where slot_id = slots.id
       and status in ('pending', 'confirmed')) as free from slots where id = ?`,
    scene.slots[slot],
  )
  return row?.free ?? NaN
}

/** Lets those who want a place and have none ask again, one by one, until no place is free. */
async function fill(scene: Scene, slot: number): Promise<void> {
  for (const who of scene.people.keys()) {
    if ((await freePlaces(scene, slot)) === 0) return
    await perform({ do: 'book', who, slot }, scene, [])
  }
}

test.each([
  ['answers', 0],
  ['fails every tenth time', 0.1],
] as const)(
  `${SLOTS} slots, ${PEOPLE} people at once for each, and storage that %s`,
  async (_, failing) => {
    const { storage, arm, disarm } = failingStorage()
    const scene = await stage({ people: PEOPLE, capacities }, testSite(storage))
    const random = seeded(11)
    const left: number[] = []
    for (const slot of scene.slots.keys()) {
      arm({ fails: () => random() < failing, when: slot % 2 ? 'before' : 'after' })
      await rush(scene, slot, random)
      disarm()
      left.push(await freePlaces(scene, slot))
      await fill(scene, slot)
      progress(slot + 1, SLOTS)
    }
    expect(left.filter((free) => !(free >= 0))).toEqual([])
    expect(await violations()).toEqual(NONE)
    const taken = new Map((await liveBySlot()).map(({ id, live }) => [id, live]))
    expect(scene.slots.map((id) => taken.get(id))).toEqual(capacities)
    const [sum] = await rowsOf(
      `select (select sum(revision) from bookings) as changes,
         (select count(*) from audit_log where action like 'booking.%') as audited,
         (select count(*) from bookings where status = 'canceled') > 0 as canceled,
         (select count(*) from bookings where status = 'confirmed') > 0 as confirmed`,
    )
    expect(sum).toEqual({ changes: sum?.audited, audited: sum?.audited, canceled: 1, confirmed: 1 })
  },
  // The full size takes a few minutes on an idle machine, and longer on a busy one.
  3_600_000,
)
