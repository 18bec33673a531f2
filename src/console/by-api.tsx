/** How what a page does is done by API: with curl, and with the typed client. */
import { Copyable } from '../look/parts.tsx'
import type { NotedCall } from './api.ts'

interface Args {
  readonly param?: Readonly<Record<string, string>>
  readonly query?: Readonly<Record<string, string | number | boolean | undefined>>
  readonly json?: unknown
  readonly ifMatch?: number
  readonly ifNoneMatch?: '*'
}

/** What a call of the client is given, as far as it is written out here. */
function argsOf({ args }: NotedCall): Args {
  const given: Args = typeof args === 'object' && args !== null ? args : {}
  return hasToken(given.json) ? { ...given, json: { ...given.json, token: 'eyJ…' } } : given
}

/** Whoever reads along could use it. */
function hasToken(json: unknown): json is { readonly token: unknown } {
  return typeof json === 'object' && json !== null && 'token' in json
}

/** The method and the path with its query, as in `GET /v1/users?limit=50`. */
export function requestOf(call: NotedCall): { readonly method: string; readonly path: string } {
  const { param = {}, query = {} } = argsOf(call)
  const segments = call.chain.slice(0, -1).map((segment) => {
    const value = segment.startsWith(':') ? param[segment.slice(1)] : undefined
    return value === undefined ? segment : encodeURIComponent(value)
  })
  const search = new URLSearchParams()
  for (const [name, value] of Object.entries(query)) {
    if (value !== undefined) search.append(name, String(value))
  }
  const text = search.toString()
  const method = (call.chain.at(-1) ?? '').slice(1).toUpperCase()
  return { method, path: `/v1/${segments.join('/')}${text && `?${text}`}` }
}

function curlOf(call: NotedCall, origin: string): string {
  const { json, ifMatch, ifNoneMatch } = argsOf(call)
  const { method, path } = requestOf(call)
  const lines = [
    `curl ${method === 'GET' ? '' : `-X ${method} `}${quoted(origin + path)}`,
    '-H "Authorization: Bearer $TOKEN"',
    ...(ifMatch === undefined ? [] : [`-H 'If-Match: "${ifMatch}"'`]),
    ...(ifNoneMatch === undefined ? [] : [`-H 'If-None-Match: ${ifNoneMatch}'`]),
    ...(json === undefined
      ? []
      : ["-H 'Content-Type: application/json'", `-d ${quoted(JSON.stringify(json))}`]),
  ]
  return lines.join(' \\\n  ')
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`
}

function clientOf(call: NotedCall): string {
  const chain = call.chain
    .map((name) => (/^[a-z_$][\w$]*$/i.test(name) ? `.${name}` : `[${literal(name)}]`))
    .join('')
  const { param, query, json, ifMatch, ifNoneMatch } = argsOf(call)
  const given = {
    ...(param && { param }),
    ...(query && { query }),
    ...(json !== undefined && { json }),
    ...(ifMatch !== undefined && { ifMatch }),
    ...(ifNoneMatch !== undefined && { ifNoneMatch }),
  }
  const args = Object.keys(given).length > 0 ? literal(given) : ''
  return `await client.v1${chain}(${args})`
}

/** As TypeScript writes it. */
function literal(value: unknown): string {
  if (typeof value === 'string')
    return `'${JSON.stringify(value)
      .slice(1, -1)
      .replaceAll(String.raw`\"`, '"')
      .replaceAll("'", String.raw`\'`)}'`
  if (Array.isArray(value)) return `[${value.map(literal).join(', ')}]`
  if (typeof value !== 'object' || value === null) return JSON.stringify(value)
  const fields = Object.entries(value)
    .filter(([, each]) => each !== undefined)
    .map(
      ([name, each]) => `${/^[a-z_$][\w$]*$/i.test(name) ? name : literal(name)}: ${literal(each)}`,
    )
  return fields.length > 0 ? `{ ${fields.join(', ')} }` : '{}'
}

export const ByApi = ({
  calls,
  origin,
}: {
  readonly calls: readonly NotedCall[]
  readonly origin: string
}) => {
  const [reading, ...others] = [
    ...new Map(calls.map((call) => [curlOf(call, origin), call])).values(),
  ]
  if (!reading) return <></>
  const all = [reading, ...others]
  return (
    <details class="api">
      <summary>The same by API</summary>
      <div>
        <Copyable
          id="by-curl"
          label="curl"
          text={all.map((call) => curlOf(call, origin)).join('\n\n')}
        />
        <Copyable id="by-client" label="Typed client" text={all.map(clientOf).join('\n')} />
        <p class="muted">
          Each call is described in the <a href="/docs">API reference</a>; <code>$TOKEN</code> is a{' '}
          <a href="/console/api-keys">key</a> or a token of your provider. A script in a page of
          this site gets one with <code>POST /auth/token</code>, good for five minutes, if you have
          signed in with an account of this site.
        </p>
      </div>
    </details>
  )
}
