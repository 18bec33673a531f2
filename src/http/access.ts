/** Who may call a route, as it is declared. */
import type * as z from 'zod'
import type { Target } from '../security/decide.ts'
import type { Grant } from '../security/grant.ts'
import type { Permission } from '../security/permissions.ts'

type Schema = z.core.$ZodType

/**
 * A permission, and whose resource the route is about: the caller's own (`self`), that of the member
 * named by a path parameter (`:userId`), that of whoever owns the rows (`rows`: the scope of the grant
 * finds only those the caller may see), or, left out, nobody's in particular.
 */
export interface Restricted<P extends Permission = Permission> {
  readonly may: P
  readonly owner?: 'self' | 'rows' | `:${string}`
  /**
   * From whom it takes something, which takes at least their rights, too. Said here for the documents;
   * the statement that writes asks, for by then they may have other rights.
   */
  readonly takesFrom?: 'the member' | 'everybody who has the role' | 'the key and its creator'
  /**
   * Parameters of the query that find what not everybody with the permission may look for: whoever sends
   * one needs a further permission, and is refused without it.
   */
  readonly filters?: Readonly<Record<string, Filter>>
  /** With this value of the query the route shows more, to those who have a further permission. */
  readonly more?: More
}

/** Over everybody's; or, with `of: 'whom it names'`, over what is theirs whose id is the value. */
export interface Filter {
  readonly may: Permission
  readonly of?: 'whom it names'
}

interface More {
  readonly query: readonly [name: string, value: string]
  readonly may: Permission
  readonly output: Schema
}

/** Open to everybody, for the given reason; with one query value it shows more, to fewer. */
export interface Open<P extends Permission = Permission> {
  readonly open: string
  readonly unless?: Omit<Restricted<P>, 'filters' | 'more'> & {
    readonly query: readonly [name: string, value: string]
    readonly output: Schema
  }
}

/** What a request has asked for, decided once: whatever acts for it later is held to the same. */
export type Admission =
  | { readonly restriction: undefined; readonly target: undefined }
  | {
      /** Its `output` is what those it admits are shown, where that is not the usual one of the route. */
      readonly restriction: Restricted & { readonly output?: Schema }
      readonly target: Target
      /** What its query takes besides. */
      readonly further?: readonly Demand[]
    }

/** A permission that is asked for, and over whose. */
export interface Demand {
  readonly may: Permission
  readonly target: Target
}

export type Access<P extends Permission = Permission> = Restricted<P> | Open<P>

/** No grant where everybody may; the type is what keeps restricted operations out of open routes. */
export type GrantFor<A extends Access> =
  A extends Restricted<infer P>
    ? Grant<P>
    : A extends { unless: Restricted<infer P> }
      ? Grant<P> | undefined
      : undefined
