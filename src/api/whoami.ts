/** Who the server takes the caller for, and what they may do. */
import * as z from 'zod'
import { route } from '../http/route.ts'
import type { Authenticated } from '../security/callers/authenticate.ts'
import { entriesOf, rightsOf } from '../security/decide.ts'
import { roleNamesOf } from '../security/held-roles.ts'
import { MANY, shownId, shownName, shownText, Timestamp } from './schemas.ts'

const Whoami = z
  .object({
    kind: z.enum(['anonymous', 'visitor', 'member', 'partner']),
    userId: shownId('usr').optional(),
    visitorId: shownName(30).optional(),
    keyId: shownName(30).optional(),
    roles: z.array(shownName()).max(MANY),
    suspension: z
      .object({ reason: shownText(500).nullable() })
      .optional()
      .meta({ description: 'Only to a member who is suspended: why, if somebody said' }),
    permissions: z
      .array(z.object({ permission: shownName(), reach: z.enum(['own', 'any']) }))
      .max(MANY),
    credential: z.object({
      type: z.enum(['none', 'jwt', 'api-key', 'session']),
      issuer: shownText(2048).optional(),
      expiresAt: Timestamp.optional(),
    }),
  })
  .meta({ id: 'Whoami' })

export const readWhoami = route({
  method: 'GET',
  path: '/v1/whoami',
  summary: 'Who you are to this site, and what you may do',
  access: {
    open: 'Everybody may ask who they are taken for; the answer is about the caller alone',
  },
  input: {},
  output: Whoami,
  async run({ caller: { actor, authenticated }, deps }) {
    const isSuspended = actor.kind === 'member' && actor.status === 'suspended'
    const member = isSuspended && (await deps.users.find({ owner: actor.userId }, actor.userId))
    const permissions = entriesOf(rightsOf(actor)).map(([permission, reach]) => ({
      permission,
      reach,
    }))
    return {
      ...actor,
      roles: actor.kind === 'member' ? roleNamesOf(actor) : [],
      permissions,
      ...(member && { suspension: { reason: member.suspensionReason } }),
      credential: credentialOf(authenticated),
    }
  },
})

function credentialOf(authenticated: Authenticated) {
  switch (authenticated.type) {
    case 'anonymous':
    case 'dry run':
      return { type: 'none' } as const
    case 'api-key':
    case 'session':
      return { type: authenticated.type }
    case 'jwt': {
      const { issuer, expiresAt } = authenticated.token
      return { type: 'jwt', issuer, expiresAt: new Date(expiresAt).toISOString() } as const
    }
  }
}
