/** Somebody's own account in a real browser, on the site that `npm start` serves. */
import { expect, test } from 'vitest'
import { consoleWorld } from './support/console-world.ts'
import { lookAt, nothingFound } from './support/every-page.ts'

const world = consoleWorld(['member'])

const PAGES = [
  '/account',
  '/account/badges',
  '/account/bookings',
  '/account/bookings/new',
  '/account/profile',
  '/auth/account',
]

test('every page of it is clean for axe, light and dark, under its policy, and fits 320 px', async () => {
  const found = await lookAt(PAGES, (options) => world().as('member', options), {
    start: `${world().url}/account`,
    isDarkToo: () => true,
  })
  const inOrder = found.toSorted((a, b) => PAGES.indexOf(a.path) - PAGES.indexOf(b.path))
  expect(inOrder).toEqual(nothingFound(PAGES))
})

test('so is what somebody sees who is not signed in', async () => {
  const paths = ['/', '/auth/sign-in', '/auth/sign-up']
  const found = await lookAt(paths, (options) => world().as(undefined, options), {
    start: `${world().url}/auth/sign-in`,
    isDarkToo: (path) => path === '/auth/sign-in',
  })
  const inOrder = found.toSorted((a, b) => paths.indexOf(a.path) - paths.indexOf(b.path))
  expect(inOrder).toEqual(nothingFound(paths))
})

test('without a script a member changes their profile, and ends a session on another device', async () => {
  const { page, faults } = await world().as('member', { javaScriptEnabled: false })
  const other = await world().as(undefined, { userAgent: CHROME_ON_LINUX })
  await other.page.goto(`${world().url}/auth/sign-in`)
  await world().signIn(other.page, 'member')
  await other.page.locator('main h1').waitFor()

  await page.goto(`${world().url}/account/profile`)
  await page.getByLabel('Name', { exact: true }).fill('Ada of the tests')
  await page.getByRole('button', { name: 'Save' }).click()
  await page.getByRole('status').waitFor()
  await page.getByRole('link', { name: 'Overview' }).first().click()
  await page.getByText('Ada of the tests').first().waitFor()

  await page.getByRole('link', { name: 'Sign-in and security' }).first().click()
  await page.getByText('this device', { exact: true }).waitFor()
  const theirs = page.locator('li', { hasText: 'Chrome on Linux' })
  await theirs.getByRole('button', { name: 'End' }).click()
  await theirs.waitFor({ state: 'detached' })
  await other.page.goto(`${world().url}/account`)
  await other.page.waitForURL(/\/auth\/sign-in/)
  expect(faults).toEqual([])
  await Promise.all([page, other.page].map((each) => each.context().close()))
})

test('with a script, times are told as so long ago', async () => {
  const { page, faults } = await world().as('member')
  await page.goto(`${world().url}/auth/account`)
  await page
    .getByText(/Signed in (now|\d+ (seconds?|minutes?) ago|this minute)/)
    .first()
    .waitFor()
  expect(faults).toEqual([])
  await page.context().close()
})

const CHROME_ON_LINUX =
  'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/150.0.0.0 Safari/537.36'
