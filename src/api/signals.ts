/**
 * Where trusted issuers tell what has ended with them: logout tokens (OpenID Connect Back-Channel Logout 1.0)
 * and security events (RFC 8935). No caller of the API sends these, so they are no routes of it: the statement
 * itself is what lets it in, and body and refusals are as those specifications have them.
 */
import { log } from '../log.ts'
import type { Hono } from 'hono'
import { readBodyAs } from '../http/body.ts'
import { type AppContext, type AppEnv, beginSession, beginWork } from '../http/context.ts'
import { answer } from '../http/fields.ts'
import { followUp } from '../http/follow-up.ts'
import { Problem } from '../problem.ts'
import { SignalError } from '../security/tokens/signals.ts'

/** What is served here; a test compares this list with the running app. */
export const SIGNAL_PATHS = ['POST /v1/logout-tokens', 'POST /v1/signals'] as const

const NOT_TAKEN = {
  repeated: 'This token was taken before.',
  unmatched:
    'The token names a session only, and nobody has signed in here with that: have it name the subject, too.',
}

const FORM = /^application\/x-www-form-urlencoded\s*(;.*)?$/i
const SECURITY_EVENT = /^application\/secevent\+jwt\s*(;.*)?$/i

export function mountSignals(app: Hono<AppEnv>): void {
  app.post('/v1/logout-tokens', async (c) => {
    try {
      const form = await bodyOf(c, FORM, 'application/x-www-form-urlencoded')
      // Other fields are for whoever knows them.
      const [token, ...others] = new URLSearchParams(form).getAll('logout_token')
      if (token === undefined || others.length > 0) {
        throw new SignalError('invalid_request', 'The body has to have one logout_token.')
      }
      begin(c)
      const outcome = await c.get('deps').receive.logoutToken(token)
      if (outcome !== 'taken') throw new SignalError('invalid_request', NOT_TAKEN[outcome])
      await followUp(c)
      return answer(c, null, 200, {})
    } catch (error) {
      const { message } = refusalOf(c, error)
      // RFC 6749, section 5.2, has no other code that fits.
      return refused(c, { error: 'invalid_request', error_description: message })
    }
  })

  app.post('/v1/signals', async (c) => {
    try {
      const token = await bodyOf(c, SECURITY_EVENT, 'application/secevent+jwt')
      begin(c)
      // Whoever sends it again has not had the answer, and gets it.
      await c.get('deps').receive.securityEvent(token.trim())
      await followUp(c)
      return answer(c, null, 202, {})
    } catch (error) {
      const { code, message } = refusalOf(c, error)
      return refused(c, { err: code, description: message })
    }
  })
}

async function bodyOf(c: AppContext, type: RegExp, named: string): Promise<string> {
  return c.get('waitForSender')(readBodyAs(c.req, type, named))
}

function begin(c: AppContext): void {
  beginSession(c, 'primary')
  beginWork(c)
}

/** Both specifications have one status for whatever is wrong with what was sent. @throws what is not the sender's fault */
function refusalOf(c: AppContext, error: unknown): Pick<SignalError, 'code' | 'message'> {
  const isTheirs = error instanceof Problem && error.status < 500
  if (!isTheirs && !(error instanceof SignalError)) throw error
  const { message } = error
  const code = error instanceof SignalError ? error.code : 'invalid_request'
  // Whoever set it up finds out here why it does not work, for providers show it to nobody.
  log('warn', 'signal refused', { requestId: c.get('requestId'), code, reason: message })
  return { code, message }
}

function refused(c: AppContext, body: Readonly<Record<string, string>>): Response {
  return answer(c, JSON.stringify(body), 400, {
    'Content-Type': 'application/json',
    'Content-Language': 'en',
  })
}
