/** What a call would answer, and why: one's own, or somebody else's. Nothing is changed by it. */
import * as z from 'zod'
import type { Deps } from '../deps.ts'
import { explanationOf, OUTCOMES, STEPS } from '../http/explain/explain.ts'
import { explainPage } from '../http/explain/explain-page.ts'
import { type CallerContext, route } from '../http/route.ts'
import { invalidField, notFound } from '../problem.ts'
import type { Subject } from '../security/actor.ts'
import { decide } from '../security/decide.ts'
import { refused } from '../security/grant.ts'
import { canonicalPath } from '../security/pages/canonical-path.ts'
import { MAX_PATTERN_LENGTH } from '../security/pages/page-rule.ts'
import { isProductPath } from '../security/pages/product-paths.ts'
import { exampleId, idOf, MANY, shownId, shownName, shownText, UserId } from './schemas.ts'

const KeyId = idOf('key', 'Id of an API key')
const VisitorId = idOf('vis', 'Id of a visitor')

const As = z
  .union(
    [
      z.literal('anonymous').transform((kind): Subject => ({ kind })),
      UserId.transform((userId): Subject => ({ kind: 'member', userId })),
      KeyId.transform((keyId): Subject => ({ kind: 'partner', keyId })),
      VisitorId.transform((visitorId): Subject => ({ kind: 'visitor', visitorId })),
      z.strictObject({ kind: z.literal('anonymous') }),
      z.strictObject({ kind: z.literal('member'), userId: UserId }),
      z.strictObject({ kind: z.literal('partner'), keyId: KeyId }),
      z.strictObject({ kind: z.literal('visitor'), visitorId: VisitorId }),
    ],
    { error: 'expected "anonymous", or the id of a member, an API key or a visitor' },
  )
  .meta({
    description:
      'Whose call it is, by id, or as `whoami` names them; left out, or one’s own id, for oneself. ' +
      'Anybody else takes `explain:others`',
  })

const Path = z
  .string()
  .max(2048)
  .regex(/^\/v1\/[!-~]*$/, { error: 'expected a path under /v1/, in visible ASCII' })
  .refine(staysInPlace, { error: 'expected a path that does not lead out of /v1/' })
  .meta({ description: 'With its query, as in `/v1/users?q=Ada`' })

/** Sent again as JSON; what JSON text can say and JavaScript cannot is refused. */
const Body = z
  .unknown()
  .transform((value, context): string | undefined => {
    try {
      return value === undefined ? undefined : JSON.stringify(value, finite)
    } catch {
      context.addIssue({ code: 'custom', message: 'expected less nesting, and finite numbers' })
      return z.NEVER
    }
  })
  .optional()
  .meta({ description: 'What the call sends; left out if it sends nothing, as with GET' })

/** A page of the site, in its one spelling. */
const Page = z
  .string()
  .max(2048)
  .refine((sent) => 'path' in canonicalPath(withoutQuery(sent)), {
    error: 'expected the path of a page, in a spelling that all servers read alike',
    abort: true,
  })
  .transform((sent, context) => {
    const spelling = canonicalPath(withoutQuery(sent))
    if ('path' in spelling && !isProductPath(spelling.path)) return spelling.path
    const message = 'no rule is about the pages of Guildhall itself; ask with method and path'
    context.addIssue({ code: 'custom', message })
    return z.NEVER
  })
  .meta({
    pattern: '^/',
    description:
      'A page of the site, in place of a call; a query does not matter, as in `/members/x?y=1`',
  })

const Call = z
  .strictObject({
    as: As.optional(),
    method: z.enum(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE']).optional(),
    path: Path.optional(),
    page: Page.optional(),
    body: Body,
    ifMatch: z
      .string()
      .max(1024)
      .regex(/^[ -~]*$/)
      .optional()
      .meta({ description: 'The header If-Match of the call' }),
    ifNoneMatch: z
      .string()
      .max(1024)
      .regex(/^[ -~]*$/)
      .optional()
      .meta({ description: 'The header If-None-Match of the call' }),
  })
  .refine(({ method, body }) => body === undefined || (method !== 'GET' && method !== 'HEAD'), {
    path: ['body'],
    error: 'a call with this method sends no body',
  })
  .meta({
    id: 'Call',
    description: 'A call, with `method` and `path`, or a `page`',
    anyOf: [{ required: ['method', 'path'] }, { required: ['page'] }],
  })
  .transform((sent, context) => {
    const { as, page, method, path, ...rest } = sent
    if (page !== undefined) {
      const more = [method, path, ...Object.values(rest)].some((value) => value !== undefined)
      if (!more) return { as, page }
      const message = 'a page is asked for by itself: with as, and nothing else'
      context.addIssue({ code: 'custom', path: ['page'], message })
      return z.NEVER
    }
    if (method !== undefined && path !== undefined) return { as, method, path, ...rest }
    for (const [name, value] of Object.entries({ method, path })) {
      if (value !== undefined) continue
      context.addIssue({ code: 'custom', path: [name], message: 'this field is required' })
    }
    return z.NEVER
  })
  .meta({ examples: [{ as: exampleId('usr'), method: 'GET', path: '/v1/users?q=Ada' }] })

const Step = z.enum(STEPS)

/** One step of a call, and how it ended. */
export const Check = z
  .object({ stage: Step, outcome: z.enum(OUTCOMES), detail: shownText(1000) })
  .meta({ id: 'Check' })
const Explanation = z
  .object({
    status: z.int().min(200).max(499).meta({
      description:
        'What the call would answer now; for a page 200 is whatever its origin answers, and 303 what a navigation is answered',
    }),
    decisive: Step.meta({ description: 'The step at which that was settled' }),
    checks: z.array(Check).max(STEPS.length),
    stoppedKeys: z
      .array(
        z.object({
          keyId: shownId('key'),
          name: shownText(100),
          scopes: z.array(shownName()).max(MANY).meta({ description: 'What it could not do then' }),
        }),
      )
      .max(MANY)
      .nullable()
      .meta({
        description:
          'API keys that the call would take scopes from, by taking rights from whoever created them; ' +
          'null for callers without `api-key:manage`',
      }),
    pageRule: z
      .object({ id: shownId('pgr'), path: shownText(MAX_PATTERN_LENGTH) })
      .nullable()
      .meta({
        description:
          'The rule that decides about the page; null without one, for calls, and for callers without `page:manage`',
      }),
    change: shownText(1000).nullable().meta({
      description: 'The smallest change after which it would be allowed; null if it is',
    }),
  })
  .meta({ id: 'Explanation' })

export const explain = route({
  method: 'POST',
  path: '/v1/explain',
  summary: 'Why a call would be answered as it would: yours, or with `explain:others` anybody’s',
  access: { may: 'profile:read', owner: 'self' },
  input: { json: Call },
  output: Explanation,
  dryRuns: true,
  asksAgain: true,
  async run({ input, caller, dryRun, lookUp, deps }) {
    const asked = input.json
    const subject = await subjectOf(asked.as, caller, deps)
    if (!dryRun) return UNREAD
    const seesKeys = decide(caller.actor, 'api-key:manage', 'site').allowed
    if ('page' in asked) {
      const explanation = explainPage({
        ...(await deps.pageRules.forPage(subject.kind === 'member' ? subject.userId : undefined)),
        caller: await lookUp(subject),
        path: asked.page,
        standard: deps.settings.pagesDefault,
        hasSignIn: deps.settings.builtInLogin !== undefined,
        seesRules: decide(caller.actor, 'page:manage', 'site').allowed,
      })
      return { ...explanation, stoppedKeys: seesKeys ? [] : null }
    }
    const { as: _, body, ifMatch, ifNoneMatch, ...call } = asked
    const result = await dryRun({ ...call, body, ifMatch, ifNoneMatch }, subject)
    const stoppedKeys = seesKeys ? [...result.stopped] : null
    return { ...explanationOf(result), stoppedKeys, pageRule: null }
  },
})

/** What an explanation says that is only explained itself. */
const UNREAD = {
  status: 200,
  decisive: 'credential',
  checks: [],
  stoppedKeys: null,
  pageRule: null,
  change: null,
} satisfies z.input<typeof Explanation>

/** @throws Problem `forbidden` for somebody else without `explain:others`, `validation_failed` for nobody */
async function subjectOf(
  as: Subject | undefined,
  { actor, identity }: CallerContext,
  deps: Deps,
): Promise<Subject> {
  const { userId } = actor.kind === 'member' ? actor : notFound('member')
  if (!as || (as.kind === 'member' && as.userId === userId))
    return { kind: 'member', userId, identity }
  const decision = decide(actor, 'explain:others', 'site')
  if (!decision.allowed) throw refused(decision.refusal)
  const known = await knownAs(as, deps)
  if (known) return known
  throw invalidField('as', 'no such member or API key')
}

/** A member as with the oldest of their identities. Of visitors nothing is stored, so any may be one. */
async function knownAs(as: Subject, deps: Deps): Promise<Subject | undefined> {
  switch (as.kind) {
    case 'member': {
      const [identity] = await deps.linkedIdentities.list({ owner: as.userId })
      return identity && { ...as, identity }
    }
    case 'partner':
      return (await deps.apiKeys.find(as.keyId)) && as
    case 'visitor':
    case 'anonymous':
      return as
  }
}

/** A page is decided about by its path alone. */
function withoutQuery(sent: string): string {
  return sent.replace(/[?#].*$/s, '')
}

/** Whether it is still under `/v1/` once `..` and the like are followed, as every client does. */
function staysInPlace(path: string): boolean {
  return URL.parse(path, 'https://site.invalid')?.pathname.startsWith('/v1/') === true
}

function finite(_: string, value: unknown): unknown {
  if (typeof value === 'number' && !Number.isFinite(value)) throw new RangeError('not finite')
  return value
}
