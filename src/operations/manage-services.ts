import type { Deps } from '../deps.ts'
import { newId, type ServiceId, type SlotId } from '../db/ids.ts'
import { notFound, Problem } from '../problem.ts'
import type { ServicePatch, ServiceRow, SlotRow } from '../repositories/services.ts'
import { accepts, type Revisions } from '../repositories/scope.ts'
import { auditColumns, auditRow } from '../security/audit.ts'
import { decide } from '../security/decide.ts'
import { type Grant, refused } from '../security/grant.ts'
import type { Remember } from './foreseen.ts'
import { changedRow } from './outcome.ts'
import type { Period } from '../calendar/recurrence.ts'

export type NewService = Omit<ServiceRow, 'id' | 'revision' | 'createdAt' | 'updatedAt'>

export async function createService(
  grant: Grant<'service:manage'>,
  service: NewService,
  remember: Remember<ServiceRow>,
  { services, now }: Deps,
): Promise<ServiceRow> {
  const exercised = grant.exercise('service:manage')
  const at = new Date(now).toISOString()
  const row = { ...service, id: newId('svc', now), revision: 1, createdAt: at, updatedAt: at }
  const audit = auditRow(exercised, now, {
    action: 'service.create',
    target: row.id,
    changes: { ...service },
  })
  await services.create(row, audit, await remember?.(row))
  return row
}

/** @throws Problem `not_found`, `precondition_failed` */
export async function updateService(
  grant: Grant<'service:manage'>,
  change: {
    readonly serviceId: ServiceId
    readonly patch: ServicePatch
    readonly revisions: Revisions
  },
  { services, now }: Deps,
): Promise<ServiceRow> {
  const { serviceId, patch, revisions } = change
  const audit = auditRow(grant.exercise('service:manage'), now, {
    action: 'service.update',
    target: serviceId,
    changes: patch,
  })
  return changedRow(await services.update(serviceId, patch, revisions, audit), 'service')
}

/** Its slots go too. @throws Problem `not_found`, `precondition_failed`, `conflict` while bookings live */
export async function deleteService(
  grant: Grant<'service:manage'>,
  { serviceId, revisions }: { readonly serviceId: ServiceId; readonly revisions: Revisions },
  { services, now }: Deps,
): Promise<void> {
  const audit = auditRow(grant.exercise('service:manage'), now, {
    action: 'service.delete',
    target: serviceId,
  })
  const { changed, row } = await services.delete(serviceId, revisions, audit)
  if (changed) return
  const left = row ?? notFound('service')
  if (accepts(revisions, left.revision)) throw withBookings('service')
  changedRow({ changed, row }, 'service')
}

export interface NewSlots {
  readonly serviceId: ServiceId
  readonly periods: readonly Period[]
  readonly capacity: number
}

/** All or none. @throws Problem `not_found`, `conflict` for slots that would overlap */
export async function addSlots(
  grant: Grant<'service:manage'>,
  added: NewSlots,
  remember: Remember<readonly SlotRow[]>,
  { services, now }: Deps,
): Promise<SlotRow[]> {
  const { serviceId, periods, capacity } = added
  const exercised = grant.exercise('service:manage')
  const createdAt = new Date(now).toISOString()
  const rows = periods.map((period) => ({
    ...period,
    id: newId('slt', now),
    serviceId,
    capacity,
    createdAt,
  }))
  const audit = auditRow(exercised, now, {
    action: 'slot.create',
    target: serviceId,
    changes: { slots: rows.length, from: rows[0]?.startsAt, to: rows.at(-1)?.endsAt, capacity },
  })
  if (await services.addSlots(rows, audit, await remember?.(rows))) return rows
  if (!(await services.find(serviceId))) return notFound('service')
  throw new Problem(
    'conflict',
    'A slot of this service overlaps one of these; use its capacity for parallel places.',
  )
}

/**
 * @param reason why its bookings are canceled with it; undefined if they are not
 * @throws Problem `not_found`, `conflict` while bookings live, or if one was made meanwhile; `forbidden` for
 * whoever may not cancel everybody's
 */
export async function deleteSlot(
  grant: Grant<'service:manage'>,
  { slotId, reason }: { readonly slotId: SlotId; readonly reason?: string | null | undefined },
  { services, now }: Deps,
): Promise<void> {
  const exercised = grant.exercise('service:manage')
  const audit = auditRow(exercised, now, { action: 'slot.delete', target: slotId })
  const cancel = async (reason: string | null) => {
    const canceling = decide(exercised.actor, 'booking:cancel', 'site')
    if (!canceling.allowed) throw refused(canceling.refusal)
    const live = await services.bookingsOf(slotId)
    return {
      reason,
      each: live.map(({ id: bookingId }) => ({ bookingId, auditId: newId('aud', now) })),
      audit: auditColumns(exercised, now, {
        action: 'booking.cancel',
        changes: { status: 'canceled', ...(reason !== null && { fields: ['reason'] }) },
      }),
    }
  }
  const canceling = reason === undefined ? undefined : await cancel(reason)
  const { changed, row } = await services.deleteSlot(slotId, audit, canceling)
  if (changed) return
  if (!row) notFound('slot')
  throw withBookings('slot')
}

function withBookings(what: string): Problem {
  return new Problem('conflict', `This ${what} has live bookings; cancel or decline them first.`)
}
