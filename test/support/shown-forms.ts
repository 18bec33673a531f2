/** The forms of a page as a browser reads them: what each would send, and what of it can be changed. */

export interface Field {
  readonly name: string
  /** The type of an input, or what else it is. */
  readonly kind: string
  readonly value: string
  /** Whether it is sent if nothing is touched, which boxes are not that are not ticked. */
  readonly isSent: boolean
}

export interface ShownForm {
  readonly method: 'get' | 'post'
  /** The path, with its query. */
  readonly action: string
  readonly fields: readonly Field[]
}

export type Sent = [name: string, value: string][]

/** @param here the path of the page */
export function formsIn(html: string, here: string): ShownForm[] {
  return [...html.matchAll(/<form\b([^>]*)>(.*?)<\/form>/gs)].map(([, tag = '', inside = '']) => {
    const form = attributesOf(tag)
    return {
      method: form['method'] === 'post' ? 'post' : 'get',
      action: form['action'] ?? here,
      fields: [...inside.matchAll(CONTROL)].flatMap(([, one, of, pair, ofPair, text = '']) =>
        fieldOf(one ?? pair ?? '', attributesOf(of ?? ofPair ?? ''), text),
      ),
    }
  })
}

/** Each with what is between its tags, if it has two. */
const CONTROL = /<(input|button)\b([^>]*)>|<(select|textarea)\b([^>]*)>(.*?)<\/\3>/gs

function fieldOf(tag: string, attributes: Attributes, inside: string): Field[] {
  const { name, type, value = '' } = attributes
  if (name === undefined) return []
  if (tag === 'select') return [{ name, kind: tag, value: chosenIn(inside), isSent: true }]
  if (tag === 'textarea') {
    return [{ name, kind: tag, value: unescaped(inside).replace(/^\n/, ''), isSent: true }]
  }
  const kind = tag === 'button' ? tag : (type ?? 'text')
  if (kind === 'button') return [{ name, kind, value, isSent: false }]
  const isBox = kind === 'checkbox' || kind === 'radio'
  return [
    { name, kind, value: value || (isBox ? 'on' : ''), isSent: !isBox || 'checked' in attributes },
  ]
}

function chosenIn(options: string): string {
  const all = [...options.matchAll(/<option\b([^>]*)>/g)].map(([, tag = '']) => attributesOf(tag))
  const chosen = all.find((option) => 'selected' in option) ?? all[0]
  return chosen?.['value'] ?? ''
}

type Attributes = Readonly<Record<string, string | undefined>>

function attributesOf(tag: string): Attributes {
  return Object.fromEntries(
    [...tag.matchAll(/([\w:-]+)(?:="([^"]*)")?/g)].map(([, name = '', value = '']) => [
      name,
      unescaped(value),
    ]),
  )
}

function unescaped(text: string): string {
  return text
    .replaceAll('&lt;', '<')
    .replaceAll('&gt;', '>')
    .replaceAll('&quot;', '"')
    .replaceAll('&#39;', "'")
    .replaceAll('&amp;', '&')
}

/** What the form at this address sends if nobody types into it. @throws Error if there is none */
export function shownIn(html: string, place: string): Record<string, string> {
  const forms = formsIn(html, place).filter(({ method }) => method === 'post')
  const form = forms.find(({ action }) => action === place)
  if (!form) throw new Error(`no form at ${place}`)
  return Object.fromEntries(sentBy(form))
}

/** What is sent with one of its buttons, if they have names the first. */
export function sentBy({ fields }: ShownForm): Sent {
  const button = fields.find(({ kind }) => kind === 'button')
  const sent = fields.filter(({ isSent }) => isSent)
  return [...sent, ...(button ? [button] : [])].map(({ name, value }) => [name, value])
}
