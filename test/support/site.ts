/**
 * A whole site for one test: the real Worker on workerd, real D1 and Durable Objects, real
 * signatures. Every answer is checked on the way: against the OpenAPI document, and its ETag.
 */
import {
  createExecutionContext,
  createScheduledController,
  waitOnExecutionContext,
} from 'cloudflare:test'
import { env as bindings } from 'cloudflare:workers'
import { TRIGGER } from '../../src/cron/schedule.ts'
import type { UserId, VisitorId } from '../../src/db/ids.ts'
import type { Bindings } from '../../src/env.ts'
import { arrivalOf } from '../../src/http/arrival.ts'
import worker from '../../src/worker.ts'
import { assertDocumented } from './documented.ts'
import { whileTagsMove } from './tags.ts'
import { makeIssuer } from './tokens.ts'
import { whileUnderWay } from './under-way.ts'

export const ORIGIN = 'https://members.example'
export const ISSUER = await makeIssuer()

/** The client of the issuer whose ID tokens say what people are called. */
export const CLIENT_ID = 'front-end'

/** Settings every test site has: one issuer, and its subject `root` as the first admin. */
export const SETTINGS = {
  TRUSTED_ISSUERS: JSON.stringify([
    {
      issuer: ISSUER.issuer,
      audience: ISSUER.audience,
      jwks: ISSUER.jwks,
      clientIds: [CLIENT_ID],
    },
  ]),
  BOOTSTRAP_ADMINS: JSON.stringify([`${ISSUER.issuer}|root`]),
  VISIT_SHARDS: '4',
  SELF_DELETION: 'on',
  // Tests change what is stored behind the site's back; test/api/kept-answers.test.ts is about it.
  KEEP_PUBLIC_ANSWERS: 'off',
} satisfies Partial<Bindings>

export interface Reply {
  readonly status: number
  readonly headers: Headers
  /** Parsed JSON; undefined if there was no body. Tests say what they expect of it. */
  // oxlint-disable-next-line typescript/no-explicit-any
  readonly body: any
  /** The body as it came. */
  readonly text: string
}

export interface CallOptions {
  readonly headers?: Readonly<Record<string, string>>
  /** A body that is sent as JSON. */
  readonly json?: unknown
  /** A body that is sent as it is. */
  readonly raw?: BodyInit
}

/** The API as one caller sees it. */
export interface Client {
  call(method: string, path: string, options?: CallOptions): Promise<Reply>
  get(path: string, options?: CallOptions): Promise<Reply>
  post(path: string, json?: unknown, options?: CallOptions): Promise<Reply>
  put(path: string, json?: unknown, options?: CallOptions): Promise<Reply>
  patch(path: string, json: unknown, options?: CallOptions): Promise<Reply>
  delete(path: string, options?: CallOptions): Promise<Reply>
}

/** A member with their client and id. */
export interface Member extends Client {
  readonly userId: UserId
  readonly token: string
}

/** A visitor with their client and id. */
export interface Visitor extends Client {
  readonly visitorId: VisitorId
  readonly token: string
}

export type Site = ReturnType<typeof testSite>

/** A way for a request to get to the Worker, and for the answer to get back. */
export type Way = (request: Request, env: Bindings) => Promise<Response>

/**
 * Passes by the platform: the test calls the Worker, and waits for all it does. How long that takes says
 * something about the machine only, so it has the time it takes.
 */
export const directly: Way = async (request, env) => {
  const ctx = createExecutionContext()
  const answer = worker.fetch(request, env, ctx)
  arrivalOf(request).end()
  const response = await answer
  await waitOnExecutionContext(ctx)
  return response
}

/** @param overrides settings, or bindings that count or fail */
export function testSite(overrides: Partial<Bindings> = {}, way: Way = directly) {
  // All tests come from one address, so its limit is off unless a test is about it.
  const env: Bindings = { ...bindings, ADDRESSES: undefined, ...SETTINGS, ...overrides }

  const assertUnderWay = whileUnderWay()
  const assertTagMoves = whileTagsMove()

  async function fetch(request: Request): Promise<Response> {
    assertUnderWay()
    return way(request, env)
  }

  function client(authorization?: Readonly<Record<string, string>>): Client {
    const call = async (method: string, path: string, { headers, json, raw }: CallOptions = {}) => {
      const request = new Request(`${ORIGIN}${path}`, {
        method,
        headers: {
          ...(json !== undefined && { 'Content-Type': 'application/json' }),
          ...authorization,
          ...headers,
        },
        ...(json !== undefined && { body: JSON.stringify(json) }),
        ...(raw !== undefined && { body: raw }),
      })
      const response = await fetch(request)
      const text = await response.text()
      const isJson = /json/.test(response.headers.get('Content-Type') ?? '')
      const body: unknown = isJson && text !== '' ? JSON.parse(text) : undefined
      assertDocumented(method, path, response, isJson ? body : text || undefined)
      if (method === 'GET') assertTagMoves(path, response, text)
      return { status: response.status, headers: response.headers, body, text }
    }
    return {
      call,
      get: (path, options) => call('GET', path, options),
      post: (path, json, options) => call('POST', path, { json, ...options }),
      put: (path, json, options) => call('PUT', path, { json, ...options }),
      patch: (path, json, options) => call('PATCH', path, { json, ...options }),
      delete: (path, options) => call('DELETE', path, options),
    }
  }

  /** Signs in a subject of the issuer; the first time makes the member. */
  async function member(
    subject: string,
    claims: Readonly<Record<string, unknown>> = {},
  ): Promise<Member> {
    const signedInAt = Math.floor(Date.now() / 1000)
    const token = await ISSUER.sign({ sub: subject, auth_time: signedInAt, ...claims })
    const signedIn = client({ Authorization: `Bearer ${token}` })
    const { body } = await signedIn.get('/v1/whoami')
    return { ...signedIn, userId: body.userId, token }
  }

  /** A member with a role, given by the first admin. */
  async function memberWith(role: string, subject: string = role): Promise<Member> {
    const [root, who] = [await member('root'), await member(subject)]
    await root.put(`/v1/users/${who.userId}/roles/${role}`)
    return who
  }

  async function visitor(): Promise<Visitor> {
    const { body } = await client().post('/v1/visitors')
    return { ...client({ Authorization: `Bearer ${body.token}` }), ...body }
  }

  return {
    env,
    fetch,
    anonymous: client(),
    /** The API with this Authorization header, good or bad. */
    bearer: (token: string) => client({ Authorization: `Bearer ${token}` }),
    member,
    memberWith,
    /** Somebody new, without an account. */
    visitor,
    /** The first admin. */
    root: () => member('root'),
    /** A cron tick at `now` (milliseconds). @throws what the tick throws */
    async tick(now = Date.now()): Promise<void> {
      assertUnderWay()
      const ctx = createExecutionContext()
      await worker.scheduled(
        createScheduledController({ cron: TRIGGER, scheduledTime: new Date(now) }),
        env,
      )
      await waitOnExecutionContext(ctx)
    },
  }
}
