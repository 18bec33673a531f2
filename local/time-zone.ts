/**
 * `npm run time-zone -- <name>`: has the site count days of visits in another time zone from now on. The
 * site says, loudly, that SITE_TIME_ZONE differs until this was done or the setting is as it was.
 */
import { parseArgs } from 'node:util'
import { EXPECTED_ZONE, timeZoneNamed } from '../src/calendar/time-zone.ts'
import { called } from './called.ts'
import { withDatabase } from './database.ts'
import { Refusal } from './refusal.ts'
import { timeZoneOf } from './site-facts.ts'

const USAGE = `usage: npm run time-zone -- <name> [--remote]

  <name>     IANA name, as in Europe/Berlin; set SITE_TIME_ZONE to it at the same time
  --remote   on the deployed site, by wrangler and your Cloudflare login

Days that were counted stay as they are, so around now a day may count twice or not at all.`

function readArguments() {
  const options = { remote: { type: 'boolean' } } as const
  const { values, positionals } = parseArgs({ options, allowPositionals: true })
  const [name, ...rest] = positionals
  return name && rest.length === 0 ? { name, remote: values.remote ?? false } : undefined
}

const given = called(USAGE, readArguments)

try {
  const zone = timeZoneNamed(given.name)
  if (zone === undefined) throw new Refusal(EXPECTED_ZONE)
  await withDatabase(given.remote, async ({ query, write }) => {
    const noted = await query(`select 1 as found from site where key = 'time_zone'`)
    if (noted.length === 0)
      throw new Refusal('nobody has been here yet: until then SITE_TIME_ZONE alone says it')
    await write([timeZoneOf(zone, Date.now())])
  })
  console.log(`days of visits are counted in ${zone}`)
} catch (error) {
  console.error('Nothing changed:', error instanceof Refusal ? error.message : error)
  process.exitCode = 1
}
