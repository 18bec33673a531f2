/** The login under many at once, less than `npm run bench:login` does. */
import { expect, test } from 'vitest'
import { loadLogin } from '../../bench/login-load.ts'
import { localSettings } from '../../local/settings.ts'
import { startSite } from '../../local/site.ts'
import { tempDir } from './support/site.ts'

test('sixteen people at once: every answer is as it should be', async () => {
  const stateDir = tempDir()
  const site = await startSite({ stateDir, settings: await localSettings(stateDir) })
  const outcome = await loadLogin(site, { people: 16, sessions: 1, turns: 12 })
  await site.stop()
  expect(outcome).toMatchObject({ requests: 992, signIns: 16, errors: [] })
})
