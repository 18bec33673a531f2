/** A small run of `npm run bench:login`: the login under many people at once. */
import { expect, test } from 'vitest'
import { loadLogin } from '../../bench/login-load.ts'
import { localSettings } from '../../local/settings.ts'
import { startSite } from '../../local/site.ts'
import { tempDir } from './support/site.ts'

/** The number of people. Hashing their passwords takes most of the time. */
const PEOPLE = process.env['FULL'] === '1' ? 16 : 6

test('people at the login all at once: every answer is as it should be', async () => {
  const stateDir = tempDir()
  const site = await startSite({ stateDir, settings: await localSettings(stateDir, stateDir) })
  const outcome = await loadLogin(site, { people: PEOPLE, sessions: 1, turns: 12 })
  await site.stop()
  expect(outcome).toMatchObject({ requests: 62 * PEOPLE, signIns: PEOPLE, errors: [] })
})
