/**
 * Compares a list that is kept by hand with what there is. Whoever forgot an entry reads what is
 * missing, where it goes, and which recipe of CONTRIBUTING.md explains it, instead of a long diff.
 */

interface List {
  /** The place where the list is kept, as in `SIGNED_IN in test/round-trips.test.ts`. */
  readonly list: string
  /** The kind of thing that is listed, in the singular, as in `route`. */
  readonly of: string
  /** The heading of the recipe in CONTRIBUTING.md; a test checks that it exists. */
  readonly recipe: string
}

/** @throws Error that names each entry that is missing, and each that stands for nothing */
export function assertComplete(
  listed: Iterable<string>,
  actual: Iterable<string>,
  { list, of, recipe }: List,
): void {
  const [has, needs] = [new Set(listed), new Set(actual)]
  const missing = [...needs].filter((name) => !has.has(name)).sort()
  const idle = [...has].filter((name) => !needs.has(name)).sort()
  const said = [
    ...missing.map((name) => `${list} lacks the ${of} ${name}: add it there.`),
    ...idle.map((name) => `${list} has ${name}, which is no ${of}: take it out.`),
  ]
  if (said.length === 0) return
  throw new Error([...said, `CONTRIBUTING.md says how, under "${recipe}".`].join('\n'))
}
