/**
 * `npm run seed`: fills the local site with members, badges, rules, weeks of visits and bookings, as a
 * site looks that people use. The same seed gives the same people, counted back from today. A site that runs
 * is filled by the process that serves it.
 */
import { parseArgs } from 'node:util'
import { SettingsError } from '../src/settings/settings.ts'
import { called } from './called.ts'
import { askProcess } from './control.ts'
import { fill, Filled, Filling, type Progress } from './fill.ts'
import { Refusal } from './refusal.ts'
import { localSettings } from './settings.ts'
import { startSite } from './site.ts'
import { openStateDir, runningServer } from './state.ts'

const USAGE = `usage: npm run seed -- [--members N] [--weeks N] [--seed N]

  --members   how many members are added, 1 to 2000000; 120 unless given
  --weeks     how many weeks of visits they have, 1 to 52; 8 unless given
  --seed      a number; the same one gives the same people; 1 unless given

Each run adds that many to what is there. To begin anew, stop the site and remove its state directory
(.guildhall unless STATE_DIR names another).`

function readArguments(): Filling {
  const options = {
    members: { type: 'string' },
    weeks: { type: 'string' },
    seed: { type: 'string' },
  } as const
  return Filling.parse(parseArgs({ options }).values)
}

/** A bar on stderr, where somebody watches. */
const progress: Progress = (what, done, all) => {
  if (!process.stderr.isTTY) return
  const filled = Math.round((done / all) * 30)
  process.stderr.write(
    `\r${what.padEnd(8)} ${'█'.repeat(filled).padEnd(30, '░')} ${done}/${all}${done === all ? '\n' : ''}`,
  )
}

/** @throws Refusal */
async function seed(stateDir: string, given: Filling): Promise<Filled> {
  const running = await runningServer(stateDir)
  if (running) return Filled.parse(await askProcess(running, given, progress))
  const settings = await localSettings(stateDir)
  const site = await startSite({ stateDir, settings })
  try {
    return await fill(site, stateDir, settings['SITE_TIME_ZONE'] || 'UTC', given, progress)
  } finally {
    await site.stop()
  }
}

const given = called(USAGE, readArguments)

try {
  const stateDir = openStateDir(process.env['STATE_DIR'] || '.guildhall')
  const { members, visits, slots, bookings } = await seed(stateDir, given)
  console.log(
    `${members} members with ${visits} visits in ${given.weeks} weeks, ${slots} slots and ${bookings} bookings were added.`,
  )
} catch (error) {
  const plain = error instanceof Refusal || error instanceof SettingsError
  console.error('Not seeded:', plain ? error.message : error)
  process.exitCode = 1
}
