/** How `npm run shards` counts and adds shards, on a local site and on a deployed one. */
import { Refusal } from './refusal.ts'
import { growth } from './site-facts.ts'

/** Part of `Access`, which is not named because a test without Node's types takes this file. */
interface Hands {
  readonly query: (sql: string) => Promise<readonly Readonly<Record<string, unknown>>[]>
  /** Runs each of the groups as one transaction. */
  readonly write: (groups: readonly (readonly string[])[]) => Promise<void>
}

/** How many visit shards there are. @throws Refusal */
async function shards({ query }: Pick<Hands, 'query'>): Promise<number> {
  const [found] = await query(`select value from site where key = 'visit_shards'`)
  const value = found?.['value']
  if (value === undefined)
    throw new Refusal('the site has no member yet: VISIT_SHARDS says how many there will be')
  return Number(value)
}

/** @returns how many there are now, which is what was asked for. @throws Refusal */
export async function grown(to: number | undefined, hands: Hands, now: number): Promise<number> {
  const from = await shards(hands)
  if (to === undefined || to === from) return from
  if (to < from)
    throw new Refusal(`there are ${from}, and members are in each of them: they never become fewer`)
  await hands.write([growth(from, to, now)])
  const there = await shards(hands)
  if (there !== to)
    throw new Refusal(
      `somebody has made them ${there} meanwhile: look whether ${to} is still meant`,
    )
  return there
}
