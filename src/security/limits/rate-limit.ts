/** The RateLimit fields (draft-ietf-httpapi-ratelimit-headers): what was allowed, and what is left. */
import { Problem } from '../../problem.ts'

export interface Limit {
  /** `window` and `month` are of the key, `address` of where a request comes from. */
  readonly policy: 'window' | 'month' | 'address'
  readonly quota: number
  /** Length of the window in seconds. */
  readonly window: number
  readonly remaining: number
  /** Whole seconds until the window ends. */
  readonly resetsIn: number
}

/** No fields for a key without limits. */
export function rateLimitFields(limits: readonly Limit[]): Record<string, string> {
  if (limits.length === 0) return {}
  const policies = limits.map(({ policy, quota, window }) => `"${policy}";q=${quota};w=${window}`)
  const states = limits.map(
    ({ policy, remaining, resetsIn }) => `"${policy}";r=${remaining};t=${resetsIn}`,
  )
  return { 'RateLimit-Policy': policies.join(', '), RateLimit: states.join(', ') }
}

/** The limit of an address that has reached it. @param wait whole seconds */
export function ofAddress(policy: { limit: number; period: number }, wait: number): Limit {
  const { limit: quota, period: window } = policy
  return { policy: 'address', quota, window, remaining: 0, resetsIn: wait }
}

/** @param retryAfter whole seconds */
export function limitReached(
  code: 'rate_limited' | 'quota_exceeded',
  detail: string,
  retryAfter: number,
  limits: readonly Limit[],
): Problem {
  return new Problem(code, detail, { retryAfter, headers: rateLimitFields(limits) })
}
