/** Stands in for `cloudflare:workers` in Node, with no more than pure code uses of it. */

/** Nothing is traced. */
export const tracing = {
  getActiveSpan: () => undefined,
  enterSpan: <T>(_: string, work: () => T): T => work(),
}

/** What the platform was asked to let go on when its caller has hung up, oldest first. */
export const goingOn: Promise<unknown>[] = []

/** Nobody awaits the promise, and the test does not fail with it. */
export function waitUntil(promise: Promise<unknown>): void {
  promise.catch(() => {})
  goingOn.push(promise)
}
