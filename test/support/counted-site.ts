/** A site with one of each thing, whose round trips are counted. */
import type { Route } from '../../src/http/route.ts'
import { countingStorage } from './counting.ts'
import { sceneOf } from './mutating-requests.ts'
import { directly, testSite } from './site.ts'
import { refusedRequest, thingNamed } from './world.ts'

export async function countedSite() {
  const { storage, costOf } = countingStorage()
  let isFresh = false
  // Other bindings are another deployment, which remembers nothing of this one.
  const site = testSite(storage, async (request, env) =>
    directly(request, isFresh ? { ...env } : env),
  )
  const scene = await sceneOf(site)
  const { userId } = await scene.someone()
  const [badge, rule, key] = [await scene.badge(), await scene.rule(), await scene.key()]
  const [pageRule, webhook] = [await scene.pageRule(), await scene.webhook()]
  const { deliveryId } = (await scene.root.post(`/v1/webhooks/${webhook.id}/ping`)).body
  const [service, booking] = [await scene.service(), await scene.booking(scene.root)]
  const params: Readonly<Record<string, string>> = {
    userId,
    badgeId: badge.id,
    ruleId: rule.id,
    pageRuleId: pageRule.id,
    keyId: key.id,
    webhookId: webhook.id,
    deliveryId,
    serviceId: service.id,
    bookingId: booking.id,
    requestId: await refusedRequest(site),
    job: 'award-badges',
  }
  const pathOf = ({ path }: Route) =>
    path.replaceAll(/:(\w+)/g, (_, name: string) => params[thingNamed(path, name)] ?? 'unknown')
  /** What it costs in an isolate that has met nobody so far. */
  async function costOfFirst(work: () => Promise<unknown>) {
    isFresh = true
    try {
      return await costOf(work)
    } finally {
      isFresh = false
    }
  }
  return { ...scene, site, costOf, costOfFirst, pathOf, userId }
}
