/** The RateLimit fields (draft-ietf-httpapi-ratelimit-headers): what was allowed, and what is left. */

export interface Limit {
  /** `window` and `month` are of the key, `address` of where unknown keys come from. */
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
