/** The API keys of partners. */
import * as z from 'zod'
import { answerFields, nobody } from '../http/answer-fields.ts'
import type { KeyId as Id } from '../db/ids.ts'
import { listOf, PageQuery, paginate } from '../http/pagination.ts'
import { route } from '../http/route.ts'
import * as operations from '../operations/manage-api-keys.ts'
import { notFound } from '../problem.ts'
import type { ApiKeyRow, CurrentApiKey } from '../repositories/api-keys.ts'
import { effectiveScopes } from '../security/key-rights.ts'
import { isIpRange } from '../security/limits/ip-ranges.ts'
import { KEY_SCOPES } from '../security/permissions.ts'
import {
  Count,
  idOf,
  Instant,
  MANY,
  Revision,
  shownId,
  shownName,
  shownText,
  SOME_FIELD,
  text,
  Timestamp,
  UtcDay,
} from './schemas.ts'

const KeyId = idOf('key', 'Id of an API key')
const param = z.object({ keyId: KeyId })

const RateLimit = z
  .strictObject({ limit: z.int().min(1).max(1_000_000), windowSeconds: z.int().min(1).max(86_400) })
  .meta({ id: 'KeyRateLimit', description: 'So many requests in each window, counted exactly' })

const IpRange = z
  .string()
  .max(50)
  .refine(isIpRange, {
    error: 'expected an IP address or a range such as 192.0.2.0/24 or 2001:db8::/32',
  })
  .meta({
    pattern: '^[0-9A-Fa-f.:/]+$',
    description: 'An address or a range, as in 192.0.2.0/24 or 2001:db8::/32',
  })

const KeyScope = z.enum(KEY_SCOPES).meta({ id: 'KeyScope' })

const writable = {
  name: text(1, 100),
  scopes: z
    .array(KeyScope)
    .max(KEY_SCOPES.length)
    .transform((scopes) => [...new Set(scopes)])
    .meta({
      description: 'Permissions, always with reach any; at no moment more than the creator has',
    }),
  expiresAt: Instant.nullable().meta({
    description: 'A time that is still to come; null for never',
  }),
  allowedIps: z
    .array(IpRange)
    .min(1)
    .max(50)
    .nullable()
    .meta({ description: 'Null for everywhere' }),
  rateLimit: RateLimit.nullable(),
  monthlyQuota: z.int().min(1).max(1_000_000_000).nullable().meta({ description: 'Per UTC month' }),
}

const NewApiKey = z
  .strictObject({
    name: writable.name,
    scopes: writable.scopes,
    expiresAt: writable.expiresAt.default(null),
    allowedIps: writable.allowedIps.default(null),
    rateLimit: writable.rateLimit.default(null),
    monthlyQuota: writable.monthlyQuota.default(null),
  })
  .meta({ id: 'NewApiKey', examples: [{ name: 'Door', scopes: ['profile:read'] }] })

const ApiKeyPatch = z
  .strictObject({ ...writable, enabled: z.boolean() })
  .partial()
  .refine(...SOME_FIELD)
  .meta({ id: 'ApiKeyPatch', minProperties: 1, examples: [{ monthlyQuota: 100_000 }] })

const shown = {
  id: shownId('key'),
  name: shownText(100),
  scopes: z.array(shownName()).max(MANY),
  effectiveScopes: z.array(shownName()).max(MANY).meta({
    description:
      'What of its scopes it may do now: nothing that its creator, who may have lost rights or be suspended, may not',
  }),
  createdBy: shownId('usr'),
  enabled: z.boolean(),
  expiresAt: Timestamp.nullable(),
  allowedIps: z.array(shownText(50)).max(MANY).nullable(),
  rateLimit: RateLimit.nullable(),
  monthlyQuota: Count.nullable(),
  revokedAt: Timestamp.nullable(),
  revision: Revision,
  createdAt: Timestamp,
  updatedAt: Timestamp,
}
const ApiKey = z
  .object(shown)
  .meta({ id: 'ApiKey' })
  .register(answerFields, { etag: ({ revision }) => revision, showsMore: true })
const IssuedApiKey = z
  .object({
    ...shown,
    secret: shownName(120).meta({ description: 'The key as it is sent; shown this once' }),
  })
  .meta({ id: 'IssuedApiKey' })
  .register(answerFields, { etag: ({ revision }) => revision, showsMore: true, about: nobody })

export const listApiKeys = route({
  method: 'GET',
  path: '/v1/api-keys',
  summary: 'All API keys, newest first; revoked ones stay on record',
  access: { may: 'api-key:manage' },
  input: { query: z.object(PageQuery) },
  output: listOf(ApiKey),
  async run({ input, deps }) {
    const page = await paginate<CurrentApiKey, [Id]>({
      name: 'api-keys',
      query: input.query,
      key: z.tuple([KeyId]),
      keyOf: ({ id }) => [id],
      read: (after, limit) => deps.apiKeys.list({ after: after?.[0], limit }),
    })
    return { ...page, items: page.items.map(shownCurrent) }
  },
})

export const readApiKey = route({
  method: 'GET',
  path: '/v1/api-keys/:keyId',
  summary: 'An API key, without its secret',
  access: { may: 'api-key:manage' },
  input: { param },
  output: ApiKey,
  async run({ input, deps }) {
    return shownCurrent((await deps.apiKeys.find(input.param.keyId)) ?? notFound('API key'))
  },
})

export const createApiKey = route({
  method: 'POST',
  path: '/v1/api-keys',
  summary: 'Create an API key; its secret is shown in this answer and never again',
  access: { may: 'api-key:manage' },
  input: { json: NewApiKey },
  output: IssuedApiKey,
  statuses: [201],
  location: ({ id }) => id,
  idempotent: 'd1',
  async run({ input, grant, request: { remember }, deps }) {
    const { rateLimit, ...rest } = input.json
    const key = { ...rest, ...columnsOf(rateLimit) }
    return shownNew(await operations.createApiKey(grant, key, remember(shownNew), deps))
  },
})

export const patchApiKey = route({
  method: 'PATCH',
  path: '/v1/api-keys/:keyId',
  summary: 'Change what an API key may do; in force when this answers',
  access: { may: 'api-key:manage', takesFrom: 'the key and its creator' },
  input: { param, json: ApiKeyPatch },
  output: ApiKey,
  conditional: true,
  async run({ input, grant, request: { revisions }, deps }) {
    const { rateLimit, ...rest } = input.json
    const patch = { ...rest, ...(rateLimit !== undefined && columnsOf(rateLimit)) }
    const change = { keyId: input.param.keyId, patch, revisions }
    return shownCurrent(await operations.updateApiKey(grant, change, deps))
  },
})

export const deleteApiKey = route({
  method: 'DELETE',
  path: '/v1/api-keys/:keyId',
  summary: 'Revoke an API key for good; in force when this answers',
  access: { may: 'api-key:manage', takesFrom: 'the key and its creator' },
  input: { param },
  output: 'nothing',
  conditional: true,
  async run({ input, grant, request: { revisions }, deps }) {
    await operations.revokeApiKey(grant, { keyId: input.param.keyId, revisions }, deps)
  },
})

const Rotation = z
  .strictObject({
    graceSeconds: z
      .int()
      .min(0)
      .max(30 * 86_400)
      .default(0),
  })
  .meta({
    id: 'KeyRotation',
    description: 'How long the secrets so far still work',
    examples: [{ graceSeconds: 3600 }],
  })

export const rotateApiKey = route({
  method: 'POST',
  path: '/v1/api-keys/:keyId/rotate',
  summary: 'Give an API key a new secret; those so far work at most until the grace ends',
  access: { may: 'api-key:manage', takesFrom: 'the key and its creator' },
  input: { param, json: Rotation },
  output: IssuedApiKey,
  statuses: [201],
  idempotent: 'd1',
  async run({ input, grant, request: { remember }, deps }) {
    const rotation = { keyId: input.param.keyId, ...input.json }
    return shownCurrent(
      await operations.rotateApiKey(grant, rotation, remember(shownCurrent), deps),
    )
  },
})

const Usage = z
  .object({
    keyId: shownId('key'),
    lastUsedAt: Timestamp.nullable(),
    byDay: z
      .array(z.object({ day: UtcDay, requests: Count, refused: Count }))
      .max(MANY)
      .meta({
        description: 'Newest first, for the last 90; up to a minute behind',
      }),
  })
  .meta({ id: 'ApiKeyUsage' })

export const readApiKeyUsage = route({
  method: 'GET',
  path: '/v1/api-keys/:keyId/usage',
  summary: 'How much an API key was used, by day',
  access: { may: 'api-key:manage' },
  input: { param },
  output: Usage,
  async run({ input, deps }) {
    const { keyId } = input.param
    return { keyId, ...((await deps.apiKeys.usage(keyId, 90)) ?? notFound('API key')) }
  },
})

function shownCurrent<Row extends CurrentApiKey>(row: Row) {
  const { creator } = row
  return shownKey(row, creator ? effectiveScopes({ key: row, creator }) : [])
}

/** Nobody gives a key a scope that they do not have. */
function shownNew(row: operations.IssuedApiKey) {
  return shownKey(row, row.scopes)
}

/** The limit is one thing to a caller and two columns to the table. */
function shownKey<Row extends ApiKeyRow>(row: Row, effective: readonly string[]) {
  const { scopes, allowedIps, rateLimit, rateWindowSeconds } = row
  const hasLimit = rateLimit !== null && rateWindowSeconds !== null
  return {
    ...row,
    scopes: [...scopes],
    effectiveScopes: [...effective],
    allowedIps: allowedIps && [...allowedIps],
    rateLimit: hasLimit ? { limit: rateLimit, windowSeconds: rateWindowSeconds } : null,
  }
}

function columnsOf(limit: z.output<typeof RateLimit> | null) {
  return { rateLimit: limit?.limit ?? null, rateWindowSeconds: limit?.windowSeconds ?? null }
}
