/** People and slots put straight into storage, for thousands of acts without HTTP. */
import { openSession } from '../../src/db/client.ts'
import { type BookingId, newId, type SlotId } from '../../src/db/ids.ts'
import { type Deps, makeDeps } from '../../src/deps.ts'
import { book } from '../../src/operations/book.ts'
import {
  cancelBooking,
  confirmBooking,
  declineBooking,
} from '../../src/operations/decide-booking.ts'
import { deleteSlot } from '../../src/operations/manage-services.ts'
import type { MemberActor, VisitorActor } from '../../src/security/actor.ts'
import { type Grant, withGrant } from '../../src/security/grant.ts'
import type { Permission, Role } from '../../src/security/permissions.ts'
import { MINUTE, newContact } from './bookings.ts'
import { populate, rowsOf } from './population.ts'
import { testSite } from './site.ts'

type Person = MemberActor | VisitorActor

interface Stage {
  readonly people: readonly Person[]
  readonly manager: MemberActor
  readonly slots: readonly SlotId[]
  /** The dependencies of a request that came in so many minutes ago. */
  readonly deps: (minutesAgo: number) => Deps
}

interface Wish {
  readonly people: number
  /** The number of places of each slot. */
  readonly capacities: readonly number[]
  /** Minutes for which a pending booking holds its place; without them, until it is settled. */
  readonly holdMinutes?: number
}

/** Half of the people are members, half visitors. The storage in `env` may count calls or fail. */
export async function stage(
  { people, capacities, holdMinutes }: Wish,
  { env } = testSite(),
): Promise<Stage> {
  const now = Date.now()
  const [boss, ...rest] = await populate(Math.ceil(people / 2) + 1, 1)
  if (!boss) throw new Error('nobody there')
  const members = rest.map(({ userId }) => memberOf(userId, []))
  const visitors = Array.from({ length: people - members.length }, (): VisitorActor => ({
    kind: 'visitor',
    visitorId: newId('vis', now),
  }))
  const [serviceId, at] = [newId('svc', now), new Date(now).toISOString()]
  await rowsOf(
    `insert into services values (?, 'S', '', 'UTC', 0, 0, ?3, 1, ?2, ?2)`,
    serviceId,
    at,
    holdMinutes ?? null,
  )
  const slots = capacities.map((capacity) => ({ id: newId('slt', now), capacity }))
  await rowsOf(
    `insert into slots select value ->> 'id', ?2, '2090-01-01T10:00:00.000Z',
       '2090-01-01T11:00:00.000Z', value ->> 'capacity', ?3 from json_each(?1)`,
    JSON.stringify(slots),
    serviceId,
    at,
  )
  return {
    people: [...members, ...visitors],
    manager: memberOf(boss.userId, ['bookings-manager']),
    slots: slots.map(({ id }) => id),
    deps: (minutesAgo) =>
      makeDeps(env, openSession(env.DB, 'primary'), Date.now() - minutesAgo * MINUTE),
  }
}

function memberOf(userId: MemberActor['userId'], roles: Role[]): MemberActor {
  return { kind: 'member', userId, roles, status: 'active', accessRevision: 1 }
}

export type Act = {
  /** Minutes since the request came in. */
  readonly late?: number
} & (
  | { readonly do: 'book'; readonly who: number; readonly slot: number }
  | { readonly do: 'cancel' | 'confirm' | 'decline'; readonly which: number }
  | { readonly do: 'delete'; readonly slot: number }
)

/** A refusal is ignored: tests look only at what is stored afterwards. */
export async function perform(act: Act, scene: Stage, made: BookingId[]): Promise<void> {
  const { people, manager, slots } = scene
  const deps = () => scene.deps(act.late ?? 0)
  const as = <P extends Permission, R>(
    who: Person,
    permission: P,
    work: (grant: Grant<P>) => Promise<R>,
  ) => withGrant(who, permission, 'rows', 'request', work).catch(() => undefined)
  if (act.do === 'book') {
    const [who, slotId] = [people[act.who], slots[act.slot]]
    if (!who || !slotId) return
    const wish = { slotId, note: null, contact: newContact() }
    const done = await as(who, 'booking:create', (grant) => book(grant, wish, undefined, deps()))
    if (done) made.push(done.id)
    return
  }
  if (act.do === 'delete') {
    const slotId = slots[act.slot]
    if (slotId)
      await as(manager, 'service:manage', (grant) => deleteSlot(grant, { slotId }, deps()))
    return
  }
  const bookingId = made[act.which % (made.length || 1)]
  if (!bookingId) return
  const change = { bookingId, reason: null }
  if (act.do === 'cancel') {
    await as(manager, 'booking:cancel', (grant) => cancelBooking(grant, change, undefined, deps()))
  } else {
    const settle = act.do === 'confirm' ? confirmBooking : declineBooking
    await as(manager, 'booking:confirm', (grant) => settle(grant, change, undefined, deps()))
  }
}
