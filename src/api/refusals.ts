/** Why a request was refused, by its id, and whether it would be now. */
import * as z from 'zod'
import { explainRefusal } from '../http/explain/explain-refusal.ts'
import { STEPS } from '../http/explain/explain.ts'
import { documentedPath, type Route, route } from '../http/route.ts'
import { notFound } from '../problem.ts'
import type { Subject } from '../security/actor.ts'
import { isId } from '../db/ids.ts'
import { Check } from './explain.ts'
import { shownName, shownText, Timestamp } from './schemas.ts'

/** There is a refusal with this id on every site that has what the examples are about. */
export const EXAMPLE_REQUEST_ID = '0b0c6cd4-6b0e-4f2e-9d0e-5b6e9a3f7c11'

const RequestId = z
  .string()
  .regex(/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/, { error: 'expected the id of a request' })
  .meta({
    maxLength: 36,
    description: 'As `Request-Id` and `requestId` say it',
    examples: [EXAMPLE_REQUEST_ID],
  })

const Refusal = z
  .object({
    requestId: shownName(),
    at: Timestamp,
    caller: shownName(),
    method: shownName(),
    route: shownText(200),
    status: z.int().min(400).max(499),
    code: shownName(),
    stage: shownName().optional(),
    required: shownName().optional(),
    reach: shownName().optional(),
    now: z
      .object({
        allowed: z.boolean(),
        checks: z.array(Check).max(STEPS.length),
        change: shownText(1000).nullable(),
      })
      .nullable()
      .meta({
        description: 'What they would be told now, less what path and body decide; null for a page',
      }),
  })
  .meta({ id: 'Refusal' })

/** @param routes all that are declared, asked for only when one is looked up */
export function readRefusal(routes: () => readonly Route[]) {
  return route({
    method: 'GET',
    path: '/v1/refusals/:requestId',
    summary: 'Why a request was refused, for seven days',
    access: { may: 'audit:read' },
    input: { param: z.object({ requestId: RequestId }) },
    output: Refusal,
    dryRuns: true,
    async run({ input, deps, lookUp }) {
      const row = (await deps.refusals.find(input.param.requestId)) ?? notFound('refusal')
      const declared = routes().find(
        ({ method, path }) => path === row.route && method === readAs(row.method),
      )
      const subject = subjectOf(row.caller)
      const now =
        declared && subject ? explainRefusal(row, declared.access, await lookUp(subject)) : null
      const { stage, required, reach, ...rest } = row
      return {
        ...rest,
        ...(stage !== null && { stage }),
        ...(required !== null && { required }),
        ...(reach !== null && { reach }),
        route: documentedPath(row.route),
        now: now && { ...now, checks: [...now.checks] },
      }
    },
  })
}

/** A HEAD is answered as the GET that it stands for. */
function readAs(method: string): string {
  return method === 'HEAD' ? 'GET' : method
}

function subjectOf(caller: string): Subject | undefined {
  if (isId('usr', caller)) return { kind: 'member', userId: caller }
  return isId('key', caller) ? { kind: 'partner', keyId: caller } : undefined
}
