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

/** What `Pager` takes: the addresses of the first and the next page, with the filters of this one. */
export function placesOf(
  c: ConsoleContext,
  { items, nextCursor }: { readonly items: readonly unknown[]; readonly nextCursor: string | null },
): { readonly shown: number; readonly first: string | null; readonly next: string | null } {
  const at = (cursor?: string) => {
    const url = new URL(c.req.url)
    url.searchParams.delete('cursor')
    url.searchParams.delete('done')
    if (cursor !== undefined) url.searchParams.set('cursor', cursor)
    return url.pathname + url.search
  }
  return {
    shown: items.length,
    first: c.req.query('cursor') === undefined ? null : at(),
    next: nextCursor === null ? null : at(nextCursor),
  }
}
