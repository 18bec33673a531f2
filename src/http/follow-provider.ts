/**
 * Writes what a token says of its member, after the answer: nobody waits for it, and nothing fails with
 * it. What the isolate remembers of the member says for free whether there is anything to write.
 */
import type { MiddlewareHandler } from 'hono'
import { openSession } from '../db/client.ts'
import { describeError, log } from '../log.ts'
import { type Heard, profileSyncRepository } from '../repositories/profile-sync.ts'
import { readCredential } from '../security/callers/credential.ts'
import { toldRow } from '../security/callers/first-request.ts'
import { asksUserinfo, changedFields } from '../security/callers/profile-sync.ts'
import {
  type RememberedMember,
  type RememberedMembers,
  rememberedMembers,
} from '../security/callers/remembered-members.ts'
import type { Person } from '../security/tokens/person.ts'
import { ProviderError } from '../security/tokens/provider-answers.ts'
import { askUserinfo } from '../security/tokens/userinfo.ts'
import type { VerifiedToken } from '../security/tokens/verified-tokens.ts'
import { settingsOf } from '../settings/settings.ts'
import type { AppContext, AppEnv } from './context.ts'

export const followProvider: MiddlewareHandler<AppEnv> = async (c, next) => {
  await next()
  const authenticated = c.get('authenticated')
  // A refused request changes nothing.
  if (authenticated.type !== 'jwt' || c.res.status >= 400) return
  const { token } = authenticated
  const members = rememberedMembers(settingsOf(c.env))
  const member = members.find(token)
  if (!member) return
  const asks = asksUserinfo(token, member.row, c.get('now'))
  if (!asks && !changedFields(token, token.issuedAt, member.row)) return
  const work = follow(c, { token, members, member, asks })
  c.executionCtx.waitUntil(work.catch((error) => postponed(c, error)))
}

interface News {
  readonly token: VerifiedToken
  readonly members: RememberedMembers
  readonly member: RememberedMember
  readonly asks: boolean
}

async function follow(c: AppContext, { token, members, member, asks }: News): Promise<void> {
  const { row, identity } = member
  const { userId } = row
  const sync = profileSyncRepository(openSession(c.env.DB, 'primary').db)
  let seen: Heard = row

  function remember(heard: Partial<Heard>): void {
    const known = members.find(identity)
    if (known) members.remember({ ...known, row: { ...known.row, ...heard } })
  }

  async function write(person: Person, saidAt: number | undefined): Promise<void> {
    // What is remembered may be old, and then nothing is written; so it is looked at once more.
    for (let attempt = 1; attempt <= 2; attempt++) {
      const changed = changedFields(person, saidAt, seen)
      if (!changed) return
      const moment = { now: Date.now(), requestId: c.get('requestId') }
      const audit = toldRow(userId, Object.keys(changed.fields), moment)
      const heard = await sync.follow({ identity, userId, seen, ...changed }, audit)
      if (!heard) return
      seen = heard
      remember(heard)
    }
  }

  await write(token, token.issuedAt)
  const credential = readCredential(c.req.raw.headers)
  if (!asks || credential.type !== 'jwt') return
  const askedAt = Date.now()
  const mayAsk = await sync.mayAsk(identity, askedAt)
  // Whoever was first asks, and this isolate need not find that out with every request.
  remember({ askAfter: null })
  if (!mayAsk) return
  const person = await askUserinfo(identity, credential.token)
  await sync.wasAnswered(identity)
  if (person) await write(person, askedAt)
}

function postponed(c: AppContext, error: unknown): void {
  const reason = error instanceof ProviderError ? { reason: error.message } : describeError(error)
  log('warn', 'profile sync postponed', { requestId: c.get('requestId'), ...reason })
}
