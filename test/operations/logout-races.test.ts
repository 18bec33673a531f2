/**
 * A logout token races requests of whoever it is about, with tokens from before it and one that was renewed
 * at the provider meanwhile: none that is sent after the 200 succeeds, and no write commits after it.
 */
import { expect, test } from 'vitest'
import { withRaceStorage } from '../support/race-storage.ts'
import { noteCommits, race, RACES, type Tally, writesBy } from '../support/races.ts'
import { seconds, tellingSite } from '../support/signals.ts'
import { ISSUER, ORIGIN } from '../support/site.ts'
import { progress } from '../support/size.ts'

const timeout = 60_000 + RACES.rounds * (RACES.requests + 10) * 60

test('once a logout token is answered, nothing succeeds', { timeout }, async () => {
  const { wrong, written, committed, ...counts } = await withRaceStorage(raced)
  console.info(JSON.stringify({ ...RACES, ...counts, written, wrong: wrong.length }))
  expect(wrong).toEqual([])
  // The database has every write that was answered, and no other.
  expect(committed).toBe(written)
  // If one side had won every time, nothing would have raced.
  for (const count of Object.values(counts)) expect(count).toBeGreaterThan(0)
})

async function raced(DB: D1Database) {
  const site = tellingSite({ DB })
  await site.root()
  await noteCommits(DB)
  const tally: Tally = { done: 0, overtaken: 0, late: 0, wrong: [] }
  let [written, committed] = [0, 0]

  /** A read and a write with the token. */
  const actsWith = (token: string) => {
    const send = async (method: string, body?: string) => {
      const headers = {
        Authorization: `Bearer ${token}`,
        ...(body && { 'Content-Type': 'application/json' }),
      }
      const init = { method, headers, ...(body && { body }) }
      const answer = await site.fetch(new Request(`${ORIGIN}/v1/me`, init))
      await answer.text()
      return answer.status
    }
    const write = async () => {
      const status = await send('PATCH', JSON.stringify({ bio: 'x' }))
      if (status === 200) written += 1
      return status
    }
    return [() => send('GET'), write]
  }

  // Which side wins is chance, so a few more are run where one has never won.
  const isOneSided = () => [tally.done, tally.overtaken, tally.late].includes(0)
  const goesOn = (round: number) =>
    round < RACES.rounds || (isOneSided() && round < 4 * RACES.rounds)
  for (let round = 0; goesOn(round); round++) {
    const [sub, iat] = [`member-${round}`, seconds()]
    const { userId, token } = await site.member(sub, { iat })
    const renewed = await ISSUER.sign({ sub, iat: iat + 3 })
    const lose = async () => (await site.signOut(sub, { iat })).status === 200
    await race({ acts: [token, renewed].flatMap(actsWith), lose, refusal: 401 }, round, tally)
    const { all, void: tooLate } = await writesBy(DB, userId)
    committed += all
    if (tooLate > 0) tally.wrong.push({ round, committedAfterTheLogout: tooLate })
    progress(round + 1, RACES.rounds)
  }
  return { ...tally, written, committed }
}
