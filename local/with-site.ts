/** For commands that call the site: most find one that runs, so what serves one is loaded only then. */
import { openStateDir, runningServer } from './state.ts'

/** Calls the site that serves this state directory over HTTP, or one started for the moment. */
export async function withSite<T>(stateDir: string, work: (url: string) => Promise<T>): Promise<T> {
  const running = await runningServer(openStateDir(stateDir))
  if (running) return work(running.url)
  const [{ startSite }, { localSettings }] = await Promise.all([
    import('./site.ts'),
    import('./settings.ts'),
  ])
  const site = await startSite({ stateDir, settings: await localSettings(stateDir) })
  try {
    return await work(site.url)
  } finally {
    await site.stop()
  }
}
