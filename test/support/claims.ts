/** A visitor who has booked, and a member who was that visitor. */
import { bookingOf, bookingScene } from './bookings.ts'
import { type Client, testSite, type Visitor } from './site.ts'

export const claim = (who: Client, { token }: Pick<Visitor, 'token'>) =>
  who.post('/v1/me/bookings/claim', { visitorToken: token })

/** A site where the visitor has a pending, a confirmed and a canceled booking. */
export async function claimScene(site = testSite()) {
  const all = await bookingScene(site)
  const [visitor, ada] = [await site.visitor(), await site.member('ada')]
  const slotId = await all.slot()
  const pending = (await bookingOf(visitor, slotId)).id
  const confirmed = (await bookingOf(visitor, await all.slot({ autoConfirm: true }))).id
  const canceled = (await bookingOf(visitor, await all.slot())).id
  await visitor.post(`/v1/bookings/${canceled}/cancel`)
  return { ...all, visitor, ada, slotId, pending, ids: [canceled, confirmed, pending] }
}

/** The ids of the bookings that somebody sees, newest first. */
export const idsOf = async (who: Client) =>
  (await who.get('/v1/bookings')).body.items.map(({ id }: { id: string }) => id)
