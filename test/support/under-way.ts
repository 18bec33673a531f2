/** The test under way. One that has timed out goes on unseen, so its sites stop answering. */
let current: AbortSignal | undefined

/** @param signal of the test that begins; it is aborted when the test times out */
export function begin(signal: AbortSignal): void {
  current = signal
}

/** @returns a function that throws as soon as the test that is under way now has timed out */
export function whileUnderWay(): () => void {
  const signal = current
  return () => signal?.throwIfAborted()
}
