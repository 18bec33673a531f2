/** The typed client of the JobRunner object. */
import type { JobRunner } from './job-runner.ts'

export function jobRunnerClient(namespace: DurableObjectNamespace<JobRunner>) {
  return {
    /** Has the requested runs of the ledger looked at soon, outside of this request. */
    async wake() {
      await namespace.getByName('site').wake()
    },
  }
}
