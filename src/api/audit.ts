/** What was done, by whom, for whom and why; and what the backend may do by itself. */
import * as z from 'zod'
import type { AuditId } from '../db/ids.ts'
import { listOf, pageOfConstant, PageQuery, paginate } from '../http/pagination.ts'
import { route } from '../http/route.ts'
import { verifyAudit as verify } from '../operations/verify-audit.ts'
import { ELEVATED_IDENTITIES } from '../security/elevated-identities.ts'
import {
  Count,
  exampleId,
  idOf,
  Instant,
  MANY,
  NAME,
  shownId,
  shownName,
  shownText,
  Timestamp,
} from './schemas.ts'

const AuditEntry = z
  .object({
    id: shownId('aud'),
    at: Timestamp,
    actor: shownName().meta({
      description: '`usr_…`, `key_…`, `vis_…` or `system:<elevated identity>`',
    }),
    onBehalfOf: shownName().optional(),
    action: shownName(),
    target: shownName(),
    reason: shownText(1000).optional(),
    requestId: z.string().meta({ format: 'uuid', maxLength: 36 }).optional(),
    changes: z
      .record(shownName(), z.unknown())
      .meta({ description: 'New values; for personal data the names of the fields only' }),
  })
  .meta({ id: 'AuditEntry' })

const Filter = z.string().max(100).regex(NAME, 'expected a name as in the entries').optional()
const Period = Instant.transform((time) => Date.parse(time)).optional()

export const listAudit = route({
  method: 'GET',
  path: '/v1/audit',
  summary: 'The audit log, newest first',
  access: { may: 'audit:read' },
  input: {
    query: z.object({
      ...PageQuery,
      actor: Filter.meta({ description: 'Who acted', examples: [exampleId('usr')] }),
      action: Filter.meta({
        description: 'What was done, as in `badge.assign`',
        examples: ['badge.assign'],
      }),
      target: Filter.meta({ description: 'Id of what was changed', examples: [exampleId('bdg')] }),
      since: Period.meta({
        description: 'From this time on',
        format: 'date-time',
        examples: ['2026-01-01T00:00:00Z'],
      }),
      until: Period.meta({
        description: 'Before this time',
        format: 'date-time',
        examples: ['2060-01-01T00:00:00Z'],
      }),
    }),
  },
  output: listOf(AuditEntry),
  async run({ input, deps }) {
    const { limit, cursor, ...filter } = input.query
    const page = await paginate<Awaited<ReturnType<typeof deps.auditLog.list>>[number], [AuditId]>({
      name: `audit?${JSON.stringify(filter)}`,
      query: { limit, cursor },
      key: z.tuple([idOf('aud', 'Id of an entry')]),
      keyOf: ({ id }) => [id],
      read: (after, limit) => deps.auditLog.list(filter, { after: after?.[0], limit }),
    })
    return { ...page, items: page.items.map(withoutNulls) }
  },
})

const Verification = z
  .object({
    stretches: Count,
    entries: Count,
    removed: Count,
    /** Stretches that are cleared, of which only the seal was read. */
    unread: Count,
    /** The first thing that is not as it was sealed. */
    fault: z
      .object({
        stretch: Count,
        what: z.enum(['signature', 'order', 'head', 'missing', 'changed', 'added', 'file']),
        // Whoever adds one chooses its id.
        entry: shownText(200).optional(),
      })
      .nullable(),
    next: Count.nullable().meta({ description: '`from` of the next call; null at the end' }),
  })
  .meta({ id: 'AuditVerification' })

export const verifyAudit = route({
  method: 'GET',
  path: '/v1/audit/verify',
  summary: 'Hold the audit log against its seals, some at a time',
  access: { may: 'audit:read' },
  input: {
    query: z.object({
      from: z
        .string()
        .max(9)
        .regex(/^[1-9]\d*$/, 'expected the number of a stretch')
        .default('1')
        .transform(Number)
        .meta({ description: 'Number of the first stretch', examples: ['1'] }),
    }),
  },
  output: Verification,
  async run({ input, grant, deps }) {
    const { fault, next, ...rest } = await verify(grant, input.query.from, deps)
    const shown = fault && {
      ...fault,
      ...(fault.entry && { entry: fault.entry.slice(0, 100).replaceAll(/[^ -~]/g, '?') }),
    }
    return { ...rest, fault: shown ?? null, next: next ?? null }
  },
})

function withoutNulls<
  Row extends { onBehalfOf: string | null; reason: string | null; requestId: string | null },
>(row: Row) {
  const { onBehalfOf, reason, requestId, ...rest } = row
  return {
    ...rest,
    ...(onBehalfOf && { onBehalfOf }),
    ...(reason && { reason }),
    ...(requestId && { requestId }),
  }
}

const ElevatedIdentity = z
  .object({
    identity: shownName(),
    may: z.array(shownName()).max(MANY),
    why: shownText(1000),
    trigger: shownText(1000),
  })
  .meta({ id: 'ElevatedIdentity' })

export const listElevations = route({
  method: 'GET',
  path: '/v1/elevations',
  summary: 'Every elevated identity: what it may do, why, and which trigger mints it',
  access: { may: 'audit:read' },
  input: { query: z.object(PageQuery) },
  output: listOf(ElevatedIdentity),
  async run({ input }) {
    const all = Object.entries(ELEVATED_IDENTITIES).map(([identity, definition]) => ({
      identity,
      ...definition,
      may: [...definition.may],
    }))
    const list = { name: 'elevations', query: input.query, all }
    return pageOfConstant(list, ({ identity }) => identity)
  },
})
