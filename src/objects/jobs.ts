/** The typed client of the object that runs jobs outside of requests; the object itself is in `cron/`. */
import { countCall } from '../log.ts'

export interface JobBell extends Rpc.DurableObjectBranded {
  /** Has the requested runs of the ledger looked at soon. */
  wake(): Promise<void>
}

/** @param confirm what has to be so before anything is done outside of D1, where nothing can be void */
export function jobRunnerClient(
  namespace: DurableObjectNamespace<JobBell>,
  confirm: () => Promise<void>,
) {
  return {
    async wake() {
      await confirm()
      countCall('objects')
      await namespace.getByName('site').wake()
    },
  }
}
