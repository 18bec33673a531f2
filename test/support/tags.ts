/** An ETag is the name of an answer: two that differ never have the same one. */

/** @returns a check of each answer to a GET, for one site */
export function whileTagsMove() {
  const answers = new Map<string, string>()

  /** @throws Error if this path has answered something else under the same ETag */
  return (path: string, response: Response, text: string): void => {
    const tag = response.headers.get('ETag')
    if (tag === null || response.status !== 200 || text === '') return
    const name = `${path} ${tag}`
    const before = answers.get(name) ?? text
    if (before !== text) throw new Error(`GET ${path} is ${tag} as ${before} and as ${text}`)
    answers.set(name, text)
  }
}
