import { describe, expect, test } from 'vitest'
import {
  allOf,
  canaryMember,
  DETAILS,
  expiredToken,
  leaksIn,
  PROFILE,
  watchConsole,
} from '../support/canaries.ts'
import { failingStorage } from '../support/failing.ts'
import { type Reply, testSite } from '../support/site.ts'

describe('when something fails, private fields', () => {
  test('are in no answer and no log, whichever call to storage it is', async () => {
    const { storage, arm, disarm } = failingStorage()
    const site = testSite(storage)
    const vera = await canaryMember(site)
    await vera.post('/v1/me/visits')
    const written = watchConsole()
    const replies: Reply[] = []
    for (let nth = 1; nth <= 3; nth++) {
      for (const request of [
        () => vera.patch('/v1/me', DETAILS),
        () => vera.get('/v1/me'),
        () => vera.get('/v1/me/visits'),
      ]) {
        arm({ fails: (made) => made === nth })
        replies.push(await request())
      }
      arm({ fails: (made) => made === nth })
      await site.tick().catch(() => undefined)
    }
    disarm()
    const failed = replies.filter(({ status }) => status === 500)
    expect(failed.length).toBeGreaterThan(3)
    expect(leaksIn(failed.map(allOf))).toEqual([])
    expect(written.length).toBeGreaterThanOrEqual(failed.length)
    expect(leaksIn(written)).toEqual([])
  })

  test('are in no answer to a credential that is bad, nor is the credential', async () => {
    const written = watchConsole()
    const site = testSite()
    const { token } = await canaryMember(site)
    const bad = [await expiredToken(), `${token}x`, token.slice(0, -4), `${token}.${token}`]
    const replies = await Promise.all([
      ...bad.map((each) => site.bearer(each).get('/v1/me')),
      site.bearer(token).get('/v1/me', { headers: { 'X-API-Key': token } }),
      site.anonymous.get('/v1/me', { headers: { 'X-API-Key': token } }),
    ])
    expect(replies.map(({ status }) => status)).toEqual([401, 401, 401, 401, 400, 401])
    expect(leaksIn(replies.map(allOf))).toEqual([])
    expect(leaksIn(written)).toEqual([])
  })

  test('would be seen in an error that wraps another, and in a token', async () => {
    const cause = new Error(`Failed query, params: ${PROFILE.line1}`)
    expect(leaksIn([{ error: new Error('outer', { cause }) }])).toEqual(['line1'])
    expect(leaksIn(`Bearer ${await expiredToken()}`)).toEqual(['email', 'subject'])
  })
})
