/** The feed of what has changed, for whoever keeps up with the site from outside. */
import * as z from 'zod'
import { EVENT_TYPES } from '../db/actions.ts'
import { decodeCursor, encodeCursor, listOf, PageQuery } from '../http/pagination.ts'
import { route } from '../http/route.ts'
import { Problem } from '../problem.ts'
import { type FeedPlace, toldOf } from '../repositories/feed.ts'
import { MANY, NAME, Revision, shownId, shownName, Timestamp } from './schemas.ts'

const MAX_WAIT_S = 25
/** How often it is looked for news while somebody waits. */
const LOOK_EVERY_MS = 1000
/** With `types`, so many events are looked through for each that is asked for. */
const LOOKED_THROUGH = 3
/** Events that one look for news goes through. */
const LOOKED_THROUGH_AT_ONCE = 1000

const LATEST = 'latest'

const Event = z
  .object({
    id: shownId('evt').meta({ description: 'The same wherever the event is told' }),
    type: shownName().meta({ description: 'As `action` in the audit log' }),
    at: Timestamp,
    subject: shownName().meta({ description: 'The id of what has changed; of a role its name' }),
    revision: Revision.nullable().meta({
      description: 'Of the subject after the change; null for what has none, or is gone',
    }),
    fields: z.array(shownName()).max(MANY).meta({ description: 'What was given or changed' }),
    about: z
      .record(shownName(), z.union([shownName(), z.int()]))
      .meta({ description: 'Other ids, a role, a job, or the total of a milestone' }),
  })
  .meta({ id: 'Event' })

const Types = z
  .string()
  .max(2000)
  .regex(NAMES_OF(NAME), { error: 'expected types of events, with commas between them' })
  .transform((text) => text.split(','))
  .refine((types) => types.every(isEventType), { error: 'expected types that there are' })
  .meta({
    description: 'Only these, with commas between them; all are in the page for partners',
    examples: ['booking.create,booking.cancel'],
  })

const Wait = z.coerce
  .number()
  .int()
  .min(1)
  .max(MAX_WAIT_S)
  .optional()
  .meta({
    description: 'So many seconds the answer may wait for something to tell',
    examples: [1],
  })

const query = z.object({
  ...PageQuery,
  cursor: PageQuery.cursor.meta({
    description: '`nextCursor` of the page before; `latest` for none of what has been so far',
  }),
  types: Types.optional(),
  wait: Wait,
})

type Query = z.output<typeof query>

export const listEvents = route({
  method: 'GET',
  path: '/v1/events',
  summary: 'What has changed, oldest first; ask again with `nextCursor`, which is never null',
  access: { may: 'event:read' },
  input: { query },
  output: listOf(Event),
  async waits({ input: { query }, deps, pause }) {
    const place = await placeOf(query)
    if (query.wait === undefined || query.cursor === LATEST) return false
    // Nothing ever follows a cursor that leads nowhere any more.
    if (place) assertKept(place, (await deps.feed.read(place.position, 0)).state)
    const until = deps.now + query.wait * 1000
    let position = place?.position ?? 0
    while (true) {
      const look = await deps.feed.hasNews(position, query.types, LOOKED_THROUGH_AT_ONCE)
      position = look.upTo
      // Whoever is not at the end is told so, by a cursor that has moved.
      if (look.hasNews || look.isFull || Date.now() >= until) return true
      await pause(Math.min(LOOK_EVERY_MS, until - Date.now()))
    }
  },
  async run({ input: { query }, deps }) {
    const [place, { limit, types }] = [await placeOf(query), query]
    const isLatest = query.cursor === LATEST
    const read = isLatest ? 0 : types ? limit * LOOKED_THROUGH : limit
    const { state, found } = await deps.feed.read(place?.position ?? 0, read)
    if (place) assertKept(place, state)
    const wanted = types ? found.filter(({ type }) => types.includes(type)) : found
    const items = wanted.slice(0, limit)
    // A page that is full ends with its last item, another one with what was looked through.
    const last = items.length === limit ? items.at(-1) : found.at(-1)
    const from = place?.position ?? state.forgotten
    const position = isLatest ? state.position : (last?.position ?? from)
    const next = { generation: state.generation, position }
    return { items: items.map(toldOf), nextCursor: await cursorOf(next) }
  },
})

function NAMES_OF(name: RegExp): RegExp {
  const one = name.source.replaceAll(/^\^|\$$/g, '')
  return new RegExp(`^${one}(?:,${one})*$`)
}

const ALL_TYPES: readonly string[] = EVENT_TYPES

function isEventType(type: string): boolean {
  return ALL_TYPES.includes(type)
}

const CURSOR = 'events'
const Key = z.tuple([z.string().regex(/^[0-9a-f-]{16,36}$/), z.int().min(0)])

/** Undefined for the beginning of what is kept. @throws Problem `validation_failed` */
async function placeOf({ cursor }: Query): Promise<FeedPlace | undefined> {
  if (cursor === undefined || cursor === LATEST) return undefined
  const [generation, position] = await decodeCursor({ name: CURSOR, key: Key }, cursor)
  return { generation, position }
}

async function cursorOf({ generation, position }: FeedPlace): Promise<string> {
  return encodeCursor(CURSOR, [generation, position])
}

/** @throws Problem `cursor_expired` if something behind this place may never be told any more */
function assertKept(place: FeedPlace, state: FeedPlace & { readonly forgotten: number }): void {
  const isOfThisStore = place.generation === state.generation && place.position <= state.position
  if (isOfThisStore && place.position >= state.forgotten) return
  const why = isOfThisStore
    ? 'Events behind this cursor are not kept any more.'
    : 'The site was put back to an earlier state since this cursor was given.'
  throw new Problem('cursor_expired', why)
}
