/**
 * What is taken from somebody is never taken by whoever has less: the counterpart of `may-give.ts`.
 * The statement that writes asks, so this only says why it has not written; every operation that takes
 * looks here once it knows that there is somebody, and before it speaks of their state.
 */
import { Problem } from '../problem.ts'
import type { RightInTheWay } from '../repositories/ceiling.ts'

/** @throws Problem `forbidden`, naming a right that they have and that the actor does not */
export function assertMayTake(inTheWay: RightInTheWay | undefined): void {
  if (!inTheWay) return
  const { permission: required, reach } = inTheWay
  const detail = `To do this takes at least the rights of whom it concerns: ${required} with reach ${reach} is missing.`
  throw new Problem('forbidden', detail, { stage: 'permission', required, reach })
}
