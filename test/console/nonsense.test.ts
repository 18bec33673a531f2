/** Every form of the pages, with a value that it does not offer in each of its fields: none takes one. */
import { expect, test } from 'vitest'
import { bookingOf, bookingScene, newContact } from '../support/bookings.ts'
import { consoleSite, type Person } from '../support/console.ts'
import { rowsOf } from '../support/population.ts'
import { type Field, formsIn, type Sent, sentBy, type ShownForm } from '../support/shown-forms.ts'
import { sized } from '../support/size.ts'

const NUMBERS = ['0x10', 'abc', '1e3', 'Infinity', '1.5', '-1', '٣'].slice(0, sized(9, 1))

/** What no form offers, by the kind of the field. Texts are what somebody likes to type. */
const NONSENSE: Readonly<Record<string, readonly string[]>> = {
  number: NUMBERS,
  text: [],
  search: [],
  tel: [],
  textarea: [],
}
const OTHERWISE = ['nonsense!']

/** What is typed into texts that may not be empty, so that nothing but the nonsense is refused. */
const TYPED: Readonly<Record<string, string>> = {
  title: 'Badge',
  name: 'typed',
  path: '/typed/*',
  url: 'https://partner.example/typed',
  startTime: '10:00',
  durationMinutes: '60',
  from: '2090-03-06',
  until: '2090-03-20',
  since: new Date(Date.now() - 60_000).toISOString(),
  token: 'eyJ',
}

/** Boxes of which one has to be ticked. */
const TICKED = new Set(['weekdays', 'booking'])

interface Found extends ShownForm {
  readonly page: string
}

/** One address stands for all that differ in ids alone. */
function kindOf(place: string): string {
  return place.replaceAll(/[a-z]{3}_[0-9a-z]{26}|[0-9a-f-]{36}/g, ':id').replaceAll(/=[^&]+/g, '=')
}

/** The forms of every page that links lead to from here. */
async function formsFrom(person: Person, ...starts: readonly string[]): Promise<Found[]> {
  const [found, seen, waiting] = [new Map<string, Found>(), new Set<string>(), [...starts]]
  for (let page = waiting.shift(); page !== undefined; page = waiting.shift()) {
    if (seen.has(kindOf(page))) continue
    seen.add(kindOf(page))
    const { status, text } = await person.get(page)
    expect([page, status]).toEqual([page, 200])
    for (const form of formsIn(text, page)) {
      if (!form.action.startsWith('/console') && !form.action.startsWith('/account')) continue
      const names = form.fields.map(({ name, kind }) => `${name}:${kind}`)
      found.set(`${form.method} ${kindOf(form.action).replace(/\?.*/, '')} ${names.join()}`, {
        ...form,
        page,
      })
    }
    for (const [, link = ''] of text.matchAll(/href="(\/(?:console|account)[^"#]*)"/g)) {
      if (!link.includes('?')) waiting.push(link)
    }
  }
  return [...found.values()]
}

/** What a form sends with its texts typed, and with `field` as it is not offered. */
function sentWith(form: ShownForm, field?: Field, nonsense = ''): Sent {
  const ticked = form.fields.map((each) =>
    TICKED.has(each.name) ? { ...each, isSent: true } : each,
  )
  const typed: Readonly<Record<string, string>> =
    form.action === '/console/explain' ? { ...TYPED, path: '/v1/me' } : TYPED
  const sent = sentBy({ ...form, fields: ticked }).map(([name, value]): [string, string] => [
    name,
    value || (typed[name] ?? ''),
  ])
  if (!field) return sent
  return [...sent.filter(([name]) => name !== field.name), [field.name, nonsense]]
}

/** A box is not sent where it is not ticked, and a reason may be left out by API as well. */
function isOptional({ fields }: ShownForm, [name]: Sent[number]): boolean {
  const isBox = fields.some((field) => field.name === name && field.kind === 'checkbox')
  return isBox || name === 'reason' || name === 'once'
}

async function answerTo(person: Person, { method, action }: ShownForm, sent: Sent) {
  if (method === 'post') return person.post(action, sent)
  return person.get(`${action.replace(/\?.*/, '')}?${new URLSearchParams(sent).toString()}`)
}

/** A site that has one of everything, so that each form of the pages is there. */
async function furnished() {
  const site = consoleSite({ SELF_DELETION: 'on' })
  const ada = await site.person('Ada', 'admin')
  const bob = await site.person('Bob', 'moderator')
  const root = await site.root()
  const scene = await bookingScene(site)
  const { id: service } = await scene.service()
  const { id: slot } = await scene.slotOf(service)
  await bookingOf(await site.member('guest'), slot)
  const { body: badge } = await root.post('/v1/badges', { title: 'Helper' })
  const { body: other } = await root.post('/v1/badges', { title: 'Regular' })
  const measured = { metric: 'visits', threshold: 3, windowDays: 30 }
  await root.post('/v1/badge-rules', { ...measured, badgeId: badge.id })
  await root.post('/v1/page-rules', { path: '/a', access: { badge: badge.id } })
  await root.post('/v1/page-rules', { path: '/b', access: 'members' })
  await root.post('/v1/api-keys', { name: 'Door', scopes: ['profile:read'] })
  await root.post('/v1/webhooks', { url: 'https://partner.example/hooks' })
  await root.put('/v1/roles/greeter', { permissions: [{ permission: 'audit:read', reach: 'any' }] })
  for (const { userId } of [ada, bob]) await root.put(`/v1/users/${userId}/badges/${other.id}`)
  const own = await root.post('/v1/bookings', { slotId: await scene.slot(), contact: newContact() })
  expect(own.status).toBe(201)
  const pages = [
    ...['', '/explain?about=page', '/roles/named/greeter', '/bookings?status=all'],
    ...[`/services/${service}/slots/new?kind=weekly`, `/members/${bob.userId}`],
  ].map((page) => `/console${page}`)
  return { ada, pages: [...pages, '/account'] }
}

test('no form takes what it does not offer, and nothing comes of it', async () => {
  const { ada, pages } = await furnished()
  const forms = await formsFrom(ada, ...pages)
  const written = async () =>
    (await rowsOf('select count(*) as count from audit_log'))[0]?.['count']
  const before = await written()
  const taken: unknown[] = []
  let sent = 0
  for (const form of forms) {
    const fields = new Map(form.fields.map((field) => [`${field.name} ${field.kind}`, field]))
    for (const field of fields.values()) {
      const nonsense = field.name === 'typed' ? OTHERWISE : (NONSENSE[field.kind] ?? OTHERWISE)
      for (const value of nonsense) {
        const { status } = await answerTo(ada, form, sentWith(form, field, value))
        sent += 1
        if (status < 400 || status > 499) {
          taken.push([form.method, form.page, form.action, field.name, field.kind, value, status])
        }
      }
    }
  }
  // Without a field an edit would empty what it does not name.
  for (const form of forms.filter(({ fields }) => fields.some(({ name }) => name === 'revision'))) {
    const whole = sentWith(form)
    for (const [name] of whole.filter((each) => !isOptional(form, each))) {
      const { status } = await answerTo(
        ada,
        form,
        whole.filter((each) => each[0] !== name),
      )
      if (status < 400 || status > 499) taken.push([form.action, 'without', name, status])
    }
  }
  expect(taken).toEqual([])
  expect(sent).toBeGreaterThan(150)
  expect(await written()).toBe(before)

  // As the pages show them they are taken, so that it was the nonsense that was refused.
  const refused: unknown[] = []
  for (const { page, method, action } of forms) {
    const form = formsIn((await ada.get(page)).text, page).find(
      (each) => each.action === action && each.method === method,
    )
    if (!form || form.fields.some(({ name }) => name === 'typed')) continue
    const { status, text } = await answerTo(ada, form, sentWith(form))
    if (status >= 400) refused.push([page, action, status, /alert.*?<\/p>/s.exec(text)?.[0]])
  }
  expect(refused).toEqual([])
})
