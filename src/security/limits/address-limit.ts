/** Limits what anybody may ask for without saying who they are, by the address it comes from. */
import { networkOf } from './ip-ranges.ts'
import { ofAddress, limitReached } from './rate-limit.ts'

/** As `[[ratelimits]]` in wrangler.toml has it: so many requests per address in so many seconds. */
export const ADDRESS_LIMIT = { limit: 60, period: 60 } as const

/**
 * Counts a request. Those that come without an address share one limit; without the binding, or when
 * it does not answer, there is none, for what it guards is cheap and booking must go on.
 * @throws Problem `rate_limited`
 */
export async function countAddress(
  binding: RateLimit | undefined,
  address: string | undefined,
): Promise<void> {
  if (!binding) return
  const key = address === undefined ? 'unknown' : networkOf(address)
  const { success } = await binding.limit({ key }).catch(() => ({ success: true }))
  if (success) return
  // The binding does not say when its window ends, which is after a whole window at the latest.
  const wait = ADDRESS_LIMIT.period
  throw limitReached('rate_limited', 'Too many of these requests came from this address.', wait, [
    ofAddress(ADDRESS_LIMIT, wait),
  ])
}
