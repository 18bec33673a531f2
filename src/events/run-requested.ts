/** A run of a job was asked for. It is on the ledger, where the next tick finds it if this fails. */
import type { Handlers } from './handlers.ts'

export const runRequested: Handlers['run-requested'] = {
  closed: 'by handling it',
  async handle(_, { jobRunner }) {
    await jobRunner.wake()
    return undefined
  },
}
