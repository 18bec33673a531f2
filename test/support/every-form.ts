/** What every answer of a page, and every form on it, has to stand. */
import { expect } from 'vitest'
import type { Browser, Page } from './login.ts'
import { type Field, formsIn, sentBy, type ShownForm } from './shown-forms.ts'

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

const isTyped = ({ name, kind }: Field) => TYPED.has(kind) && !SECRETS.has(name)

/** Fills everything in as nothing takes it. */
function spoiled(form: ShownForm): URLSearchParams {
  const typed = new Map(
    form.fields.flatMap((field) => {
      if (field.kind === 'password') return [[field.name, 'no']]
      return isTyped(field) ? [[field.name, BAD]] : []
    }),
  )
  return new URLSearchParams(sentBy(form).map(([name, value]) => [name, typed.get(name) ?? value]))
}

async function send(browser: Browser, form: ShownForm): Promise<Page> {
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
