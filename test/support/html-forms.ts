/** The forms of a page, as a browser without a script would send them. */

export interface HtmlField {
  readonly name: string
  /** `textarea`, `select`, or the type of an input. */
  readonly kind: string
  readonly value: string
}

export interface HtmlForm {
  readonly method: string
  readonly action: string
  /** As they are filled in. A box that is not ticked is not among them. */
  readonly fields: readonly HtmlField[]
}

const FORM = /<form\b([^>]*)>(.*?)<\/form>/gs
const FIELD =
  /<input\b([^>]*)>|<textarea\b([^>]*)>(.*?)<\/textarea>|<select\b([^>]*)>(.*?)<\/select>/gs

/** @param path of the page, where a form without an action is sent */
export function formsIn(page: string, path: string): HtmlForm[] {
  return [...page.matchAll(FORM)].map(([, attributes = '', content = '']) => ({
    method: valueOf(attributes, 'method') ?? 'get',
    action: valueOf(attributes, 'action') ?? path,
    fields: [...content.matchAll(FIELD)].flatMap(fieldOf),
  }))
}

function fieldOf([, input, area, text, select, options]: RegExpMatchArray): HtmlField[] {
  const attributes = input ?? area ?? select ?? ''
  const name = valueOf(attributes, 'name')
  if (name === undefined) return []
  if (area !== undefined) return [{ name, kind: 'textarea', value: unescaped(text ?? '') }]
  if (select !== undefined) return [{ name, kind: 'select', value: chosenIn(options ?? '') }]
  const kind = valueOf(attributes, 'type') ?? 'text'
  const isTicked = / checked(?:=|\b)/.test(attributes)
  if ((kind === 'checkbox' || kind === 'radio') && !isTicked) return []
  return [{ name, kind, value: valueOf(attributes, 'value') ?? '' }]
}

function chosenIn(options: string): string {
  const all = [...options.matchAll(/<option\b([^>]*)>/g)].map(([, attributes = '']) => attributes)
  const chosen = all.find((attributes) => / selected(?:=|\b)/.test(attributes)) ?? all[0] ?? ''
  return valueOf(chosen, 'value') ?? ''
}

function valueOf(attributes: string, name: string): string | undefined {
  const found = new RegExp(`\\b${name}="([^"]*)"`).exec(attributes)?.[1]
  return found === undefined ? undefined : unescaped(found)
}

function unescaped(text: string): string {
  return text
    .replaceAll('&lt;', '<')
    .replaceAll('&gt;', '>')
    .replaceAll('&quot;', '"')
    .replaceAll('&#39;', "'")
    .replaceAll('&amp;', '&')
}
