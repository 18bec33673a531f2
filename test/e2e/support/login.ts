/** The built-in login of a local site from outside: its outbox, and accounts without a browser. */
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { eventually } from '../../support/eventually.ts'
import type { Server } from './site.ts'

/** The last link that was printed for this address, other than `before`, for somebody to click. */
export function lastLink(server: Server, email: string, before?: string): Promise<string> {
  // What the Worker logs arrives a moment after its answer.
  return eventually(() => linkIn(server, email, before))
}

function linkIn({ stateDir }: Server, email: string, before: string | undefined): string {
  const outbox = join(stateDir, 'outbox.txt')
  const mails = existsSync(outbox) ? readFileSync(outbox, 'utf8').split(/^mail to /m) : []
  const mail = mails.findLast((text) => text.startsWith(`${email}:`)) ?? ''
  const [link] = /http\S+#\S+/.exec(mail) ?? []
  if (link === undefined || link === before)
    throw new Error(`no link for ${email} in ${mails.length} mails`)
  return link
}

/** Signs up and confirms the address. @returns the session's cookie */
export async function signUp(server: Server, email: string, password: string): Promise<string> {
  const post = (path: string, form: Readonly<Record<string, string>>) =>
    fetch(`${server.url}${path}`, {
      method: 'POST',
      redirect: 'manual',
      headers: { Origin: server.url },
      body: new URLSearchParams(form),
    })
  await post('/auth/sign-up', { name: 'Ada', email })
  const token = new URL(await lastLink(server, email)).hash.slice(1)
  const verified = await post('/auth/verify', { token, password })
  const [cookie] = verified.headers.getSetCookie()
  if (cookie === undefined) throw new Error(`no session: ${verified.status}`)
  return cookie.split(';')[0] ?? ''
}
