/**
 * The module that runs the Worker locally: the Worker itself, plus two courtesies for a terminal.
 * An error that escapes is printed, and a tick triggered without `cron` is the configured trigger. And
 * visits of days that are over can be put into the objects, which no deployed site lets anybody do.
 */
export function entryModule(worker: string, defaultCron: string | undefined): string {
  return `import worker, { VisitShard as Shard } from './${worker}'
export * from './${worker}'

export class VisitShard extends Shard {
  fill(days) {
    const { storage } = this.ctx
    storage.transactionSync(() => {
      storage.sql.exec(
        \`INSERT INTO days (member, day, visits, last_at)
          SELECT value ->> 'member', value ->> 'day', value ->> 'visits', value ->> 'last_at'
          FROM json_each(?)\`,
        days,
      )
      // The rules are held against everybody anew by the next tick.
      storage.sql.exec('DELETE FROM rules')
    })
  }
}

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
    return worker.scheduled({ cron, scheduledTime, noRetry: () => event.noRetry() }, env, ctx)
  }),
}
`
}
