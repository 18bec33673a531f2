/**
 * Spans of a request in the platform's traces, around those that it makes itself for each call of storage.
 * They have a name and no attributes: a trace says where the time went, and the log says about what.
 */
import { tracing } from 'cloudflare:workers'

/**
 * A span in a request that is traced; for the others, which most are, it would cost as much as the step.
 * @param name a step that every route has
 */
export function traced<T>(name: 'identify' | 'decide' | 'perform', work: () => T): T {
  return tracing.getActiveSpan()?.isTraced ? tracing.enterSpan(name, work) : work()
}
