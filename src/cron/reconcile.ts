/**
 * Makes the two stores fit again after one of them was put back. What is gone for one is gone: members
 * whom a visit object knows to be deleted are deleted, keys whose gates know them to be revoked are
 * revoked, webhooks whose objects know them to be deleted are disabled, and visits of whom the database
 * does not know are erased. Rules are raised beyond what any object knows, so that everybody is measured
 * again by what is in force. Each step may be repeated.
 */
import * as z from 'zod'
import { randomText } from '../crypto/random.ts'
import { isId, type KeyId, type RuleId, type UserId, type WebhookId } from '../db/ids.ts'
import { openSession } from '../db/client.ts'
import { makeDeps, type SystemDeps } from '../deps.ts'
import type { Bindings } from '../env.ts'
import { type Reconciling, reconcilingClient } from '../objects/reconciling.ts'
import { deleteUser } from '../operations/delete-user.ts'
import { disableWebhook } from '../operations/manage-webhooks.ts'
import { name, ReconcileReport } from '../operations/reconcile-report.ts'
import { beginGeneration, holdKey, raiseRule } from '../operations/reconcile.ts'
import { Problem } from '../problem.ts'
import type { OperatorRequest } from '../repositories/operator-requests.ts'
import { type ReconcilingRepository, reconcilingRepository } from '../repositories/reconciling.ts'
import { elevate } from '../security/elevation.ts'
import { failureOf } from './job.ts'

const PAGE = 500
const KEYS = 50
const WEBHOOKS = 50
/** Visit objects that are adopted at a time. */
const WAVE = 16
/** To ask for members, to look for them here, and to erase those who are not; at the end of a shard also its rules. */
const CALLS_PER_PAGE = 5
/** What one deletion, and one change of a rule or key, takes of D1. */
const CALLS_PER_DELETION = 30
const CALLS_PER_CHANGE = 5
const UserIdText = z.custom<UserId>((id) => typeof id === 'string' && isId('usr', id))
const WebhookIdText = z.custom<WebhookId>((id) => typeof id === 'string' && isId('whk', id))
const KeyIdText = z.custom<KeyId>((id) => typeof id === 'string' && isId('key', id))

/** Where it goes on. */
const Progress = z.object({
  /** Whether both were just restored from one backup: rules are raised only where an object is beyond. */
  isRestored: z.boolean().default(false),
  /** From which one; a command that was interrupted finds its own by it. */
  backup: z.string().default(''),
  step: z.enum(['begin', 'members', 'rules', 'keys', 'webhooks', 'adopt', 'done']).default('begin'),
  generation: z.string().default(''),
  shard: z.number().default(0),
  member: UserIdText.nullable().default(null),
  key: KeyIdText.nullable().default(null),
  webhook: WebhookIdText.nullable().default(null),
  /** Visit objects that belong to the new generation already. */
  adopted: z.number().default(0),
  /** The highest revision of each rule that an object knows. */
  revisions: z.record(z.string(), z.number()).default({}),
})
type Progress = z.infer<typeof Progress>

interface Run {
  readonly request: Pick<OperatorRequest, 'id' | 'isDryRun'>
  readonly deps: SystemDeps
  readonly reconciling: ReconcilingRepository
  readonly objects: Reconciling
  readonly affords: (calls: number) => boolean
  readonly progress: Progress
  readonly report: ReconcileReport
  readonly note: () => Promise<void>
}

/**
 * Goes on with a request until it is done or may use no more.
 * @param note stores how far it has come
 * @returns whether it is done. @throws whatever keeps a step from being done; the next tick tries again
 */
export async function reconcile(
  env: Bindings,
  request: OperatorRequest,
  now: number,
  affords: (calls: number) => boolean,
  note: (progress: Progress, report: ReconcileReport) => Promise<void>,
): Promise<{ readonly isDone: boolean; readonly report: ReconcileReport }> {
  const session = openSession(env.DB, 'primary')
  const progress = Progress.parse(request.progress)
  const report = ReconcileReport.parse(request.report)
  const run: Run = {
    request,
    deps: makeDeps(env, session, now),
    reconciling: reconcilingRepository(session.db),
    objects: reconcilingClient(env),
    affords,
    progress,
    report,
    note: async () => note(progress, report),
  }
  const steps = { begin, members, rules, keys, webhooks, adopt }
  while (progress.step !== 'done') {
    const next = await steps[progress.step](run)
    if (next) progress.step = next
    await run.note()
    if (!next) return { isDone: false, report }
  }
  return { isDone: true, report }
}

/** What is done next; undefined if the tick may use no more. */
type Step = Promise<Progress['step'] | undefined>

async function begin({ request, deps, reconciling, progress, report, affords }: Run): Step {
  if (!affords(CALLS_PER_CHANGE + 2)) return undefined
  report.sessionsEnded = await reconciling.sessions()
  if (request.isDryRun) return 'members'
  const generation = randomText()
  const { id: requestId } = request
  const reason = progress.isRestored ? 'npm run restore' : 'npm run reconcile'
  const elevation = { reason, bound: { requestId } }
  await elevate('reconciler', 'job:run', elevation, (grant) =>
    beginGeneration(grant, { requestId, generation }, { reconciling, now: deps.now }),
  )
  progress.generation = generation
  return 'members'
}

/** Members by shard: those that are known there and not here, and those that are erased there and known here. */
async function members(run: Run): Step {
  const { deps, progress, objects, affords } = run
  if (!affords(1)) return undefined
  const shards = await deps.site.visitShards()
  while (progress.shard < shards) {
    const shard = objects.shard(progress.shard)
    let more = true
    while (more) {
      if (!affords(CALLS_PER_PAGE)) return undefined
      const page = await shard.members(progress.member, PAGE)
      if (!(await settlePage(run, shard, page))) return undefined
      progress.member = page.next
      more = page.next !== null
    }
    for (const { id, revision } of (await shard.survey()).rules) {
      progress.revisions[id] = Math.max(revision, progress.revisions[id] ?? 0)
    }
    progress.shard += 1
    await run.note()
  }
  return 'rules'
}

/** @returns false if the tick may use no more; then the page is gone through once more */
async function settlePage(
  { request, reconciling, deps, report, affords }: Run,
  shard: ReturnType<Reconciling['shard']>,
  { known, erased }: { readonly known: readonly UserId[]; readonly erased: readonly UserId[] },
): Promise<boolean> {
  const present = await reconciling.present([...known, ...erased])
  const unknown = known.filter((id) => !present.has(id))
  if (!request.isDryRun && unknown.length > 0) await shard.eraseUnknown(unknown)
  name(report.visitsErased, unknown)
  for (const userId of erased.filter((id) => present.has(id))) {
    if (!request.isDryRun) {
      if (!affords(CALLS_PER_DELETION)) return false
      const reason = 'its visits were erased when it was deleted'
      const elevation = { reason, bound: { userId } }
      try {
        await elevate('reconciler', 'profile:delete', elevation, (grant) =>
          deleteUser(grant, { userId, revisions: undefined }, deps),
        )
      } catch (error) {
        const why = error instanceof Problem ? error.code : failureOf(error)
        report.failures.push(`${userId} is not deleted: ${why}`)
        continue
      }
    }
    name(report.membersDeleted, [userId])
  }
  return true
}

async function rules({ request, deps, reconciling, progress, report, affords }: Run): Step {
  if (!affords(1)) return undefined
  for (const { id: ruleId, revision: from } of await reconciling.rules()) {
    if (report.rulesRaised.some(({ id }) => id === ruleId)) continue
    const known = progress.revisions[ruleId] ?? 0
    if (progress.isRestored && known <= from) continue
    const to = Math.max(from, known) + 1
    if (!request.isDryRun) {
      if (!affords(CALLS_PER_CHANGE)) return undefined
      await raise(ruleId, to)
    }
    report.rulesRaised.push({ id: ruleId, from, to })
  }
  return 'keys'

  async function raise(ruleId: RuleId, revision: number): Promise<void> {
    const elevation = { reason: 'members are measured again', bound: { ruleId } }
    await elevate('reconciler', 'badge-rule:manage', elevation, (grant) =>
      raiseRule(grant, { ruleId, revision }, { reconciling, now: deps.now }),
    )
  }
}

async function keys(run: Run): Step {
  const { request, reconciling, objects, progress, report, affords } = run
  for (;;) {
    if (!affords(1 + KEYS * 2)) return undefined
    const page = await reconciling.keys({ after: progress.key ?? undefined, limit: KEYS })
    for (const { id, accessRevision, revokedAt } of page) {
      const gate = objects.gate(id)
      const told = await gate.told()
      const isBehind = told && (told.accessRevision > accessRevision || told.isOver)
      if (isBehind && revokedAt === null) {
        if (!request.isDryRun) {
          if (!affords(CALLS_PER_CHANGE)) return undefined
          await hold(id, told)
        }
        name(told.isOver ? report.keysRevoked : report.keysDisabled, [id])
      }
      if (!request.isDryRun) await gate.adopt(progress.generation)
      progress.key = id
    }
    if (page.length < KEYS) return 'webhooks'
    await run.note()
  }

  async function hold(keyId: KeyId, told: { accessRevision: number; isOver: boolean }) {
    const reason = told.isOver ? 'its gate knows that it is over' : 'it was changed since'
    await elevate('reconciler', 'api-key:manage', { reason, bound: { keyId } }, (grant) =>
      holdKey(grant, { keyId, told }, { reconciling, now: run.deps.now }),
    )
  }
}

async function webhooks(run: Run): Step {
  const { request, reconciling, objects, deps, progress, report, affords } = run
  for (;;) {
    if (!affords(1 + WEBHOOKS * 2)) return undefined
    const after = progress.webhook ?? undefined
    const page = await reconciling.webhooks({ after, limit: WEBHOOKS })
    for (const { id: webhookId, enabled } of page) {
      const sender = objects.sender(webhookId)
      if (enabled && (await sender.isDeleted())) {
        if (!request.isDryRun) {
          if (!affords(CALLS_PER_CHANGE)) return undefined
          await disable(webhookId)
        }
        name(report.webhooksDisabled, [webhookId])
      }
      if (!request.isDryRun) await sender.adopt(progress.generation)
      progress.webhook = webhookId
    }
    if (page.length < WEBHOOKS) return request.isDryRun ? 'done' : 'adopt'
    await run.note()
  }

  async function disable(webhookId: WebhookId): Promise<void> {
    const elevation = { reason: 'its object knows that it was deleted', bound: { webhookId } }
    await elevate('reconciler', 'webhook:manage', elevation, (grant) =>
      disableWebhook(grant, { webhookId, because: 'asked', revisions: undefined }, deps),
    )
  }
}

/** The last step: with it the visit objects do again what they are for. */
async function adopt(run: Run): Step {
  const { deps, reconciling, objects, progress, affords } = run
  if (!affords(2)) return undefined
  const mark = await reconciling.latestMark()
  const shards = await deps.site.visitShards()
  while (progress.adopted < shards) {
    const first = progress.adopted
    const size = Math.min(WAVE, shards - first)
    if (!affords(size + 2)) return undefined
    const adopted = Array.from({ length: size }, async (_, n) => {
      await objects.shard(first + n).adopt(progress.generation, mark ?? null)
      return first + n
    })
    const done = await Promise.all(adopted)
    if (mark) await deps.stores.confirm(done.map((shard) => ({ shard, ...mark })))
    progress.adopted += size
    await run.note()
  }
  return 'done'
}
