/** What the Worker logs on this machine: kept in `log.jsonl` of the state directory, and shown to people. */
import { appendFileSync, renameSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { styleText } from 'node:util'
import { SECRETS } from './state.ts'

const FILE = 'log.jsonl'
const OLDER = 'log.1.jsonl'
/** Beyond this the file begins anew, and the one before it goes. */
const MOST_BYTES = 10 * 1024 * 1024

type Line = { readonly event: string; readonly level: string } & Readonly<Record<string, unknown>>

export interface SiteLog {
  /** Takes what the Worker has printed. */
  readonly print: (message: string) => void
  /** Shows what went well, too, from now on. */
  readonly showAll: () => void
}

/**
 * @param mostBytes after which the file begins anew
 * @param keepsRequests whether requests are only kept in the file, also those that fail
 */
export function siteLog(stateDir: string, mostBytes = MOST_BYTES, keepsRequests = false): SiteLog {
  const file = join(stateDir, FILE)
  let bytes = statSync(file, { throwIfNoEntry: false })?.size ?? 0
  let showsAll = false

  function keep(message: string): void {
    const line = `${message}\n`
    const size = Buffer.byteLength(line)
    if (bytes > 0 && bytes + size > mostBytes) {
      renameSync(file, join(stateDir, OLDER))
      bytes = 0
    }
    appendFileSync(file, line, { mode: 0o600 })
    bytes += size
  }

  return {
    print(message) {
      const line = lineIn(message)
      if (line) keep(message)
      // Standard output holds only what a command itself has to say.
      if (keepsRequests && line?.event === 'request') return
      if (line?.level !== 'info') console.error(line ? readable(line) : message)
      else if (showsAll) console.log(readable(line))
      if (message.startsWith('mail to '))
        appendFileSync(join(stateDir, SECRETS.outbox), `${message}\n`, { mode: 0o600 })
    },
    showAll() {
      showsAll = true
    },
  }
}

function lineIn(message: string): Line | undefined {
  if (!message.startsWith('{"time":')) return undefined
  try {
    return JSON.parse(message)
  } catch {
    return undefined
  }
}

/** The text reads like `09:14:02 GET /v1/users/:userId 200, member usr_…, 1 D1, 0 objects, 3 ms`. */
export function readable(line: Line): string {
  const { time, event } = line
  const at = styleText('dim', String(time).slice(11, 19))
  if (event === 'request') return `${at} ${requestOf(line)}`
  if (event === 'job') return `${at} ${jobOf(line)}`
  const { time: _, level: __, event: ___, stack, ...rest } = line
  const said = Object.entries(rest).map(([name, value]) => `${name} ${textOf(value)}`)
  return [`${at} ${event}: ${said.join(', ')}`, ...(stack ? [textOf(stack)] : [])].join('\n')
}

function requestOf(line: Line): string {
  const { method, route, status, actor, actorId, code, stage, requestId } = line
  const { d1, objects, milliseconds } = line
  const what = `${textOf(method)} ${textOf(route)} ${coloured(Number(status))}`
  const who = actorId ? `${textOf(actor)} ${textOf(actorId)}` : textOf(actor)
  const why = code ? [`${textOf(code)}${stage ? ` at ${textOf(stage)}` : ''}`] : []
  const cost = `${textOf(d1)} D1, ${textOf(objects)} objects, ${textOf(milliseconds)} ms`
  return [what, ...why, who, cost, ...(code ? [textOf(requestId)] : [])].join(', ')
}

function jobOf({ job, status, counts, error, milliseconds }: Line): string {
  const why = error ? [textOf(error)] : []
  return [
    `job ${textOf(job)} ${textOf(status)}`,
    textOf(counts),
    ...why,
    `${textOf(milliseconds)} ms`,
  ].join(', ')
}

function coloured(status: number): string {
  if (status >= 500) return styleText('red', String(status))
  return status >= 400 ? styleText('yellow', String(status)) : styleText('green', String(status))
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value)
}
