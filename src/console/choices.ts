/**
 * Names to choose from instead of ids. A filter has those that its list shows, and the script, or a link
 * where there is none, adds the others: a list costs two calls of D1 and no third for its filters.
 */
import type { Choice } from '../look/forms.tsx'
import type { Client } from './api.ts'
import type { ConsoleApp, ConsoleContext } from './context.ts'
import { type Whole, wholeOf } from './lists.ts'

const LISTS = {
  badges: async ({ all, v1 }: Client) =>
    mapped(await wholeOf(all(v1.badges.$get, ALL)), ({ id, title }) => [id, title]),
  services: async ({ all, v1 }: Client) =>
    mapped(await wholeOf(all(v1.services.$get, ALL)), ({ id, name }) => [id, name]),
  roles: async ({ all, v1 }: Client) =>
    mapped(await wholeOf(all(v1.roles.$get, ALL)), ({ name }) => [name, name]),
} satisfies Readonly<Record<string, (client: Client) => Promise<Whole<Choice>>>>

/** The pages by which they are read. */
const ALL = { query: { limit: 100 } }

function mapped<Item>(
  { items, isMore }: Whole<Item>,
  of: (item: Item) => readonly [value: string, text: string],
): Whole<Choice> {
  return { isMore, items: items.map(of).map(([value, text]) => ({ value, text })) }
}

export function choicesOf(client: Client, what: keyof typeof LISTS): Promise<Whole<Choice>> {
  return LISTS[what](client)
}

const FOR_FILTERS = ['services', 'roles'] as const satisfies readonly (keyof typeof LISTS)[]

export const placeOfChoices = (what: (typeof FOR_FILTERS)[number]) => `/console/choices/${what}`

/** What the script asks for; the browser keeps it for a minute. */
export function choicePages(app: ConsoleApp): void {
  for (const what of FOR_FILTERS) {
    app.get(placeOfChoices(what), async (c) =>
      c.json((await choicesOf(c.var.client, what)).items, 200, {
        'Cache-Control': 'private, max-age=60',
      }),
    )
  }
}

/** Where the address asks for it, all of them: the way without the script. */
export async function choicesIfAsked(
  c: ConsoleContext,
  what: (typeof FOR_FILTERS)[number],
): Promise<readonly Choice[]> {
  if (c.req.query('choices') !== 'all') return []
  return (await choicesOf(c.var.client, what)).items
}

/** The same page, with all of them to choose from. */
export function allChoicesPlace(c: ConsoleContext): string {
  const url = new URL(c.req.url)
  url.searchParams.set('choices', 'all')
  return url.pathname + url.search
}

/** What is chosen is offered as well, be it among the others or not. */
export function withChosen(known: readonly Choice[], chosen: string): readonly Choice[] {
  const isThere = chosen === '' || known.some(({ value }) => value === chosen)
  return isThere ? known : [...known, { value: chosen, text: chosen }]
}

/**
 * For a filter: any of them, or one of these.
 * @param known each of them once or more often
 */
export function anyOf(known: readonly Choice[], chosen = ''): readonly Choice[] {
  const names = new Map(known.map(({ value, text }) => [value, text]))
  if (chosen !== '' && !names.has(chosen)) names.set(chosen, chosen)
  return [{ value: '', text: 'any' }, ...[...names].map(([value, text]) => ({ value, text }))]
}
