/** Mailed links: their secrets are in no address that is sent, so in no log of requests. */
import { expect, test } from 'vitest'
import wrangler from '../../wrangler.toml?raw'
import { type Browser, loginSite, type Page, PASSWORD } from '../support/login.ts'
import { ORIGIN } from '../support/site.ts'

const ADA = 'ada@example.com'
const NEW = 'ada@example.org'
const OTHER = 'marble lantern cobweb thunder'

/** The link of the last mail to this address. */
function linkFor({ outbox }: ReturnType<typeof loginSite>, email: string): URL {
  const text = outbox.findLast(({ to }) => to === email)?.text ?? ''
  const [link = 'no link'] = /^https:.*$/m.exec(text) ?? []
  return new URL(link)
}

/** What a browser without a script does: it opens the link, and a person fills in the form. */
async function open(browser: Browser, link: URL, code = link.hash.slice(1)) {
  const page = await browser.get(`${link.pathname}${link.search}`)
  const [, action = ''] = /<form[^>]* method="post" action="([^"]+)"/.exec(page.text) ?? []
  expect(page.text).toContain('name="token"')
  return { page, action, next: await browser.post(action, { token: code }) }
}

test('every link has its secret behind the #, and leads on without a script', async () => {
  const site = loginSite()
  const ada = site.browser()
  await ada.post('/auth/sign-up', { name: 'Ada', email: ADA })
  const verify = linkFor(site, ADA)
  const chosen = await open(ada, verify)
  expect(chosen.next).toMatchObject({ status: 200, text: expect.stringContaining(`For ${ADA}`) })
  const token = verify.hash.slice(1)
  expect((await ada.post(chosen.action, { token, password: PASSWORD })).status).toBe(303)

  await ada.post('/auth/email', { email: NEW, current: PASSWORD })
  const change = linkFor(site, NEW)
  expect((await open(ada, change)).next.status).toBe(200)

  await ada.post('/auth/forgot', { email: NEW })
  const reset = linkFor(site, NEW)
  const again = await open(site.browser(), reset)
  expect(again.next).toMatchObject({ status: 200, text: expect.stringContaining(`For ${NEW}`) })
  const last = { token: reset.hash.slice(1), password: OTHER }
  expect((await ada.post(again.action, last)).status).toBe(200)

  expect([verify, change, reset].map(({ origin, pathname }) => origin + pathname)).toEqual(
    ['verify', 'email', 'reset'].map((name) => `${ORIGIN}/auth/mailed/${name}`),
  )
  for (const { hash, search } of [verify, change, reset]) {
    expect([hash, search]).toEqual([expect.stringMatching(/^#[\w-]{43}$/), ''])
  }
})

test('to open a link uses nothing up, and tells nobody without the secret whose it is', async () => {
  const site = loginSite()
  const ada = site.browser()
  await ada.post('/auth/sign-up', { name: 'Ada', email: ADA })
  const link = linkFor(site, ADA)
  const pages: Page[] = [await ada.get('/auth/mailed/verify'), (await open(ada, link, 'x')).next]
  expect(pages.map(({ status }) => status)).toEqual([200, 410])
  for (const { text } of pages) expect(text).not.toContain(ADA)
  expect((await open(ada, link)).next.status).toBe(200)
  expect((await open(ada, link)).next.status).toBe(200)
})

test('a code is good as it is copied out of a mail, with what is around it', async () => {
  const site = loginSite()
  const ada = site.browser()
  await ada.post('/auth/sign-up', { name: 'Ada', email: ADA })
  const token = ` ${site.secretFor(ADA)}\n`
  expect((await ada.post('/auth/verify', { token, password: PASSWORD })).status).toBe(303)
})

test('links of version 0.2 go on for their hour', async () => {
  const site = loginSite()
  const ada = site.browser()
  await ada.post('/auth/sign-up', { name: 'Ada', email: ADA })
  const first = site.secretFor(ADA)
  const page = await ada.get(`/auth/verify?token=${first}`)
  expect(page).toMatchObject({ status: 200, text: expect.stringContaining(`For ${ADA}`) })
  expect(page.text).toContain(`value="${first}"`)
  await ada.post('/auth/verify', { token: first, password: PASSWORD })

  await ada.post('/auth/email', { email: NEW, current: PASSWORD })
  const change = `/auth/email?token=${site.secretFor(NEW)}`
  expect((await ada.get(change)).text).toContain(`value="${site.secretFor(NEW)}"`)
  const back = `/auth/sign-in?next=${encodeURIComponent(change)}`
  expect((await site.browser().get(change)).location).toBe(back)

  await ada.post('/auth/forgot', { email: ADA })
  const reset = await ada.get(`/auth/reset?token=${site.secretFor(ADA)}`)
  expect(reset).toMatchObject({ status: 200, text: expect.stringContaining(`For ${ADA}`) })
})

test('what else is in queries, such as the codes of social providers, is kept out of the logs', () => {
  const [, observability = ''] = wrangler.split('[observability]')
  expect(observability.split('\n[')[0]).toContain('redact_query_string = true')
})

test('the link for a new address leads somebody who is signed out to the sign-in page, and back', async () => {
  const site = loginSite()
  const page = await site.browser().get('/auth/mailed/email')
  const location = `/auth/sign-in?next=${encodeURIComponent('/auth/mailed/email')}`
  expect(page).toMatchObject({ status: 303, location })
})
