/**
 * The site with a database that answers in the isolate, with what the real one answered to the same
 * statements before, and a bell that nobody hears: so all that is left of a request is the CPU of the site
 * itself. Made to run many requests for each that it is sent, because the clock of an isolate stands still
 * while it works.
 */
// @ts-expect-error The compiled Worker is put beside this module when it runs.
import worker from './worker.js'

interface Work {
  readonly times: number
  readonly path: string
  readonly method: string
  readonly headers: Readonly<Record<string, string>>
  readonly body?: string
  /** Answered with two letters instead, which is the least that an answer costs. */
  readonly isHi?: true
  /** What part of the requests leaves a line in the log. */
  readonly logged: '0' | '1'
}

interface Env {
  readonly DB: D1Database
}

type Preparing = Pick<D1Database, 'prepare' | 'batch'>
type Wrapped = ReturnType<typeof wrap>

const answers = new Map<string, unknown>()
const background = { waitUntil() {}, passThroughOnException() {} }

async function replayed(key: string, real: () => Promise<unknown>): Promise<unknown> {
  if (!answers.has(key)) answers.set(key, await real())
  return answers.get(key)
}

function wrap(native: D1PreparedStatement, sql: string) {
  return {
    native,
    sql,
    bind: (...values: unknown[]): unknown => wrap(native.bind(...values), sql),
    all: async () => replayed(`all ${sql}`, async () => native.all()),
    run: async () => replayed(`run ${sql}`, async () => native.run()),
    raw: async () => replayed(`raw ${sql}`, async () => native.raw()),
    first: async () => replayed(`first ${sql}`, async () => native.first()),
  }
}

function preparing(real: Preparing) {
  return {
    prepare: (sql: string) => wrap(real.prepare(sql), sql),
    batch: async (statements: readonly Wrapped[]) =>
      replayed(statements.map(({ sql }) => sql).join(';'), async () =>
        real.batch(statements.map(({ native }) => native)),
      ),
    getBookmark: () => null,
  }
}

/** By what part of the requests they log; settings are parsed once for each. */
const standIns: Partial<Record<Work['logged'], object>> = {}

export default {
  async fetch(request, env) {
    const { times, path, method, headers, body, isHi, logged } = await request.json<Work>()
    const standIn = (standIns[logged] ??= {
      ...env,
      LOG_REQUESTS: logged,
      DB: {
        ...preparing(env.DB),
        withSession: () => preparing(env.DB.withSession('first-primary')),
      },
      BELL: { getByName: () => ({ ring: async () => false }) },
    })
    let status = 0
    for (let time = 0; time < times; time++) {
      const asked = new Request(`http://localhost${path}`, { method, headers, body: body ?? null })
      const answer: Response = isHi
        ? new Response('hi')
        : await worker.fetch(asked, standIn, background)
      await answer.text()
      status = answer.status
    }
    return new Response(String(status))
  },
} satisfies ExportedHandler<Env>
// @ts-expect-error The classes of its objects are those of the Worker.
export * from './worker.js'
