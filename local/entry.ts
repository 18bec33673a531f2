/**
 * The module that runs the Worker locally: the Worker itself, plus some courtesies.
 * An error that escapes is printed, and a tick triggered without `cron` is the configured trigger. Methods of
 * objects are called by `fetch` from outside, for each that the runtime's own proxy looks up stays open there
 * until it complains. And visits of days that are over can be put into the objects, which no deployed site
 * lets anybody do. The runtime looks at no socket while it has work to do, and closes the connections that have waited for long, so
 * a tick gives it a moment before each call.
 */
export function entryModule(worker: string, defaultCron: string | undefined): string {
  return `import worker, { VisitShard as Shard, WebhookSender as Sender } from './${worker}'
export * from './${worker}'

const called = async (object, request) => {
  const { method, given } = await request.json()
  return Response.json((await object[method](...given)) ?? null)
}

export class WebhookSender extends Sender {
  fetch(request) {
    return called(this, request)
  }
}

export class VisitShard extends Shard {
  fetch(request) {
    return called(this, request)
  }
  fill(days) {
    const { storage } = this.ctx
    storage.transactionSync(() => {
      storage.sql.exec(
        \`INSERT INTO days (member, day, visits, last_at)
          SELECT value ->> 'member', value ->> 'day', value ->> 'visits', value ->> 'last_at'
          FROM json_each(?)\`,
        days,
      )
    })
  }
  /** The next tick holds the rules against everybody anew. */
  measureAnew() {
    this.ctx.storage.sql.exec('DELETE FROM rules')
  }
}

const turn = () => new Promise((resolve) => setTimeout(resolve))
const withTurns = (session) => ({
  prepare: (sql) => session.prepare(sql),
  batch: async (statements) => {
    await turn()
    return session.batch(statements)
  },
  getBookmark: () => session.getBookmark?.() ?? null,
})
const patient = ({ DB, VISITS, ...env }) => ({
  ...env,
  DB: { ...withTurns(DB), withSession: (start) => withTurns(DB.withSession(start)) },
  VISITS: {
    getByName: (name) =>
      new Proxy(VISITS.getByName(name), {
        get: (shard, method) => async (...given) => {
          await turn()
          return shard[method](...given)
        },
      }),
  },
})

const printed = (handler) => async (...args) => {
  try {
    return await handler(...args)
  } catch (error) {
    console.error(error)
    throw error
  }
}

export default {
  ...worker,
  fetch: printed((...args) => worker.fetch(...args)),
  scheduled: printed((event, env, ctx) => {
    const cron = event.cron || ${JSON.stringify(defaultCron ?? '')}
    const { scheduledTime } = event
    return worker.scheduled({ cron, scheduledTime, noRetry: () => event.noRetry() }, patient(env), ctx)
  }),
}
`
}
