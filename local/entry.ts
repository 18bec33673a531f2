/**
 * The module that runs the Worker locally: the Worker itself, plus two courtesies for a terminal.
 * An error that escapes is printed, and a tick triggered without `cron` is the configured trigger.
 */
export function entryModule(worker: string, defaultCron: string | undefined): string {
  return `import worker from './${worker}'
export * from './${worker}'

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
