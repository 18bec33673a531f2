/**
 * Runs jobs that were asked for over HTTP, outside of the request that asked: the request can only
 * ask for a look at the ledger, and the alarm does what the ledger says.
 */
import { DurableObject } from 'cloudflare:workers'
import { runRequested } from './schedule.ts'
import type { Bindings } from '../env.ts'
import type { JobBell } from '../objects/jobs.ts'

export class JobRunner extends DurableObject<Bindings> implements JobBell {
  /** Has the ledger looked at as soon as possible. */
  async wake(): Promise<void> {
    if ((await this.ctx.storage.getAlarm()) === null) await this.ctx.storage.setAlarm(Date.now())
  }

  override async alarm(): Promise<void> {
    await runRequested(this.env, Date.now())
  }
}
