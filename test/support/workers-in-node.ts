/** Stands in for `cloudflare:workers` where pure tests run in Node: what pure code uses of it. */

/** The promise is awaited by nobody; a failure of it is no failure of the test. */
export function waitUntil(promise: Promise<unknown>): void {
  promise.catch(() => {})
}
