import type { Bindings } from '../../src/env.ts'

/** A job runner that is never woken: runs that are asked for stay on the ledger. */
export const ASLEEP = {
  getByName: () => ({ wake: async () => undefined }),
} as unknown as Bindings['JOBS']
