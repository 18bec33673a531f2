/** The console in a real browser, on the site that `npm start` serves: one world for all pages. */
import type { Page } from 'playwright-core'
import { expect, test } from 'vitest'
import { consoleWorld, type ConsoleWorld } from './support/console-world.ts'
import { lookAt, nothingFound } from './support/every-page.ts'

const ROLES = ['member', 'moderator', 'bookings-manager', 'admin'] as const

const world: () => ConsoleWorld = consoleWorld(ROLES)

/** Every page, by its name in the menu or what leads to it. */
const pages = ({ ids }: ConsoleWorld): readonly string[] => [
  '/console',
  '/console/members',
  '/console/members?q=nobody-is-called-that',
  `/console/members/${ids.member}`,
  `/console/members/${ids.member}/edit`,
  `/console/members/${ids.member}/sign-in`,
  `/console/members/${ids.member}/bookings`,
  `/console/members/${ids.member}/visits`,
  `/console/members/${ids.member}/history`,
  `/console/members/${ids.member}/suspend`,
  `/console/members/${ids.member}/delete`,
  '/console/badges',
  '/console/badges/new',
  `/console/badges/${ids.badge}`,
  `/console/badges/${ids.badge}/edit`,
  '/console/rules',
  '/console/rules/new',
  `/console/rules/${ids.rule}`,
  '/console/roles',
  // Axe takes longer for the cells of the first than for all the rest, and the others are like some above.
  ...(process.env['FULL']
    ? [
        '/console/roles/matrix',
        '/console/roles/named/moderator',
        '/console/page-rules/new',
        `/console/api-keys/${ids.key}/rotate`,
      ]
    : []),
  '/console/roles/new',
  '/console/audit',
  '/console/audit/elevations',
  '/console/bookings',
  `/console/bookings/${ids.booking}`,
  '/console/calendar',
  '/console/services',
  '/console/services/new',
  `/console/services/${ids.service}`,
  `/console/services/${ids.service}/slots/new?kind=weekly`,
  '/console/api-keys',
  '/console/api-keys/new',
  `/console/api-keys/${ids.key}`,
  '/console/page-rules?page=/members/x',
  `/console/page-rules/${ids.pageRule}`,
  '/console/jobs',
  '/console/jobs/award-badges',
  '/console/providers',
  '/console/webhooks',
  '/console/webhooks/new',
  `/console/webhooks/${ids.webhook}`,
  '/console/ended-sessions',
  '/console/explain?method=GET&path=/v1/users&as=anonymous',
  '/console/explain?page=/members/x',
]

/** What every member sees of these; there is more behind the addresses of their own things. */
const FOR_ALL = ({ ids }: ConsoleWorld): readonly string[] => [
  '/console',
  ...['', '/edit', '/sign-in', '/bookings', '/visits'].map(
    (tab) => `/console/members/${ids.member}${tab}`,
  ),
  '/console/badges',
  `/console/badges/${ids.badge}`,
  '/console/roles',
  ...(process.env['FULL'] ? ['/console/roles/matrix', '/console/roles/named/moderator'] : []),
  '/console/bookings',
  '/console/calendar',
  '/console/services',
  `/console/services/${ids.service}`,
  '/console/explain?page=/members/x',
]

/** Which pages there are for whom besides the admin, the first ones as nobody else sees them. */
const SEEN = {
  // Axe takes long for the table of roles, and an admin has looked at it.
  member: (world) => {
    const isOfRoles = (path: string) => path.startsWith('/console/roles')
    const all = FOR_ALL(world)
    return { own: all.filter((path) => !isOfRoles(path)), shared: all.filter(isOfRoles) }
  },
  moderator: (world) => {
    const { ids } = world
    const own = [
      '/console',
      '/console/members',
      `/console/members/${ids.member}`,
      `/console/members/${ids.member}/sign-in`,
      `/console/members/${ids.member}/suspend`,
    ]
    const theirs = FOR_ALL(world).filter(
      (path) => path !== `/console/members/${ids.member}/bookings`,
    )
    return { own, shared: [...theirs, '/console/members?q=nobody-is-called-that'] }
  },
  'bookings-manager': (world) => {
    const { ids } = world
    const own = [
      '/console',
      '/console/bookings',
      `/console/bookings/${ids.booking}`,
      '/console/calendar',
      `/console/services/${ids.service}`,
      `/console/services/${ids.service}/slots/new?kind=weekly`,
    ]
    const theirs = FOR_ALL(world).filter((path) => !path.startsWith('/console/members'))
    return { own, shared: [...theirs, '/console/services/new'] }
  },
} as const satisfies Readonly<
  Record<string, (world: ConsoleWorld) => Record<'own' | 'shared', readonly string[]>>
>

/** Opens a page as somebody does who types its address: what comes first asks for it once more. */
async function visit(page: Page, path: string): Promise<void> {
  await page.goto(world().url + path)
  await page.locator('main h1').waitFor()
}

test('every page is clean for axe, light and dark, under its policy, without a word in the console, and fits 320 px', async () => {
  const paths = pages(world())
  const found = await lookAt(paths, (options) => world().as('admin', options), {
    start: `${world().url}/console/explain`,
    isDarkToo: (path) => paths.indexOf(path) < 4,
  })
  const inOrder = found.toSorted((a, b) => paths.indexOf(a.path) - paths.indexOf(b.path))
  expect(inOrder).toEqual(nothingFound(paths))
  const answers = await Promise.all(paths.map((path) => world().answerFor('admin', path)))
  const silent = paths.filter((_, at) => !answers[at]?.text.includes('curl'))
  expect(silent).toEqual([])
})

test('every other role sees what it may and nothing else, on the narrowest screen too', async () => {
  const paths = pages(world())
  for (const [role, seenBy] of Object.entries(SEEN)) {
    const { own, shared } = seenBy(world())
    const answers = await Promise.all(paths.map((path) => world().answerFor(role, path)))
    const answered = paths.filter((_, at) => answers[at]?.status === 200)
    expect([role, new Set(answered)]).toEqual([role, new Set([...own, ...shared])])
    // What everybody sees in the same way is looked at once, unless there is time for all of it.
    const looked = process.env['FULL'] ? answered : own
    const found = await lookAt(looked, (options) => world().as(role, options), {
      start: `${world().url}/console/explain`,
      isNarrowOnly: true,
    })
    expect(new Set(found)).toEqual(new Set(nothingFound(looked)))
  }
})

test('an admin makes a badge and a rule, without a script and by keyboard alone', async () => {
  const { page, faults } = await world().as('admin', { javaScriptEnabled: false })
  await visit(page, `/console/badges`)
  await page.getByRole('link', { name: 'New badge' }).click()
  await page.getByLabel('Title').fill('By hand')
  await page.getByRole('button', { name: 'Preview' }).click()
  await page.locator('.chip.big', { hasText: 'By hand' }).waitFor()
  await page.getByRole('button', { name: 'Make badge' }).press('Enter')
  await page.getByRole('status').waitFor()
  expect(await page.locator('h1').innerText()).toBe('By hand')
  await visit(page, `/console/rules/new`)
  await page.getByLabel('Badge').selectOption({ label: 'By hand' })
  await page.getByLabel('At least').fill('1')
  await page.getByRole('button', { name: 'Make rule' }).click()
  await page.getByText('would gain it now').waitFor()
  await page.getByLabel('At least').fill('1000')
  await page.getByRole('button', { name: 'Preview' }).click()
  await page.getByText('0 members').waitFor()
  expect(faults).toEqual([])
  await page.context().close()
})

test('with a script a preview follows what is typed, a picture what is chosen, and all are chosen at once', async () => {
  const { page, faults } = await world().as('admin', { timezoneId: 'Asia/Tokyo' })
  await visit(page, `/console/rules/${world().ids.rule}`)
  await page.getByLabel('At least').fill('999')
  await page.getByText('having at least 999').waitFor()
  await visit(page, `/console/badges/new`)
  await page.getByLabel('Title').fill('Seen at once')
  await page.locator('.chip.big', { hasText: 'Seen at once' }).waitFor()
  await visit(page, `/console/bookings`)
  await page.getByLabel('Choose all on this page').check()
  expect(await page.locator('[name=booking]:checked').count()).toBe(1)
  // The other service is not among the rows.
  await page.locator('option', { hasText: 'Booked by nobody' }).waitFor({ state: 'attached' })
  const time = page.locator('td time').first()
  const at = new Date((await time.getAttribute('datetime')) ?? '')
  const style = { dateStyle: 'medium', timeStyle: 'short' } as const
  const inTokyo = new Intl.DateTimeFormat('en-GB', { ...style, timeZone: 'Asia/Tokyo' }).format(at)
  expect([await time.innerText(), await time.getAttribute('title')]).toEqual([
    inTokyo,
    expect.stringContaining('(UTC)'),
  ])
  expect(faults).toEqual([])
  // What cannot be previewed is said where the preview was.
  await visit(page, `/console/rules/${world().ids.rule}`)
  await page.getByLabel('At least').fill('-3')
  await page.locator('#gaining [role=alert]').waitFor()
  await page.context().close()
})

test('a preview that is not answered says so in the place of the old one, and is asked for again', async () => {
  const { page } = await world().as('admin')
  await visit(page, `/console/rules/${world().ids.rule}`)
  const refused = { status: 503, contentType: 'text/html', body: '<p>Try again.</p>' }
  let asked = 0
  await page.route('**/preview', (route) => {
    asked += 1
    if (asked === 1) return route.abort()
    return asked === 2 ? route.fulfill(refused) : route.continue()
  })
  await page.getByLabel('At least').fill('998')
  await page.getByText('This could not be asked now.').waitFor()
  await page.getByText('Try again.').waitFor()
  await page.getByText('having at least 998').waitFor()
  expect(asked).toBe(3)
  await page.context().close()
})

test('choices that cannot be had leave those that the page came with', async () => {
  const { page, faults } = await world().as('admin')
  const refused = { status: 503, contentType: 'application/problem+json', body: '{"status":503}' }
  let asked = 0
  await page.route('**/console/choices/*', (route) => {
    asked += 1
    return route.fulfill(refused)
  })
  await page.goto(`${world().url}/console/bookings`, { waitUntil: 'networkidle' })
  expect(asked).toBeGreaterThan(0)
  expect(faults.filter((fault) => fault.startsWith('uncaught'))).toEqual([])
  expect(await page.locator('option').count()).toBeGreaterThan(0)
  await page.context().close()
})

test('a moderator suspends and reinstates; what is not theirs is refused with its stage', async () => {
  const { page } = await world().as('moderator')
  const { ids } = world()
  await visit(page, `/console/members/${ids.other}`)
  await page.getByRole('link', { name: 'Suspend…' }).click()
  await page.getByRole('button', { name: 'Suspend' }).click()
  await page.getByRole('status').waitFor()
  await page.locator('.pill', { hasText: 'suspended' }).waitFor()
  await page.getByRole('link', { name: 'Reinstate…' }).click()
  await page.getByRole('button', { name: 'Reinstate' }).click()
  await page.locator('.pill', { hasText: 'active' }).waitFor()
  expect(await page.getByRole('link', { name: 'Audit' }).count()).toBe(0)
  await visit(page, '/console/audit')
  expect(await page.getByRole('alert').innerText()).toMatch(/403 forbidden.*permission/s)
  await page.getByText('audit:read').first().waitFor()
  await page.context().close()
})

test('whoever may run nothing is told so, and led to their account', async () => {
  for (const role of ['member', 'bookings-manager'] as const) {
    const { page, faults } = await world().as(role)
    await visit(page, `/console`)
    const none = await page.getByText('nothing here for you').count()
    expect([role, none]).toEqual([role, role === 'member' ? 1 : 0])
    expect(faults).toEqual([])
    await page.context().close()
  }
})

test('signed out, a typed address leads to the sign-in and back to where somebody was going', async () => {
  const { page } = await world().as(undefined)
  await page.goto(`${world().url}/console/members?q=A`)
  await page.waitForURL(/\/auth\/sign-in/)
  await world().signIn(page, 'admin')
  await page.waitForURL(/\/console\/members/)
  expect(new URL(page.url()).search).toBe('?q=A')
  await page.context().close()
})
