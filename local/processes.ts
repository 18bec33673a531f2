/** The runtime is a child process: it must neither outlive this one nor decide how this one ends. */
import { type ChildProcess, spawn } from 'node:child_process'
import { subscribe } from 'node:diagnostics_channel'
import { basename } from 'node:path'

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const

/** Miniflare ends the process on a signal with 128 + n; whoever owns the process decides that. */
export function keepingSignals<T>(make: () => T): T {
  const before = SIGNALS.map((signal) => process.listeners(signal))
  const made = make()
  for (const [index, signal] of SIGNALS.entries()) {
    for (const listener of process.listeners(signal)) {
      if (!before[index]?.includes(listener)) process.off(signal, listener)
    }
  }
  return made
}

let watching = false

/**
 * After this call workerd dies with this process, even when the process is killed and can clean up
 * nothing.
 */
export function bindRuntimeToProcess(): void {
  if (watching || process.platform === 'win32') return
  watching = true
  subscribe('child_process', (message) => {
    const { process: child } = message as { process: ChildProcess }
    child.once('spawn', () => {
      if (basename(child.spawnfile) === 'workerd' && child.pid) guard(child, child.pid)
    })
  })
}

/** A shell that waits for this process to close the pipe, which the kernel does however it ends. */
function guard(child: ChildProcess, pid: number): void {
  const shell = spawn('sh', ['-c', 'read -r _; kill -9 "$0"', String(pid)], {
    stdio: ['pipe', 'ignore', 'ignore'],
  })
  shell.on('error', () => {})
  shell.unref()
  child.once('exit', () => shell.kill('SIGKILL'))
}
