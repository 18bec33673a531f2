/**
 * Stands for `@better-auth/core/async_hooks` in every build (`[alias]` in wrangler.toml). That module
 * imports `node:async_hooks` at run time and keeps the promise of it. Whatever a request starts ends
 * with that request, so if the first one to the login is answered early, as by a redirect, the promise
 * never settles, and everybody who waits for it waits as long as the isolate lives.
 */
import { AsyncLocalStorage } from 'node:async_hooks'

export async function getAsyncLocalStorage(): Promise<typeof AsyncLocalStorage> {
  return AsyncLocalStorage
}
