/** What commands of the operator change about the site, as SQL: the texts of each are one transaction. */
import { newId } from '../src/db/ids.ts'

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

/** Another time zone for the days of visits to come. */
export function timeZoneOf(zone: string, now: number): string[] {
  const isNew = `exists (select 1 from site where key = 'time_zone' and value <> ${text(zone)})`
  return [
    onRecord('npm run time-zone', { timeZone: zone }, isNew, now),
    `update site set value = ${text(zone)} where key = 'time_zone'`,
  ]
}
