/** Lists whose filters and place are in the address, so that they can be kept, sent and gone back to. */
import { GuildhallError } from '../client/index.ts'
import type { ConsoleContext } from './context.ts'
import { type Faults, faultsOf } from './forms.ts'

/** What the address says of each name; undefined for what is empty, as a form sends what is left out. */
export function filtersOf<Name extends string>(
  c: ConsoleContext,
  names: readonly Name[],
): { readonly [N in Name]?: string } {
  const entries = names.flatMap((name) => {
    const value = c.req.query(name)?.trim()
    return value ? [[name, value] as const] : []
  })
  const filters: { [N in Name]?: string } = {}
  for (const [name, value] of entries) filters[name] = value
  return filters
}

interface Listed<Row> {
  readonly items: readonly Row[]
  readonly nextCursor: string | null
}

/** What the API says of an address that asks for what no list has, as a filter or a place that is none. */
const OF_THE_ADDRESS: ReadonlySet<number | undefined> = new Set([410, 422])

/**
 * One page of a list. If the API does not take what the address asks for, there is nothing in it, and the
 * page says so above its filters, which keep what was typed.
 */
export async function listOf<Row>(
  c: ConsoleContext,
  asked: Promise<Listed<Row>>,
): Promise<Listed<Row>> {
  try {
    return await asked
  } catch (error) {
    if (!(error instanceof GuildhallError) || !OF_THE_ADDRESS.has(error.status)) throw error
    refuse(c, error)
    return { items: [], nextCursor: null }
  }
}

function refuse(c: ConsoleContext, error: GuildhallError): void {
  // The first says why the others came of it.
  if (!c.var.refused) c.set('refused', error)
}

/** What is wrong with each filter, by the name that the API has for it. */
export function filterFaults(c: ConsoleContext): Faults {
  return faultsOf(c.var.refused)
}

/**
 * What `Pager` takes: the addresses of the first and the next page, with the filters of this one.
 * @param path of the list, where a form that was refused shows it at another address
 */
export function placesOf(
  c: ConsoleContext,
  { items, nextCursor }: Listed<unknown>,
  path = new URL(c.req.url).pathname,
): { readonly shown: number; readonly first: string | null; readonly next: string | null } {
  const at = (cursor?: string) => {
    const url = new URL(c.req.url)
    url.searchParams.delete('cursor')
    url.searchParams.delete('done')
    if (cursor !== undefined) url.searchParams.set('cursor', cursor)
    return path + url.search
  }
  return {
    shown: items.length,
    first: c.req.query('cursor')?.trim() ? at() : null,
    next: nextCursor === null ? null : at(nextCursor),
  }
}

/** As many as a page or a select has at once, of what is not shown page by page. */
export const MOST = 1000

/** What is left of a list is said where there is more than `MOST`. */
export interface Whole<Item> {
  readonly items: readonly Item[]
  readonly isMore: boolean
}

/** A list to its end, as `client.all` reads it, as far as it is shown. */
export async function wholeOf<Item>(all: AsyncIterable<Item>): Promise<Whole<Item>> {
  const items: Item[] = []
  for await (const item of all) {
    if (items.length === MOST) return { items, isMore: true }
    items.push(item)
  }
  return { items, isMore: false }
}

/** Beside a choice of them. */
export function moreHint({ isMore }: Whole<unknown>): string | undefined {
  return isMore ? `The first ${MOST} of them; the others by API` : undefined
}

/** The member with this address, as far as whoever looks may know that; anything else is itself. */
export async function memberNamed(c: ConsoleContext, text: string): Promise<string | undefined> {
  if (!text.includes('@')) return text
  const page = await c.var.client.v1.users.$get({ query: { email: text, limit: 1 } })
  return page.items[0]?.id
}

/**
 * Where to go if filters of the address name members by what they are mailed at: to the same list, with
 * their ids. Nobody with that address is told as a search tells it.
 */
export async function byAddress(
  c: ConsoleContext,
  ...names: readonly string[]
): Promise<Response | undefined> {
  const url = new URL(c.req.url)
  const given = names.flatMap((name) => {
    const text = url.searchParams.get(name)?.trim() ?? ''
    return text.includes('@') ? [{ name, text }] : []
  })
  if (given.length === 0) return undefined
  for (const { name, text } of given) {
    let id: string | undefined
    try {
      id = await memberNamed(c, text)
    } catch (error) {
      if (!(error instanceof GuildhallError) || error.status === 401) throw error
      refuse(c, error)
      return undefined
    }
    if (!id) return c.redirect(`/console/members?q=${encodeURIComponent(text)}`, 303)
    url.searchParams.set(name, id)
  }
  return c.redirect(url.pathname + url.search, 303)
}
