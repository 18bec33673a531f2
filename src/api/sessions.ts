/** Sessions of the built-in login: seen and ended by whose they are, and by who looks after members. */
import * as z from 'zod'
import { listOf, pageOf, PageQuery } from '../http/pagination.ts'
import { route } from '../http/route.ts'
import { endSessions } from '../operations/end-sessions.ts'
import { notFound } from '../problem.ts'
import type { SessionRow } from '../repositories/sessions.ts'
import type { Authenticated } from '../security/callers/authenticate.ts'
import { shownText, SortTime, Timestamp, UserId } from './schemas.ts'

const ID = /^[A-Za-z0-9-]{1,64}$/

/** Of the session that `npm run seed` begins. */
export const EXAMPLE_SESSION_ID = 'session-of-the-seed'

const SessionId = z
  .string()
  .regex(ID)
  .meta({ description: 'Id of a session', maxLength: 64, examples: [EXAMPLE_SESSION_ID] })

const Session = z
  .object({
    id: z.string().meta({ pattern: ID.source, maxLength: 64 }),
    userAgent: shownText(500)
      .nullable()
      .meta({ description: 'What the browser called itself when the session began' }),
    createdAt: Timestamp,
    expiresAt: Timestamp,
    current: z.boolean().meta({ description: 'Whether this request came with it' }),
  })
  .meta({ id: 'Session' })

const param = z.object({ userId: UserId })

export const listSessions = route({
  method: 'GET',
  path: '/v1/users/:userId/sessions',
  summary: 'The open sessions of a member at the login of this site, oldest first',
  access: { may: 'session:end', owner: ':userId' },
  input: { param, query: z.object(PageQuery) },
  output: listOf(Session),
  async run({ input, grant, caller: { authenticated }, deps }) {
    const current = currentOf(authenticated)
    const rows = await deps.sessions.list(grant.scope, input.param.userId, current)
    return pageOf({
      name: `sessions?${input.param.userId}`,
      query: input.query,
      key: z.tuple([SortTime, SessionId]),
      keyOf: ({ createdAt, id }): [string, string] => [createdAt, id],
      all: (rows ?? notFound('member')).map(shown),
    })
  },
})

export const deleteSessions = route({
  method: 'DELETE',
  path: '/v1/users/:userId/sessions',
  summary: 'Sign a member out everywhere: all sessions at the login of this site end',
  access: { may: 'session:end', owner: ':userId', takesFrom: 'the member' },
  input: { param },
  output: 'nothing',
  async run({ input, grant, deps }) {
    await endSessions(grant, input.param, deps)
  },
})

export const deleteSession = route({
  method: 'DELETE',
  path: '/v1/users/:userId/sessions/:sessionId',
  summary: 'End one session of a member',
  access: { may: 'session:end', owner: ':userId', takesFrom: 'the member' },
  input: { param: z.object({ userId: UserId, sessionId: SessionId }) },
  output: 'nothing',
  async run({ input, grant, deps }) {
    await endSessions(grant, input.param, deps)
  },
})

/** Browsers call themselves whatever they like, so only what an answer may hold is shown. */
function shown({ userAgent, createdAt, expiresAt, ...rest }: SessionRow) {
  return {
    ...rest,
    userAgent: userAgent && plain(userAgent),
    createdAt: createdAt.toISOString(),
    expiresAt: expiresAt.toISOString(),
  }
}

function currentOf(authenticated: Authenticated) {
  if (authenticated.type === 'jwt') return { id: authenticated.token.sessionId }
  return authenticated.type === 'session' ? { token: authenticated.token } : {}
}

function plain(text: string): string {
  const line = text.replaceAll(/\p{Cc}/gu, '\u{FFFD}').toWellFormed()
  return Array.from(line).slice(0, 500).join('')
}
