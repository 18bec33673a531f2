/**
 * The site's storage with somebody in between: every call to D1 (a batch is one) and to a Durable
 * Object passes through `around`, which may count it, hold it up or let it fail.
 */
import { env } from 'cloudflare:workers'
import type { Bindings } from '../../src/env.ts'

export interface StorageCall {
  readonly store: 'd1' | 'object'
  /** The SQL of all its statements, or the method of the object. */
  readonly text: string
}

export type Around = <T>(call: StorageCall, proceed: () => Promise<T>) => Promise<T>

type Objects = Pick<Bindings, 'VISITS' | 'JOBS' | 'KEYS' | 'WEBHOOKS'>
export type Storage = Pick<Bindings, 'DB'> & Objects

export function intercepted(around: Around): Storage {
  return {
    DB: databaseOf(env.DB, around),
    VISITS: namespaceOf(env.VISITS, around),
    JOBS: namespaceOf(env.JOBS, around),
    KEYS: namespaceOf(env.KEYS, around),
    WEBHOOKS: namespaceOf(env.WEBHOOKS, around),
  }
}

type Preparing = Pick<D1Database, 'prepare' | 'batch'>

function databaseOf(native: D1Database, around: Around): D1Database {
  const direct = preparing(native, around)
  return as<D1Database>({
    ...direct,
    withSession: (start?: string) => {
      const session = native.withSession(start)
      return { ...preparing(session, around), getBookmark: () => session.getBookmark() }
    },
  })
}

interface Statement {
  readonly native: D1PreparedStatement
  readonly sql: string
}

function preparing(native: Preparing, around: Around): Preparing {
  const known = new WeakMap<D1PreparedStatement, Statement>()

  function wrap(statement: D1PreparedStatement, sql: string): D1PreparedStatement {
    const through = <T>(run: () => Promise<T>) => around({ store: 'd1', text: sql }, run)
    const wrapped = as<D1PreparedStatement>({
      bind: (...values: unknown[]) => wrap(statement.bind(...values), sql),
      all: () => through(() => statement.all()),
      run: () => through(() => statement.run()),
      first: (column: string) => through(() => statement.first(column)),
      raw: () => through(() => statement.raw()),
    })
    known.set(wrapped, { native: statement, sql })
    return wrapped
  }

  return {
    prepare: (sql) => wrap(native.prepare(sql), sql),
    batch: async <T>(statements: D1PreparedStatement[]) => {
      const natives = statements.map((each) => known.get(each) ?? { native: each, sql: '' })
      const text = natives.map(({ sql }) => sql).join(';\n')
      return around({ store: 'd1', text }, () =>
        native.batch<T>(natives.map((each) => each.native)),
      )
    },
  }
}

function namespaceOf<N extends Objects[keyof Objects]>(native: N, around: Around): N {
  return as<N>({
    getByName: (name: string) =>
      new Proxy(native.getByName(name), {
        get: (stub, method: string) => {
          const call = Reflect.get(stub, method) as (...values: unknown[]) => Promise<unknown>
          return (...values: unknown[]) =>
            around({ store: 'object', text: method }, async () => Reflect.apply(call, stub, values))
        },
      }),
  })
}

/** The stand-ins have what the Worker uses of the real thing, and nothing else. */
function as<T>(standIn: unknown): T {
  return standIn as T
}
