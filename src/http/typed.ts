/**
 * The declared routes as types that a client can be made of: what each call sends and is answered.
 * Types only, so nothing of the server is bundled.
 */
import type * as z from 'zod'
import type { Access } from './access.ts'
import type { Input, Method, Route } from './route.ts'

type Schema = z.core.$ZodType

/** Paths, in Hono's spelling, to methods (`$get`) to `{ input, output }`. */
export type Endpoints<Routes extends readonly unknown[]> = Flat<
  Intersection<EndpointOf<Routes[number]>>
>

/** `more` is what a route that is open shows in addition, to those who may ask for it by a query value. */
type EndpointOf<R> =
  R extends Route<infer M extends Method, infer Path, infer I, infer A, infer O>
    ? { [_ in Path]: { [_ in `$${Lowercase<M>}`]: EndpointWith<I, A, O> } }
    : never

type EndpointWith<I extends Input, A extends Access, O> = A extends
  | { unless: { query: readonly [infer Name extends string, infer Value]; output: infer More } }
  | { more: { query: readonly [infer Name extends string, infer Value]; output: infer More } }
  ? {
      input: Sent<I>
      output: Answered<O>
      more: { query: { [_ in Name]: Value }; output: Answered<More> }
    }
  : { input: Sent<I>; output: Answered<O> }

type Answered<O> = O extends Schema ? z.output<O> : undefined

/** A target whose fields may all be left out may be left out itself, but for a body: it says something. */
type Sent<I extends Input> = (I extends { param: infer S extends Schema }
  ? { param: { [_ in keyof z.input<S>]: string } }
  : unknown) &
  (I extends { query: infer S extends Schema } ? { query?: Query<z.input<S>> } : unknown) &
  (I extends { json: infer S extends Schema } ? Body<z.input<S>> : unknown)

/** The input of a coerced number is `unknown`, for it may be text; a caller has a number. */
type Query<T> = { [K in keyof T]: unknown extends T[K] ? number : T[K] }

type Body<T> = string extends keyof T ? unknown : { json: T }

type Intersection<U> = (U extends unknown ? (each: U) => void : never) extends (
  all: infer I,
) => void
  ? I
  : never

/** Written out. Not exported, so that the compiler prints what it stands for and not its name. */
type Flat<T> = T extends object ? { [K in keyof T]: Flat<T[K]> } : T
