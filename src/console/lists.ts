/** Lists whose filters and place are in the address, so that they can be kept, sent and gone back to. */
import type { ConsoleContext } from './context.ts'

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

/**
 * What `Pager` takes: the addresses of the first and the next page, with the filters of this one.
 * @param path of the list, where a form that was refused shows it at another address
 */
export function placesOf(
  c: ConsoleContext,
  { items, nextCursor }: { readonly items: readonly unknown[]; readonly nextCursor: string | null },
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
    first: c.req.query('cursor') === undefined ? null : at(),
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
    const id = await memberNamed(c, text)
    if (!id) return c.redirect(`/console/members?q=${encodeURIComponent(text)}`, 303)
    url.searchParams.set(name, id)
  }
  return c.redirect(url.pathname + url.search, 303)
}
