/** The load, in a process of its own: sends what it is told to, and says how long that took. */
import { Agent, request } from 'node:http'

export interface Call {
  readonly method: string
  readonly path: string
  readonly headers: Readonly<Record<string, string>>
  readonly body?: string
}

export interface Load {
  readonly origin: string
  readonly calls: readonly Call[]
}

export interface Outcome {
  readonly seconds: number
  /** How many answers had it, by status. */
  readonly statuses: Readonly<Record<number, number>>
}

const AT_ONCE = 16
const agent = new Agent({ keepAlive: true, maxSockets: AT_ONCE })

process.on('message', ({ origin, calls }: Load) => {
  run(origin, calls).then(
    (outcome) => process.send?.(outcome),
    (error: unknown) => {
      throw error
    },
  )
})

async function run(origin: string, calls: readonly Call[]): Promise<Outcome> {
  const statuses: Record<number, number> = {}
  let next = 0
  const lane = async () => {
    for (let call = calls[next++]; call; call = calls[next++]) {
      const status = await send(origin, call)
      statuses[status] = (statuses[status] ?? 0) + 1
    }
  }
  const start = performance.now()
  await Promise.all(Array.from({ length: AT_ONCE }, lane))
  return { seconds: (performance.now() - start) / 1000, statuses }
}

function send(origin: string, { method, path, headers, body }: Call): Promise<number> {
  return new Promise((resolve, reject) => {
    const sent = request(`${origin}${path}`, { method, headers, agent }, (answer) => {
      answer.resume().on('end', () => resolve(answer.statusCode ?? 0))
    })
    sent.on('error', reject).end(body)
  })
}
