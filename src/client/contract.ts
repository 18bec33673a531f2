/** All that the client takes from the server, as types; a build replaces them by what they stand for. */
import type { DeclaredRoutes } from '../api/index.ts'
import type { Endpoints } from '../http/typed.ts'
import type * as problem from '../problem.ts'

export type Routes = Endpoints<DeclaredRoutes>

type Problems = typeof problem.PROBLEMS

export type ProblemStatuses = { readonly [Code in keyof Problems]: Problems[Code]['status'] }

export type Stage = problem.Stage

export type FieldError = { readonly [K in keyof problem.FieldError]: problem.FieldError[K] }
