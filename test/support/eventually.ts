/** Waiting for what happens by itself. */
import { vi } from 'vitest'

/** Until `check` no longer throws. The time is that of a busy machine; nothing is measured by it. */
export function eventually<T>(check: () => T | Promise<T>): Promise<T> {
  return vi.waitFor(check, { timeout: 30_000, interval: 20 })
}
