/** What is there is shown and can be chosen to its end, and what came of a form is said as it was. */
import { expect, test } from 'vitest'
import { reasonInWords } from '../../src/console/metrics.ts'
import { visible } from '../../src/look/visible.ts'
import { bookingOf, bookingScene } from '../support/bookings.ts'
import { consoleSite } from '../support/console.ts'
import { rowsOf } from '../support/population.ts'
import { shownIn } from '../support/shown-forms.ts'

async function desk(site = consoleSite()) {
  return { site, ada: await site.person('Ada', 'admin'), root: await site.root() }
}

/** More than the API has on a page of a list. */
const MANY = 120

async function many() {
  const numbers = `with recursive n(i) as (select 100 union all select i + 1 from n where i < 99 + ${MANY})`
  const at = '2026-01-01T00:00:00.000Z'
  await rowsOf(`insert into roles (name, permissions, revision, created_at, updated_at)
    ${numbers} select 'role-' || i, '{"audit:read":"any"}', 1, '${at}', '${at}' from n`)
  await rowsOf(`insert into badges (id, slug, title, description, background_color, text_color,
    icon_url, position, revision, created_at, updated_at)
    ${numbers} select 'bdg_01jqz0000000000000000' || i || 'xx', 'slug-' || i, 'Badge ' || i, '',
    '#000000', '#ffffff', null, i, 1, '${at}', '${at}' from n`)
}

test('lists and choices have all that there is, also without the script', async () => {
  const { site, ada } = await desk()
  const bob = await site.person('Bob')
  await many()
  const [role, badge] = [`role-${99 + MANY}`, `>Badge ${99 + MANY}<`]
  const member = (await ada.get(`/console/members/${bob.userId}`)).text
  expect([member.includes(`value="${role}"`), member.includes(badge)]).toEqual([true, true])
  expect((await ada.get('/console/rules/new')).text).toContain(badge)
  expect((await ada.get('/console/page-rules/new')).text).toContain(badge)
  expect((await ada.get('/console/choices/roles')).text).toContain(role)
  const filter = (await ada.get('/console/members?q=B')).text
  const [, all = ''] = /<noscript><a href="([^"]+choices=all)"/.exec(filter) ?? []
  expect([filter.includes(role), all]).toEqual([false, '/console/members?q=B&amp;choices=all'])
  expect((await ada.get(all.replace('&amp;', '&'))).text).toContain(`value="${role}"`)
  // The list of roles goes on page by page, and the last one can be opened and changed.
  let shown = ''
  let [pages, next] = [0, '/console/roles']
  for (; next !== ''; pages++) {
    const { text } = await ada.get(next)
    shown += text
    next = /href="([^"]+)" rel="next"/.exec(text)?.[1] ?? ''
  }
  expect([pages, shown.includes(`href="/console/roles/named/${role}"`)]).toEqual([3, true])
  expect((await ada.get(`/console/roles/named/${role}`)).text).toContain(
    'name="revision" value="1"',
  )
})

test('a role may be called as another page is, and one that is there is not made again', async () => {
  const { ada, root } = await desk()
  for (const name of ['new', 'matrix']) {
    await ada.post('/console/roles/new', { name, 'may:audit:read': 'any' })
    const place = `/console/roles/named/${name}`
    const { text } = await ada.get(place)
    expect(text).toContain('name="revision" value="1"')
    const again = await ada.post('/console/roles/new', { name, 'may:job:run': 'any' })
    expect([again.status, again.text.includes(`href="${place}"`)]).toEqual([409, true])
    const { items } = (await root.get('/v1/roles?limit=100')).body
    expect(items.find((role: { name: string }) => role.name === name)).toMatchObject({
      permissions: [{ permission: 'audit:read', reach: 'any' }],
    })
    const shown = shownIn(text, place)
    expect((await ada.post(`${place}/delete`, { typed: name })).status).toBe(303)
    // What is gone is not made by a form that is still open.
    expect((await ada.post(place, shown)).status).toBe(404)
    expect((await ada.get(`${place}/delete`)).status).toBe(404)
  }
})

test('a key that has expired is renamed, and stays expired', async () => {
  const { ada, root } = await desk()
  const expiresAt = '2026-01-01T00:00:00.000Z'
  const { body } = await root.post('/v1/api-keys', { name: 'Door', scopes: ['profile:read'] })
  await rowsOf('update api_keys set expires_at = ? where id = ?', expiresAt, body.id)
  const place = `/console/api-keys/${body.id}/edit`
  const shown = shownIn((await ada.get(place)).text, place)
  const ticked = { ...shown, scopes: 'profile:read' }
  expect((await ada.post(place, { ...ticked, name: 'Old door' })).status).toBe(303)
  expect((await root.get(`/v1/api-keys/${body.id}`)).body).toMatchObject({
    name: 'Old door',
    expiresAt,
    scopes: ['profile:read'],
  })
})

test('what confirms is what is seen of a name, and the id where nothing is', async () => {
  expect(
    [' Bob\u200b ', 'Two\nlines', 'e\u0301', '\u00a0', '\u3164\u2800\u202e', 'a\u00a0 b'].map(
      visible,
    ),
  ).toEqual(['Bob', 'Two lines', 'é', '', '', 'a b'])
  const { site, ada } = await desk()
  const bob = await site.person('Bob')
  const place = `/console/members/${bob.userId}/delete`
  const named = async (name: string) => {
    await rowsOf('update users set display_name = ? where id = ?', name, bob.userId)
    return (await ada.get(place)).text
  }
  const isDone = async (typed: string) => (await ada.post(place, { typed })).status === 303
  expect(await named('\u00a0')).toContain(`data-typed="${bob.userId}"`)
  expect([await isDone(''), await isDone('\u00a0')]).toEqual([false, false])
  expect(await named('Two\nlines\u00a0')).toContain('data-typed="Two lines"')
  expect([await isDone('Two'), await isDone(bob.userId), await isDone('Two lines')]).toEqual([
    false,
    false,
    true,
  ])
})

test('what was done already is not said to be done', async () => {
  const { site, ada, root } = await desk()
  const bob = await site.person('Bob')
  const place = `/console/members/${bob.userId}`
  const act = async (what: string, form = {}) =>
    (await ada.post(`${place}/${what}`, form)).location?.replace(/.*done=/, '')
  expect(await act('reinstate')).toBe('activeAlready')
  expect(await act('suspend', { reason: 'First' })).toBe('suspended')
  expect(await act('suspend', { reason: 'Second' })).toBe('suspendedAlready')
  const said = (await ada.get(`${place}?done=suspendedAlready`)).text
  expect([said.includes('stay so for the reason'), said.includes('First')]).toEqual([true, true])
  expect(await act('reinstate')).toBe('reinstated')

  const { body: badge } = await root.post('/v1/badges', { title: 'Helper' })
  const sent = { badgeId: badge.id, role: 'moderator' }
  const twiceEach = async (what: string) => {
    const all = []
    for (const step of ['', '', '/take', '/take']) all.push(await act(`${what}${step}`, sent))
    return all
  }
  expect(await twiceEach('roles')).toEqual(['given', 'heldAlready', 'taken', 'notHeld'])
  // Of a badge that is not held the API says so itself.
  expect(await twiceEach('badges')).toEqual(['given', 'heldAlready', 'taken', undefined])

  const { id } = await bookingOf(root, await (await bookingScene(site)).slot())
  const twice: [string, string][] = [
    ['action', 'decline'],
    ['booking', id],
    ['booking', id],
  ]
  expect((await ada.post('/console/bookings', twice)).text).toContain('1 of 1 was changed.')
})

test('days of the audit log are those of the site, which is said, and reasons are in words', async () => {
  const { ada } = await desk(consoleSite({ SITE_TIME_ZONE: 'Pacific/Kiritimati' }))
  const { text } = await ada.get('/console/audit?since=2026-01-05&until=2026-01-06')
  expect(text).toContain('Since (Pacific/Kiritimati)')
  expect(text).toContain('since=2026-01-04T10%3A00%3A00.000Z')
  expect(text).toContain('until=2026-01-05T10%3A00%3A00.000Z')
  expect((await ada.get('/console/audit?since=soon')).status).toBe(422)
  expect(
    ['rul_1: 30 visitDays', 'rul_1: 1 visits within 7 days', 'rul_1: 2 visits a'].map(
      reasonInWords,
    ),
  ).toEqual(['rul_1: 30 days with a visit', 'rul_1: 1 visit within 7 days', 'rul_1: 2 visits a'])
})

test('the list of page rules has the badge of each by its name', async () => {
  const { ada, root } = await desk()
  const { body: badge } = await root.post('/v1/badges', { title: '<b>Regular' })
  await root.post('/v1/page-rules', { path: '/club', access: { badge: badge.id } })
  expect((await ada.get('/console/page-rules')).text).toContain(
    `Whoever has <a href="/console/badges/${badge.id}">&lt;b&gt;Regular</a>`,
  )
})

test('a form that was refused stays about what it was made of, until both are shown', async () => {
  const { ada, root } = await desk()
  const make = async (path: string, body: object) => (await root.post(path, body)).body.id
  const badgeId = await make('/v1/badges', { title: 'Helper' })
  const measured = { badgeId, metric: 'visits', threshold: 3 }
  const forms = [
    [`/console/badges/${badgeId}/edit`, 'position'],
    [`/console/rules/${await make('/v1/badge-rules', measured)}`, 'threshold'],
    [`/console/services/${await make('/v1/services', { name: 'Tour' })}/edit`, 'holdMinutes'],
    [
      `/console/page-rules/${await make('/v1/page-rules', { path: '/a', access: 'members' })}/edit`,
      'position',
    ],
    [`/console/api-keys/${await make('/v1/api-keys', { name: 'Door', scopes: [] })}/edit`, 'limit'],
    [`/console/members/${ada.userId}/edit`, 'phone'],
    ['/account/profile', 'phone'],
  ] as const
  for (const [place, field] of forms) {
    const formIn = (text: string) => shownIn(text, place)
    const shown = formIn((await ada.get(place)).text)
    // As if somebody had changed it since.
    const old = { ...shown, revision: '999' }
    const wrong = await ada.post(place, { ...old, [field]: 'x' })
    expect([place, wrong.status, formIn(wrong.text)]).toEqual([
      place,
      422,
      { ...old, [field]: 'x' },
    ])
    const late = await ada.post(place, old)
    expect([place, late.status, formIn(late.text)['revision']]).toEqual([
      place,
      412,
      shown['revision'],
    ])
  }
})
