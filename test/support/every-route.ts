/** One call of every declared route that can succeed, on a site that has one of each thing. */
import { routes } from '../../src/api/index.ts'
import type { Route } from '../../src/http/route.ts'
import type { Member, Site } from './site.ts'
import { bodyFor, pathFor, thingsFor } from './world.ts'

interface SampleCall {
  readonly route: Route
  readonly method: Route['method']
  /** The path, with the ids of things that exist. */
  readonly path: string
  /** A valid body; undefined where the route takes none. */
  readonly json: unknown
}

export interface Furnished {
  readonly root: Member
  readonly ada: Member
  readonly badgeId: string
  readonly ruleId: string
  /** The calls in an order in which all of them can succeed: deletions come last. */
  readonly calls: readonly SampleCall[]
}

/** Gives the site an admin, a member, and one of everything else, which the member has. */
export async function furnish(site: Site): Promise<Furnished> {
  const [root, ada] = [await site.root(), await site.member('ada')]
  const things = thingsFor(site, root, Promise.resolve(ada))
  const calls: SampleCall[] = []
  for (const route of routes) {
    const path = await pathFor(route.path, 'other', things, root)
    calls.push({ route, method: route.method, path, json: await bodyFor(route, things) })
  }
  const [badgeId, ruleId] = [await things.badgeId(), await things.ruleId()]
  return { root, ada, badgeId, ruleId, calls: calls.sort(byDamage) }
}

/** Sorts deletions last, and among them long paths first: a member goes after their role. */
function byDamage(a: SampleCall, b: SampleCall): number {
  const isDeletion = ({ method }: SampleCall): number => Number(method === 'DELETE')
  return isDeletion(a) - isDeletion(b) || b.path.length - a.path.length
}
