/** Waiting for effects that come by themselves. */
import { vi } from 'vitest'

/** Waits until `check` no longer throws. The timeout is for busy machines and measures nothing. */
export function eventually<T>(check: () => T | Promise<T>): Promise<T> {
  return vi.waitFor(check, { timeout: 30_000, interval: 20 })
}
