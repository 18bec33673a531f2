/** The types of the calls: the path of a route as a chain of properties, its method as a function. */
import type { Routes } from './contract.ts'

export interface CallOptions {
  /** Ends the call, its retries and its waits; it then rejects with the signal's reason. */
  readonly signal?: AbortSignal | undefined
  /** The `revision` that is to be changed; another one by now is `precondition_failed`. */
  readonly ifMatch?: number | undefined
  /** For what a PUT is to make: if it is there already, the call is `precondition_failed`. */
  readonly ifNoneMatch?: '*' | undefined
  /**
   * The Idempotency-Key of a POST. Every call gets a new one unless it is given, which repeats a
   * call of an earlier process.
   */
  readonly idempotencyKey?: string | undefined
}

/** `calls.v1.users[':userId'].$get({ param: { userId } })` for `GET /v1/users/:userId`. */
export type Calls = Intersection<
  {
    [Path in keyof Routes]: Chain<Path, { [M in keyof Routes[Path]]: Call<Routes[Path][M]> }>
  }[keyof Routes]
>

type Chain<Path, Methods> = Path extends `/${infer Rest}`
  ? Chain<Rest, Methods>
  : Path extends `${infer Head}/${infer Rest}`
    ? { readonly [_ in Head]: Chain<Rest, Methods> }
    : { readonly [_ in Path & string]: Methods }

type Call<Endpoint> = Endpoint extends {
  input: infer Input
  output: infer Output
  more: { query: infer Query; output: infer More }
}
  ? Answers<Input & { query: Query }, More> & Answers<Input, Output>
  : Endpoint extends { input: infer Input; output: infer Output }
    ? Answers<Input, Output>
    : never

type Answers<Input, Output> = (
  ...args: Partial<Input> extends Input ? [args?: Input & CallOptions] : [args: Input & CallOptions]
) => Promise<Output>

type Intersection<U> = (U extends unknown ? (each: U) => void : never) extends (
  all: infer I,
) => void
  ? I
  : never

type ListCall = (args: never) => Promise<Page<unknown>>

type ItemOf<List> = List extends (args: never) => Promise<Page<infer Item>> ? Item : never

/** Every item of a list, page by page as they are asked for: `for await (const item of client.all(…))`. */
export type All = <List extends ListCall>(
  list: List,
  ...args: Parameters<List>
) => AsyncGenerator<ItemOf<List>, void, undefined>

export interface Page<Item> {
  readonly items: readonly Item[]
  readonly nextCursor: string | null
}
