/** The forms of a page, as a browser without a script would send them, and what all of them have to stand. */
import { expect } from 'vitest'
import type { Browser, Page } from './login.ts'

export interface HtmlField {
  readonly name: string
  /** `textarea`, `select`, or the type of an input. */
  readonly kind: string
  readonly value: string
}

export interface HtmlForm {
  readonly method: string
  readonly action: string
  /** As they are filled in, with the button of the enter key. A box that is not ticked is not among them. */
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
    fields: [...[...content.matchAll(FIELD)].flatMap(fieldOf), ...pressedIn(content)],
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

/** The first button, if it says anything. */
function pressedIn(content: string): HtmlField[] {
  const [, attributes = ''] = /<button\b(?![^>]*type="button")([^>]*)>/.exec(content) ?? []
  const name = valueOf(attributes, 'name')
  return name === undefined
    ? []
    : [{ name, kind: 'button', value: valueOf(attributes, 'value') ?? '' }]
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

const SAFE = {
  'content-security-policy': expect.stringMatching(/^default-src 'none'.*frame-ancestors 'none'/),
  'referrer-policy': 'same-origin',
  'request-id': expect.stringMatching(/^\w/),
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
}

/** What every answer has for browsers and caches, whatever kind it is. */
export function expectSafe(path: string, { headers }: Page): void {
  const of = { path, ...Object.fromEntries(headers) }
  expect(of).toMatchObject({ path, ...SAFE })
  expect([path, /no-store|private/.test(headers.get('Cache-Control') ?? '')]).toEqual([path, true])
}

const TYPED = new Set(['text', 'search', 'url', 'tel', 'number', 'date', 'time', 'textarea'])
/** No page takes so much anywhere. */
const BAD = `bad ${'x'.repeat(2100)}`
/** Never shown again. */
const SECRETS = new Set(['token', 'username'])

const isTyped = ({ name, kind }: HtmlField) => TYPED.has(kind) && !SECRETS.has(name)

/** Fills everything in as nothing takes it. */
function spoiled({ fields }: HtmlForm): URLSearchParams {
  return new URLSearchParams(
    fields.map((field) => {
      const isSecret = field.kind === 'password'
      return [field.name, isSecret ? 'no' : isTyped(field) ? BAD : field.value]
    }),
  )
}

async function send(browser: Browser, form: HtmlForm): Promise<Page> {
  const sent = spoiled(form)
  if (form.method === 'get') return browser.get(`${form.action.split('?')[0]}?${sent.toString()}`)
  return browser.send('POST', form.action, {
    body: sent.toString(),
    headers: { 'Content-Type': 'application/x-www-form-urlencoded' },
  })
}

/** Sends each form of a page as nothing takes it. @returns what each is, as far as something is typed into it */
export async function spoilAll(browser: Browser, path: string): Promise<string[]> {
  const { status, text } = await browser.get(path)
  expect([path, status]).toEqual([path, 200])
  const forms = formsIn(text, path).filter(({ fields }) =>
    fields.some((field) => isTyped(field) || field.kind === 'password'),
  )
  for (const form of forms) {
    const answer = await send(browser, form)
    const at = `${form.method} ${form.action} on ${path}`
    const names = form.fields.filter(isTyped).map(({ name }) => name)
    const kept = formsIn(answer.text, form.action).some(({ fields }) =>
      names.every((name) => fields.some((each) => each.name === name && each.value.trim() === BAD)),
    )
    // A search for what nobody is called is none that is refused.
    const isRefused = answer.status >= 400 && answer.status < 500
    expect([at, answer.status, kept]).toEqual([at, answer.status, true])
    expect([at, answer.status, isRefused]).toEqual([at, answer.status, true])
    if (form.method === 'post' && names.length > 0)
      expect([at, /aria-invalid="true"|role="alert"/.test(answer.text)]).toEqual([at, true])
    // Not the one for what has no form of its own any more, and no secret.
    expect([at, /What you have typed|value="no"/.exec(answer.text)]).toEqual([at, null])
    expectSafe(at, answer)
  }
  return forms.map(({ method, action }) => `${method} ${action.split('?')[0]}`)
}
