/** How the site is, for whoever runs it; `/healthz` says in a word whether something is wrong. */
import * as z from 'zod'
import { route } from '../http/route.ts'
import { FAULTS } from '../readiness.ts'
import { VERSION } from '../settings/version.ts'
import { Count, MANY, shownName, shownText, Timestamp } from './schemas.ts'

const Health = z
  .object({
    version: shownName(),
    environment: shownName(),
    databaseOf: shownName().optional(),
    /** The first one is what `/healthz` says. */
    faults: z.array(z.enum(FAULTS)).max(FAULTS.length),
    schemaLevel: shownName().optional(),
    /** What the database lacks. */
    missing: z.array(shownText(200)).max(MANY),
    /** Settings that are not what the site was made with. */
    differing: z.array(shownText(200)).max(2).optional(),
    database: z.object({ milliseconds: Count, bytes: Count.optional(), bytesLimit: Count }),
    shards: z
      .array(
        z.object({
          shard: Count,
          answers: z.boolean(),
          bytes: Count.optional(),
          crossings: Count.optional(),
        }),
      )
      .max(1024),
    lastTickAt: Timestamp.optional(),
    secondsSinceTick: Count.optional(),
    backlog: z.record(shownName(), Count).meta({
      description: 'What waits, as far as somebody could say; 1000 stands for more',
    }),
  })
  .meta({ id: 'Health' })

/** What one database of the platform holds at most. */
const D1_BYTES = 10 * 1024 ** 3

export const readSiteHealth = route({
  method: 'GET',
  path: '/v1/health',
  summary: 'How the site is: schema, storage, schedule, and what waits',
  access: { may: 'health:read' },
  input: {},
  output: Health,
  async run({ deps }) {
    const { database, ...rest } = await deps.health()
    return { version: VERSION, ...rest, database: { ...database, bytesLimit: D1_BYTES } }
  },
})
