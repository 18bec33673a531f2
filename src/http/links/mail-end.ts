/**
 * Where mail about bookings ends: by a press on the page that the link in a mail opens, or by a mail
 * program alone (RFC 8058). Opening it changes nothing, for scanners of mail open every link.
 */
import { bodyLimit } from 'hono/body-limit'
import { html } from 'hono/html'
import { Problem } from '../../problem.ts'
import { mailEndedByLink } from '../../security/mail-ends.ts'
import { type AppContext, beginSession, beginWork } from '../context.ts'
import { page } from '../documents/page.ts'
import { answer } from '../fields.ts'

/** What a mail program sends, as a form of either kind. */
const [NAME, VALUE] = ['List-Unsubscribe', 'One-Click']

const MOST_BYTES = 4 * 1024

export const limitForm = bodyLimit({
  maxSize: MOST_BYTES,
  onError: () => {
    throw new Problem('payload_too_large', 'That is too much.')
  },
})

/** The same to everybody, whatever the link. */
export async function askToEnd(c: AppContext): Promise<Response> {
  return pageWith(
    c,
    'No more mail about bookings?',
    html`<p>One press, and this site sends you no more mail about bookings.</p>
      <form method="post"><button name="${NAME}" value="${VALUE}">End it</button></form>`,
  )
}

/** Doing it again changes nothing. @throws Problem `malformed_request`, `not_found` */
export async function endMail(c: AppContext): Promise<Response> {
  if ((await c.get('waitForSender')(saidIn(c))) !== VALUE) {
    throw new Problem('malformed_request', `The form has to say ${NAME}=${VALUE} (RFC 8058).`)
  }
  beginSession(c, 'primary')
  beginWork(c)
  const { mailEnds, notices, mailPreferences, now } = c.get('deps')
  const end = await mailEnds.read(c.req.query('link') ?? '')
  if (!end) throw new Problem('not_found', 'This link is not from a mail of this site.')
  if ('userId' in end) {
    const moment = { now, requestId: c.get('requestId') }
    await mailPreferences.end(end.userId, mailEndedByLink(end.userId, moment))
  } else {
    await notices.suppress(end.addressHash, 'ended')
  }
  return pageWith(
    c,
    'No more mail about bookings',
    html`<p>This site sends you no more mail about bookings. Bookings stay as they are.</p>`,
  )
}

/** What the form says; undefined for what is no form. */
async function saidIn(c: AppContext): Promise<unknown> {
  try {
    return (await c.req.parseBody())[NAME]
  } catch (error) {
    // So the runtime says that the parts of a form cannot be told apart.
    if (error instanceof TypeError) return undefined
    throw error
  }
}

async function pageWith(c: AppContext, title: string, content: ReturnType<typeof html>) {
  const body = html`<main class="text">
    <h1>${title}</h1>
    ${content}
  </main>`
  const { type, text, policy } = await page({ title, body, policy: 'form' })
  return answer(c, text, 200, {
    'Content-Type': type,
    ...(policy && { 'Content-Security-Policy': policy }),
  })
}
