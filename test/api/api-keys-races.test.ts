/**
 * Requests race the change that ends a key's right to them: 40 times for each kind of change, or a
 * thousand times with `npm run test:full`. Requests sent once the change was acknowledged must
 * fail; those sent before have their effect exactly if their answer says so.
 */
import { expect, test } from 'vitest'
import { intercepted } from '../support/intercept.ts'
import { type Partner, partner } from '../support/keys.ts'
import { rowsOf } from '../support/population.ts'
import { type Member, type Reply, type Site, testSite } from '../support/site.ts'
import { progress, sized } from '../support/size.ts'

const RACES = sized(1000, 40)
/** The time that a race may take on a busy machine. */
const MS_PER_RACE = 500
const LANES = 5
const SCOPES = ['profile:read', 'profile:update']

interface Lane {
  readonly site: Site
  readonly root: Member
  readonly boss: Member
  /** Keys that all lose their rights by one change. */
  keys: readonly Partner[]
}

interface Change {
  readonly name: string
  readonly keys: number
  readonly end: (lane: Lane) => Promise<Reply>
  /** Gives the rights back for the next round. */
  readonly restore: (lane: Lane) => Promise<unknown>
  readonly refusal: 401 | 403
}

const patchKey = ({ root, keys: [key] }: Lane, patch: object) =>
  root.patch(`/v1/api-keys/${key?.id}`, patch)
const pathOf = ({ boss }: Lane) => `/v1/users/${boss.userId}`

async function newKeys(lane: Lane): Promise<void> {
  const { site, boss, keys } = lane
  lane.keys = await Promise.all(keys.map(() => partner(site, { scopes: SCOPES }, boss)))
}

const CHANGES: readonly Change[] = [
  {
    name: 'revocation',
    keys: 1,
    end: ({ root, keys: [key] }) => root.delete(`/v1/api-keys/${key?.id}`),
    restore: newKeys,
    refusal: 401,
  },
  {
    name: 'disabling',
    keys: 1,
    end: (lane) => patchKey(lane, { enabled: false }),
    restore: (lane) => patchKey(lane, { enabled: true }),
    refusal: 401,
  },
  {
    name: 'shrink of scopes',
    keys: 1,
    end: (lane) => patchKey(lane, { scopes: [] }),
    restore: (lane) => patchKey(lane, { scopes: SCOPES }),
    refusal: 403,
  },
  {
    name: 'demotion of the creator',
    keys: 4,
    end: (lane) => lane.root.delete(`${pathOf(lane)}/roles/admin`),
    restore: (lane) => lane.root.put(`${pathOf(lane)}/roles/admin`),
    refusal: 403,
  },
  {
    name: 'suspension of the creator',
    keys: 4,
    end: (lane) => lane.root.post(`${pathOf(lane)}/suspend`),
    restore: (lane) => lane.root.post(`${pathOf(lane)}/reinstate`),
    refusal: 401,
  },
]

/** A site that tells when a gate has let somebody in, whose request then goes on. */
function watchedSite() {
  const waiting: (() => void)[] = []
  const storage = intercepted(async ({ text }, proceed) => {
    const result = await proceed()
    if (text === 'verify') for (const tell of waiting.splice(0)) tell()
    return result
  })
  const admission = () => new Promise<void>((resolve) => waiting.push(resolve))
  return { site: testSite(storage), admission }
}

async function race(change: Change): Promise<void> {
  const { site, admission } = watchedSite()
  const [root, ada] = [await site.root(), await site.member('ada')]
  const path = `/v1/users/${ada.userId}`
  const wrong: unknown[] = []
  const seen = { reads: 0, writes: 0, refusals: 0 }
  let [sent, raced] = [0, 0]

  const send = async (what: 'reads' | 'writes', key: Partner, isLate: boolean) => {
    const { status } =
      what === 'reads'
        ? await key.get(`${path}?view=full`)
        : await key.patch(path, { bio: `change ${sent++}` })
    if (status === change.refusal) seen.refusals += isLate ? 0 : 1
    else if (status === 200 && !isLate) seen[what] += 1
    else wrong.push({ what, isLate, status })
  }
  const sendBoth = (key: Partner, isLate: boolean) => [
    send('reads', key, isLate),
    send('writes', key, isLate),
  ]

  async function round(lane: Lane, number: number): Promise<void> {
    // Every other time the isolate knows what the keys may by the time the race begins.
    if (number % 2 === 0) await Promise.all(lane.keys.map(async (key) => key.get('/v1/whoami')))
    const admitted = admission()
    const early = lane.keys.flatMap((key) => sendBoth(key, false))
    // The change starts with the requests, when one of them is let in, or when one is answered.
    if (number % 3 === 1) await admitted
    if (number % 3 === 2) await Promise.race(early)
    const ended = change.end(lane)
    if (number % 3 === 2) early.push(...lane.keys.map((key) => send('writes', key, false)))
    const { status } = await ended
    if (status >= 300) wrong.push({ change: status })
    await Promise.all([...early, ...lane.keys.flatMap((key) => sendBoth(key, true))])
    raced += lane.keys.length
    progress(raced, RACES)
    await change.restore(lane)
  }

  const isOneSided = () => Object.values(seen).some((count) => count <= RACES / 40)
  const lanes = Array.from({ length: LANES }, async (_, index) => {
    const boss = await site.memberWith('admin', `boss ${index}`)
    const keys = Array.from({ length: change.keys }, () => partner(site, { scopes: SCOPES }, boss))
    const lane = { site, root, boss, keys: await Promise.all(keys) }
    const rounds = RACES / LANES / change.keys
    // Which side wins is chance, so a few more are run where one has hardly won.
    const goesOn = (number: number) => number < rounds || (isOneSided() && number < 4 * rounds)
    for (let number = 0; goesOn(number); number++) await round(lane, number + index)
  })
  await Promise.all(lanes)

  expect(wrong).toEqual([])
  expect(raced).toBeGreaterThanOrEqual(RACES)
  const audited = `select count(*) as writes from audit_log where actor like 'key_%'`
  expect(await rowsOf(audited)).toEqual([{ writes: seen.writes }])
  // If one side had won every time, nothing would have raced.
  expect([seen, isOneSided()]).toEqual([seen, false])
}

test.each(CHANGES)(
  'after the acknowledgement of a $name nothing succeeds',
  race,
  RACES * MS_PER_RACE,
)
