/**
 * When to leave. Imported before anything slow, so that a signal during start-up also ends well:
 * with 0, and with nothing left behind.
 */

// Until there is something to stop, leaving is enough: what has begun is undone on exit.
let stop = async () => {}
let leaving = false

/** What to do, at most once, before the process ends. */
export function beforeLeaving(work: () => Promise<void>): void {
  stop = work
}

function leave(): void {
  // npm passes on what the terminal has already sent, so a second signal is not impatience.
  if (leaving) return
  leaving = true
  void stop().finally(() => process.exit(0))
}

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, leave)

// npm that is killed outright passes nothing on; nobody could find the server it leaves behind.
if (process.env['npm_lifecycle_event']) {
  const parent = process.ppid
  setInterval(() => process.ppid === parent || leave(), 500).unref()
}
