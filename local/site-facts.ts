/** What commands of the operator change about the site, as SQL: the texts of each are one transaction. */
import { newId } from '../src/db/ids.ts'
import { Refusal } from './refusal.ts'

/** A text in SQL. */
export function text(value: string): string {
  return `'${value.replaceAll("'", "''")}'`
}

/** Puts on record what is done, if a condition holds. @param now milliseconds since the epoch */
function onRecord(command: string, changes: object, condition: string, now: number): string {
  const at = text(new Date(now).toISOString())
  return `insert into audit_log (id, at, actor, action, target, reason, changes)
    select ${text(newId('aud', now))}, ${at}, 'system:operator', 'site.update', 'site',
      ${text(command)}, ${text(JSON.stringify(changes))} where ${condition}`
}

/** More visit shards, unless their number is another one by now. */
export function growth(from: number, to: number, now: number): string[] {
  const isSo = `(select value from site where key = 'visit_shards') = ${text(String(from))}`
  return [
    onRecord('npm run shards', { visitShards: to }, isSo, now),
    `insert into site (key, value) select 'visit_shards_from', ${text(String(from))} where ${isSo}
      on conflict (key) do update set value = excluded.value`,
    `update site set value = ${text(String(to))} where key = 'visit_shards' and ${isSo}`,
  ]
}

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

/** Another time zone for the days of visits to come. */
export function timeZoneOf(zone: string, now: number): string[] {
  const isNew = `exists (select 1 from site where key = 'time_zone' and value <> ${text(zone)})`
  return [
    onRecord('npm run time-zone', { timeZone: zone }, isNew, now),
    `update site set value = ${text(zone)} where key = 'time_zone'`,
  ]
}
