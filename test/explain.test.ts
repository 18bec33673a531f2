/**
 * An explanation is right: it foretells what the call answers right after, and asking stores
 * nothing. Calls that really change something need somebody and something of their own, so only a
 * sample of them is made, always the same.
 */
import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { routes } from '../src/api/index.ts'
import { ASLEEP } from './support/asleep.ts'
import {
  type CastName,
  exceptionOf,
  EVERYBODY,
  refusalOf,
  type Row,
  ROWS,
  type Target,
  titleOf,
} from './support/cells.ts'
import { type Asked, explained, explainer, foretold, nameOf, stored } from './support/explained.ts'
import { seeded } from './support/seeded.ts'
import { testSite } from './support/site.ts'
import { sized } from './support/size.ts'
import { anotherOf, bodyFor, type Caller, castOf, pathFor, thingsFor } from './support/world.ts'

/** The share of calls that are made, and at least one of either kind for each row. */
const SAMPLED = { spent: sized(0.05, 0.02), harmless: sized(0.2, 0.1) }
const RANDOM_REQUESTS = 40

describe('the status that is foretold is the one that is answered, and foretelling it changes nothing', () => {
  test('every route, by everybody, for what is theirs, another’s, absent or malformed', async () => {
    const site = testSite({ JOBS: ASLEEP })
    const [cast, admin] = [await castOf(site), await explainer(site)]
    const shared = thingsFor(site, site.anonymous)
    const next = seeded(1)
    const names = new Map<CastName, string | undefined>()
    for (const name of EVERYBODY) names.set(name, await nameOf(cast[name]))

    for (const row of ROWS) {
      const cells = EVERYBODY.flatMap((name) => row.targets.map((target) => ({ name, target })))
      await meetTogether(row, sampled(cells.filter(not(isSpent(row))), SAMPLED.harmless))
      for (const cell of sampled(cells.filter(isSpent(row)), SAMPLED.spent)) {
        await meetAlone(row, cell)
      }
    }

    function sampled(cells: readonly Cell[], share: number): readonly Cell[] {
      return cells.filter((_, index) => next() < share || index === 0)
    }

    /** Explains all calls that change nothing, and then makes them. */
    async function meetTogether(row: Row, cells: readonly Cell[]): Promise<void> {
      const all = []
      for (const cell of cells) {
        const as = names.get(cell.name)
        if (as)
          all.push({ cell, as, asked: await callOf(row, cell.target, cast[cell.name], shared) })
      }
      const before = await stored()
      const foretold = []
      for (const { cell, as, asked } of all) {
        const { body } = await explained(admin, as, asked)
        foretold.push({ cell, status: body.status })
      }
      expect(await stored()).toEqual(before)
      const answered = []
      for (const { cell, asked } of all) {
        const { status } = await cast[cell.name].call(asked.method, asked.path, {
          json: asked.json,
        })
        answered.push({ cell, status })
      }
      expect({ row: titleOf(row), cells: foretold }).toEqual({ row: titleOf(row), cells: answered })
    }

    async function meetAlone(row: Row, { name, target }: Cell): Promise<void> {
      const caller = await anotherOf(site, cast, name)
      const as = await nameOf(caller)
      if (!as) return
      const asked = await callOf(row, target, caller, thingsFor(site, caller))
      const status = await foretold(admin, as, asked)
      const answer = await caller.call(asked.method, asked.path, { json: asked.json })
      const cell = `${titleOf(row)}: ${name}, ${target}`
      expect({ cell, status }).toEqual({ cell, status: answer.status })
    }
  }, 180_000)

  interface Cell {
    readonly name: CastName
    readonly target: Target
  }

  function isSpent(row: Row) {
    return ({ name, target }: Cell) =>
      row.declared.method !== 'GET' &&
      !(refusalOf(row, name, target) ?? exceptionOf(row, name, target))
  }

  function not(is: (cell: Cell) => boolean) {
    return (cell: Cell) => !is(cell)
  }

  async function callOf(
    row: Row,
    target: Target,
    caller: Caller,
    things: ReturnType<typeof thingsFor>,
  ): Promise<Asked> {
    const { method, path } = row.declared
    const url = `${await pathFor(path, target, things, caller)}${row.search}`
    return { method, path: url, json: await bodyFor(row.declared, things) }
  }
})

describe('a request made up at random is foretold as it is answered', () => {
  test('by anybody, to anything that is there or not, with any body', async () => {
    const site = testSite({ JOBS: ASLEEP })
    const [root, admin] = [await site.root(), await explainer(site)]
    const cast = await castOf(site)
    const callers = new Map<string, Caller>()
    for (const name of EVERYBODY) {
      const as = await nameOf(cast[name])
      if (as) callers.set(as, cast[name])
    }
    const things = thingsFor(site, cast.member)
    const ids: string[] = [
      'nonsense',
      'usr_00000000000000000000000000',
      'prune-records',
      'moderator',
    ]
    for (const { path } of routes) {
      for (const id of (await pathFor(path, 'other', things, root)).split('/')) {
        if (id.includes('_')) ids.push(id)
      }
    }
    const bodies: unknown[] = []
    for (const route of routes) bodies.push(await bodyFor(route, things))

    const segment = fc.constantFrom(...ids)
    const request = fc.record({
      as: fc.constantFrom(...callers.keys()),
      template: fc.constantFrom(...routes),
      method: fc.constantFrom('GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE'),
      isDeclared: fc.nat(4).map((of5) => of5 > 0),
      segments: fc.array(segment, { minLength: 3, maxLength: 3 }),
      query: fc.constantFrom(
        '',
        '?view=full',
        '?limit=2',
        '?limit=none',
        '?status=pending',
        '?q=Ä',
      ),
      body: fc.oneof(
        { weight: 3, arbitrary: fc.constant('the route’s') },
        fc.constantFrom(...bodies),
        fc.jsonValue({ maxDepth: 3 }),
      ),
    })

    async function meet(one: typeof request extends fc.Arbitrary<infer R> ? R : never) {
      const { as, template, isDeclared, segments, query, body } = one
      const caller = callers.get(as) ?? site.anonymous
      const method = isDeclared ? template.method : one.method
      const [...left] = segments
      const path = `${template.path.replaceAll(
        /:\w+/g,
        () => left.shift() ?? 'none',
      )}${encodeURI(query)}`
      const json = body === 'the route’s' ? await bodyFor(template, things) : body
      const asked =
        method === 'GET' || method === 'HEAD' ? { method, path } : { method, path, json }
      const status = await foretold(admin, as, asked)
      const answer = await caller.call(method, path, { json: 'json' in asked ? json : undefined })
      expect({ ...asked, as, status }).toEqual({ ...asked, as, status: answer.status })
    }

    await fc.assert(fc.asyncProperty(request, meet), {
      seed: 1,
      numRuns: RANDOM_REQUESTS,
      endOnFailure: true,
    })
  })
})
