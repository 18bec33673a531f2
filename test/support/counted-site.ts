/** A site with one of each thing, whose round trips are counted. */
import type { Route } from '../../src/http/route.ts'
import { countingStorage } from './counting.ts'
import { sceneOf } from './mutating-requests.ts'
import { testSite } from './site.ts'

export async function countedSite() {
  const { storage, costOf } = countingStorage()
  const site = testSite(storage)
  const scene = await sceneOf(site)
  const { userId } = await scene.someone()
  const [badge, rule, key] = [await scene.badge(), await scene.rule(), await scene.key()]
  const [service, booking] = [await scene.service(), await scene.booking(scene.root)]
  const params: Readonly<Record<string, string>> = {
    userId,
    badgeId: badge.id,
    ruleId: rule.id,
    keyId: key.id,
    serviceId: service.id,
    bookingId: booking.id,
    job: 'award-badges',
  }
  const pathOf = ({ path }: Route) =>
    path
      .replace('{.+\\.ics}', '.ics')
      .replaceAll(/:(\w+)/g, (_, name: string) => params[name] ?? 'unknown')
  return { ...scene, site, costOf, pathOf, userId }
}
