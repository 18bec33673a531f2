/** The typed client of the object that runs jobs outside of requests; the object itself is in `cron/`. */

export interface JobBell extends Rpc.DurableObjectBranded {
  /** Has the requested runs of the ledger looked at soon. */
  wake(): Promise<void>
}

export function jobRunnerClient(namespace: DurableObjectNamespace<JobBell>) {
  return {
    async wake() {
      await namespace.getByName('site').wake()
    },
  }
}
