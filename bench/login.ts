/** `npm run bench:login`: sixteen people at once at the built-in login of a fresh site; none may see an error. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { localSettings } from '../local/settings.ts'
import { startSite } from '../local/site.ts'
import { loadLogin } from './login-load.ts'

const stateDir = mkdtempSync(join(tmpdir(), 'guildhall-bench-'))
const site = await startSite({ stateDir, settings: await localSettings(stateDir) })
try {
  const load = { people: 16, sessions: 2, turns: 20 }
  const { requests, signIns, errors, seconds } = await loadLogin(site, load)
  const perSecond = Math.round(requests / seconds)
  console.log(
    `${requests} requests by ${load.people} at once, ${signIns} of them sign-ins: ` +
      `${errors.length} errors, ${perSecond} requests/s`,
  )
  for (const error of errors.slice(0, 5)) console.error(error)
  process.exitCode = errors.length > 0 ? 1 : 0
} finally {
  await site.stop()
  rmSync(stateDir, { recursive: true, force: true })
}
