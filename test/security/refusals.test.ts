import { describe, expect, test } from 'vitest'
import { PROBLEMS } from '../../src/problem.ts'
import {
  type CastName,
  EVERYBODY,
  refusalOf,
  RESOURCES,
  type Row,
  type Target,
  titleOf,
} from '../support/cells.ts'
import { dump } from '../support/dump.ts'
import { canHave, FAULTS } from '../support/faults.ts'
import { type Reply, testSite } from '../support/site.ts'
import { sized } from '../support/size.ts'
import { bodyFor, type Caller, castOf, pathFor, type Things, thingsFor } from '../support/world.ts'

describe('who may not is told just that, whatever else is wrong, and nothing changes', () => {
  test.each(RESOURCES)('%s', async (_, rows) => {
    const site = testSite()
    const cast = await castOf(site)
    const things = thingsFor(site, cast.member)
    for (const row of rows.filter(({ restriction }) => restriction)) {
      await made(row, things)
      for (const name of EVERYBODY)
        for (const target of row.targets)
          await pathFor(row.declared.path, target, things, cast[name])
      const before = await dump()
      for (const name of EVERYBODY) {
        for (const target of row.targets) await meet(row, name, target)
      }
      expect({ row: titleOf(row), stored: await dump() }).toEqual({
        row: titleOf(row),
        stored: before,
      })
    }

    async function meet(row: Row, name: CastName, target: Target): Promise<void> {
      const { method, path } = row.declared
      const refusal = refusalOf(row, name, target)
      if (!refusal) return
      const { status, code, stage } = refusal
      const caller = cast[name]
      const where = await pathFor(path, target, things, caller)
      const body = await bodyFor(row.declared, things)
      const turn = TELLING.indexOf(name)
      const faults = turn < 0 ? [] : faultsAt(row, target).filter(inTurn(turn))
      for (const fault of [NONE, ...faults]) {
        const reply = await caller.call(method, urlOf(row, where, fault), fault.options(body))
        const cell = `${titleOf(row)}: ${name}, ${target}, ${fault.name}`
        const expected = { cell, status, code, stage, errors: undefined }
        expect({ cell, ...refusalIn(reply) }).toEqual(expected)
      }
    }
  })

  /** Callers, one for each reason to be refused. */
  const TELLING: readonly CastName[] = [
    'anonymous',
    'member',
    'partner',
    'suspended',
    'bad token',
    'revoked key',
  ]
  /** With `npm run test:full` each of them tries every fault, otherwise every third. */
  const inTurn = (turn: number) => (_: unknown, index: number) => (index + turn) % sized(1, 3) === 0
  const NONE = { name: 'nothing else', query: undefined, options: (json: unknown) => ({ json }) }

  /**
   * The faults to try on a target. Most are tried on an absent one, if there can be one: an answer
   * in the wrong order shows there.
   */
  function faultsAt(row: Row, target: Target) {
    const telling = row.targets.includes('absent') ? 'absent' : 'existing'
    return FAULTS.filter((fault) => fault.concerns(row)).filter((fault) =>
      fault.target ? canHave(fault, target) : target === telling,
    )
  }

  function refusalIn({ status, body: { code, stage, errors } }: Reply) {
    return { status, code, stage, errors }
  }
})

describe('who may is told what is wrong, in the order of the contract, and nothing changes', () => {
  test.each(RESOURCES)('%s', async (_, rows) => {
    const site = testSite()
    const root = await site.root()
    const things = thingsFor(site, root)
    for (const row of rows) {
      const { method, path } = row.declared
      const body = await made(row, things)
      for (const target of row.targets) await pathFor(path, target, things, root)
      const before = await dump()
      for (const fault of FAULTS.filter(({ concerns }) => concerns(row))) {
        for (const target of row.targets.filter((each) => canHave(fault, each))) {
          const url = urlOf(row, await pathFor(path, target, things, root), fault)
          const reply = await root.call(method, url, fault.options(body))
          const cell = `${titleOf(row)}: ${target}, ${fault.name}`
          const { code } = fault
          expect({ cell, status: reply.status, code: reply.body.code }).toEqual({
            cell,
            status: PROBLEMS[code].status,
            code,
          })
        }
      }
      expect({ row: titleOf(row), stored: await dump() }).toEqual({
        row: titleOf(row),
        stored: before,
      })
    }
  })
})

/** Makes what the row is about before anything is compared. @returns the body it takes */
async function made({ declared }: Row, things: Things): Promise<unknown> {
  await pathFor(declared.path, 'other', things, {} as Caller)
  return bodyFor(declared, things)
}

function urlOf(
  { search }: Row,
  path: string,
  { query }: { readonly query?: string | undefined },
): string {
  const parts = [search.slice(1), query].filter(Boolean)
  return parts.length > 0 ? `${path}?${parts.join('&')}` : path
}
