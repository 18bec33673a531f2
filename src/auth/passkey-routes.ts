/**
 * The ceremonies of passkeys (WebAuthn Level 3, section 7). better-auth checks them; what goes in is
 * bounded here, and of what comes out only the cookie is passed on.
 */
import * as z from 'zod'
import type { LoginApp, LoginContext } from './context.ts'
import { enter } from './enter.ts'
import { MAILS } from './mail.ts'
import type { Adding } from './storage.ts'
import { UNNAMED_PASSKEY } from './pages.tsx'
import { tooMany } from './sign-in-routes.ts'

const Text = z.string().max(8192)

/** What `PublicKeyCredential.toJSON()` makes. */
const Credential = z.object({
  id: Text.max(1400),
  rawId: Text.max(1400),
  type: z.literal('public-key'),
  response: z.object({
    clientDataJSON: Text,
    attestationObject: Text.optional(),
    authenticatorData: Text.optional(),
    signature: Text.optional(),
    userHandle: Text.nullish(),
    transports: z
      .array(z.string().regex(/^[a-z-]{1,32}$/))
      .max(10)
      .optional(),
  }),
  clientExtensionResults: z.looseObject({}).default({}),
  authenticatorAttachment: Text.max(32).nullish(),
})
const Body = z.object({ response: Credential, stays: z.boolean().default(true) })

export function passkeyRoutes(app: LoginApp): void {
  app.on(
    'GET',
    ['/passkey/generate-register-options', '/passkey/generate-authenticate-options'],
    async (c) => {
      const wait = await c.var.attempt('passkey:address')
      if (wait > 0) return tooMany(c, wait)
      return c.var.auth().handler(c.req.raw)
    },
  )

  app.post('/passkey/verify-registration', async (c) => {
    const session = await c.var.session()
    if (session?.kind !== 'account') return failed(c, 401)
    const { credential } = await readSent(c)
    if (!credential) return failed(c, 400)
    const member = await c.var.audit.memberOf(session.userId)
    const answer = await verify(
      c,
      { name: UNNAMED_PASSKEY, response: credential },
      {
        sessionId: session.id,
        audit: (isKept) => c.var.audit.row('added a passkey', member, isKept),
      },
    )
    if (!answer.ok) return failed(c, answer.status)
    // Whoever ended all sessions meanwhile wants no way back in for who had one, so it was not kept.
    if (!(await c.var.passkeys.has(session.userId, credential.id))) return failed(c, 401)
    await c.var.notify(MAILS.passkeyAdded(session.email, c.env.request.login.publicUrl))
    return c.json({ added: true })
  })

  app.post('/passkey/verify-authentication', async (c) => {
    const wait = await c.var.attempt('passkey:address')
    if (wait > 0) return tooMany(c, wait)
    const { credential, stays } = await readSent(c)
    if (!credential) return failed(c, 400)
    const answer = await verify(c, { response: credential })
    if (!answer.ok) return failed(c, answer.status)
    // Its owner may have removed it meanwhile.
    const isIn = await enter(c, answer, {
      isStillRight: (session) =>
        session.kind === 'account' && c.var.passkeys.has(session.userId, credential.id),
      stays,
    })
    if (!isIn) return failed(c, 401)
    return c.json({ signedIn: true })
  })
}

/** Without a credential if there is none. */
async function readSent(c: LoginContext) {
  const { data } = Body.safeParse(await c.req.json().catch(() => undefined))
  return { credential: data?.response, stays: data?.stays ?? true }
}

function verify(c: LoginContext, sent: object, adding?: Adding): Promise<Response> {
  const { method, url, headers } = c.req.raw
  const body = JSON.stringify(sent)
  const length = { 'Content-Length': String(new TextEncoder().encode(body).length) }
  const request = new Request(url, {
    method,
    headers: { ...Object.fromEntries(headers), ...length },
    body,
  })
  return c.var.auth(adding).handler(request)
}

/** better-auth calls an answer that it cannot read a failure of its own; it is the caller's. */
function failed(c: LoginContext, status: number): Response {
  return c.json(
    { error: 'This passkey was not accepted.' },
    status === 401 || status === 403 ? status : 400,
  )
}
