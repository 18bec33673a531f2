/**
 * Statements whose text is made once. drizzle builds them, on their first use; after that a request only
 * binds its values. What varies besides values (a filter that is there or not) makes a shape of its own.
 */
import { Column, is, Param, Placeholder, SQL } from 'drizzle-orm'
import { drizzle } from 'drizzle-orm/d1'
import { countCall } from '../log.ts'

type Preparing = Pick<D1Database, 'prepare'>
type Row = Record<string, unknown>

/** A statement with its values, for a batch or by itself. */
export class Bound<Result> {
  readonly native: D1PreparedStatement
  readonly read: (result: D1Result<Row>) => Result

  constructor(native: D1PreparedStatement, read: (result: D1Result<Row>) => Result) {
    this.native = native
    this.read = read
  }

  async run(): Promise<Result> {
    countCall('d1')
    return this.read(await this.native.all<Row>())
  }
}

/** Binds the values to the statement of this database. */
export type Shape<Values, Result> = (db: { $client: Preparing }, values: Values) => Bound<Result>

type Builder = ReturnType<typeof drizzle>

/** drizzle's select, insert, update or delete. */
interface Query<Result> {
  readonly _: { readonly result: Result }
}

interface Prepared {
  readonly stmt: D1PreparedStatement
  readonly fields?: Fields
  getQuery(): { readonly sql: string; readonly params: readonly unknown[] }
  mapResult(result: unknown, isFromBatch: true): unknown
}

/** What drizzle's own `batch` goes by, which its types keep to themselves. */
export function preparedBy(query: object): Prepared {
  // oxlint-disable-next-line eslint/no-underscore-dangle
  return (query as { _prepare(): Prepared })._prepare()
}

/**
 * @param build makes the query, with `sql.placeholder(name)` for each of the values; columns that are SQL
 * have a name by `as`
 */
export function shape<Values extends object, Result>(
  build: (builder: Builder) => Query<Result>,
): Shape<Values, Result> {
  let made:
    | { sql: string; bind: (values: Values) => unknown[]; read: Bound<Result>['read'] }
    | undefined
  return (db, values) => {
    if (!made) {
      const query = preparedBy(build(builder))
      const { sql, params } = query.getQuery()
      made = { sql, bind: binder(params), read: asReader(reader(query.fields ?? [])) }
    }
    return new Bound(db.$client.prepare(made.sql).bind(...made.bind(values)), made.read)
  }
}

/**
 * Shapes by what they vary in, each made when it is needed first.
 * @param build takes what varies; it must have no other effect on the text
 */
export function shapes<Variant extends readonly unknown[], Values extends object, Result>(
  build: (builder: Builder, ...variant: Variant) => Query<Result>,
): (...variant: Variant) => Shape<Values, Result> {
  const made = new Map<string, Shape<Values, Result>>()
  return (...variant) => {
    const key = JSON.stringify(variant)
    const known = made.get(key)
    if (known) return known
    const one = shape<Values, Result>((builder) => build(builder, ...variant))
    made.set(key, one)
    return one
  }
}

/** Text that is there already, for what drizzle has no word for. */
export function text(
  sql: string,
): (db: { $client: Preparing }, ...values: unknown[]) => Bound<Row[]> {
  return (db, ...values) =>
    new Bound(db.$client.prepare(sql).bind(...values), ({ results }) => results)
}

/** Makes text only: there is no database behind it. */
const builder = drizzle(noDatabase())

function noDatabase(): D1Database {
  const standIn: unknown = { prepare: () => undefined }
  return standIn as D1Database
}

function binder(params: readonly unknown[]): (values: object) => unknown[] {
  const takes = params.map((param) => {
    if (is(param, Placeholder)) return (values: object): unknown => valueOf(values, param.name)
    if (is(param, Param) && is(param.value, Placeholder)) {
      const { value, encoder } = param
      return (values: object): unknown => encoder.mapToDriverValue(valueOf(values, value.name))
    }
    return () => param
  })
  return (values) => takes.map((take) => take(values))
}

function valueOf(values: object, name: string): unknown {
  const value: unknown = Reflect.get(values, name)
  if (value === undefined) throw new TypeError(`no value for ${name}`)
  return value
}

/** What is selected or returned, as drizzle's prepared query keeps it. */
type Fields = readonly { readonly path: readonly string[]; readonly field: unknown }[]

function reader(fields: Fields): (result: D1Result<Row>) => Row[] {
  const columns = fields.map(({ path, field }) => {
    const [key = '', ...inner] = path
    if (inner.length > 0) throw new TypeError(`${key} has fields of its own`)
    return { key, ...columnOf(key, field) }
  })
  if (new Set(columns.map(({ name }) => name)).size < columns.length) {
    throw new TypeError('two columns have one name')
  }
  return ({ results }) =>
    results.map((row) => {
      const read: Row = {}
      for (const { key, name, decode } of columns) {
        const value = row[name]
        read[key] = value === null ? null : decode(value)
      }
      return read
    })
}

function columnOf(key: string, field: unknown) {
  if (is(field, Column)) {
    return {
      name: field.name,
      decode: (value: unknown) => field.mapFromDriverValue(value),
    }
  }
  if (is(field, SQL.Aliased)) {
    const { decoder } = field.sql as SQL & Decoding
    return { name: field.fieldAlias, decode: (value: unknown) => decoder.mapFromDriverValue(value) }
  }
  throw new TypeError(`the column ${key} has no name of its own`)
}

/** What drizzle's types keep to themselves. */
interface Decoding {
  readonly decoder: { mapFromDriverValue(value: unknown): unknown }
}

/** The types of what is selected are those of drizzle, whose fields these are. */
function asReader<Result>(read: (result: D1Result<Row>) => Row[]): Bound<Result>['read'] {
  return read as unknown as Bound<Result>['read']
}
