/** A client hangs up while the login works: all that it has asked for is done all the same. */
import { expect, test } from 'vitest'
import { eventually } from '../support/eventually.ts'
import { hangUp } from './support/hang-up.ts'
import { builtSite, type Isolate } from './support/isolates.ts'

const PASSWORDS = ['violet kettle drums afternoon', 'marble lantern cobweb thunder']
const CHANGED = 'The password was changed'

type Form = Readonly<Record<string, string>>

const site = builtSite()

function post({ url }: Isolate, path: string, form: Form) {
  const body = new URLSearchParams(form)
  return fetch(`${url}${path}`, {
    method: 'POST',
    redirect: 'manual',
    headers: { Origin: url },
    body,
  })
}

/** Hangs up once the n-th call to D1 has begun. @returns false if there was an answer before */
function hangUpOn(isolate: Isolate, path: string, form: Form, Cookie: string, n: number) {
  const body = new URLSearchParams(form).toString()
  const headers = {
    Origin: isolate.url,
    Cookie,
    'Content-Type': 'application/x-www-form-urlencoded',
  }
  return hangUp(isolate, { method: 'POST', path, headers, body }, n)
}

/** Every call with `npm run test:full`; otherwise the two share them. */
const STEP = process.env['FULL'] === '1' ? 1 : 2

test.each([
  ['by default', [], 1],
  ['with enable_request_signal', ['enable_request_signal'], STEP],
])(
  'whoever hangs up while a password is changed: %s',
  { timeout: 300_000 },
  async (name, compatibilityFlags, firstCall) => {
    const isolate = await site.isolate({ delayMs: 40, compatibilityFlags })
    const email = `ada${name.length}@example.com`
    await post(isolate, '/auth/sign-up', { name: 'Ada', email })
    const token = await isolate.secretFor(email)
    let [current = '', password = ''] = PASSWORDS
    await post(isolate, '/auth/verify', { token, password: current })
    for (let n = firstCall, hasLeft = true; hasLeft; n += STEP) {
      const signedIn = await post(isolate, '/auth/sign-in', { email, password: current })
      const [Cookie = ''] = signedIn.headers.getSetCookie()[0]?.split(';') ?? []
      const told = () => isolate.mails.filter((mail) => mail.includes(CHANGED)).length
      const before = told()
      hasLeft = await hangUpOn(isolate, '/auth/password', { current, password }, Cookie, n)
      await eventually(() => expect([n, told()]).toEqual([n, before + 1]))
      ;[current, password] = [password, current]
    }
    const sessions =
      'select count(*) as n from auth_sessions s join auth_users u on u.id = s.user_id'
    const open = isolate.db.prepare(`${sessions} where u.email = ?`).bind(email)
    expect(await open.first('n')).toBe(0)
    expect((await post(isolate, '/auth/sign-in', { email, password: current })).status).toBe(303)
  },
)
