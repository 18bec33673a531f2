/**
 * Names to choose from instead of ids. A filter has those that its list shows, and the script adds the
 * others: a list costs two calls of D1 and no third for the names in its filters.
 */
import type { Choice } from '../look/forms.tsx'
import type { Client } from './api.ts'
import type { ConsoleApp } from './context.ts'

const LISTS = {
  badges: async ({ v1 }: Client) =>
    (await v1.badges.$get({ query: { limit: 100 } })).items.map(({ id, title }) => ({
      value: id,
      text: title,
    })),
  services: async ({ v1 }: Client) =>
    (await v1.services.$get({ query: { limit: 100 } })).items.map(({ id, name }) => ({
      value: id,
      text: name,
    })),
  roles: async ({ v1 }: Client) =>
    (await v1.roles.$get({ query: { limit: 100 } })).items.map(({ name }) => ({
      value: name,
      text: name,
    })),
} satisfies Readonly<Record<string, (client: Client) => Promise<Choice[]>>>

/** The first hundred of them. */
export function choicesOf(client: Client, what: keyof typeof LISTS): Promise<Choice[]> {
  return LISTS[what](client)
}

const FOR_FILTERS = ['services', 'roles'] as const satisfies readonly (keyof typeof LISTS)[]

export const placeOfChoices = (what: (typeof FOR_FILTERS)[number]) => `/console/choices/${what}`

/** What the script asks for; the browser keeps it for a minute. */
export function choicePages(app: ConsoleApp): void {
  for (const what of FOR_FILTERS) {
    app.get(placeOfChoices(what), async (c) =>
      c.json(await choicesOf(c.var.client, what), 200, {
        'Cache-Control': 'private, max-age=60',
      }),
    )
  }
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
