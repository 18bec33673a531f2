import { describe, expect, test } from 'vitest'
import { Grant, withGrant } from '../../src/security/grant.ts'
import { PERMISSIONS, type Permission } from '../../src/security/permissions.ts'
import { member } from '../support/actors.ts'
import { SOURCES } from '../support/sources.ts'

const REQUEST = 'request-1'
const ALL = Object.keys(PERMISSIONS) as Permission[]

// There is no type argument: by the text `import.meta.glob(` vitest sees that its cache is stale.
const MODULES = Object.entries(import.meta.glob('../../src/operations/*.ts', { eager: true }))
const EXPORTS = new Map(MODULES.flatMap(([, exports]) => Object.entries(Object(exports))))

/** Every exported function of `src/operations` that takes a grant first, with its permission. */
const OPERATIONS = MODULES.flatMap(([path]) => {
  const source = SOURCES.get(path.replace('../../src/', ''))?.text ?? ''
  const declared = source.matchAll(/export async function (\w+)\(\s*grant: Grant<'([\w:-]+)'>/g)
  return [...declared].map(([, name = '', permission = '']) => {
    const operation = EXPORTS.get(name)
    if (typeof operation !== 'function') throw new Error(`${name} is not exported by ${path}`)
    return { name, permission, operation }
  })
})

/** Functions that compute, or have objects look at what is stored; they read and change nothing. */
const HARMLESS = new Set(['expand', 'tellGates', 'tellGatesOf'])

describe('every operation', () => {
  /** Every argument but the grant throws this when it is called: the operation has begun to act. */
  const acted = new Error('acted')
  const argument: unknown = new Proxy(() => {}, {
    get: (_, name) => (name === 'then' ? undefined : name === 'now' ? Date.now() : argument),
    apply: () => {
      throw acted
    },
  })

  async function hasActed(operation: Function, grant: unknown): Promise<boolean> {
    const error: unknown = await operation(grant, argument, argument, argument).then(
      () => 'resolved',
      (thrown: unknown) => thrown,
    )
    return error === acted
  }

  test.each(OPERATIONS)(
    '$name acts with $permission, and with no other',
    async ({ operation, permission }) => {
      const accepted: string[] = []
      for (const each of ALL) {
        await withGrant(member('admin'), each, 'self', REQUEST, async (grant) => {
          if (await hasActed(operation, grant)) accepted.push(each)
        })
      }
      expect(accepted).toEqual([permission])
    },
  )

  test.each(OPERATIONS)(
    '$name does nothing with a grant that is none',
    async ({ operation, permission }) => {
      const forgeries: [string, unknown][] = []
      let ended: unknown
      await withGrant(member('admin'), permission as Permission, 'self', REQUEST, async (grant) => {
        ended = grant
        forgeries.push(
          ['nothing', undefined],
          ['an object', { permission, scope: 'everyone', actor: member('admin') }],
          [
            'an object with its method',
            { permission, exercise: Reflect.get(Grant.prototype, 'exercise') },
          ],
          [
            'an heir of the prototype',
            Object.create(Grant.prototype, { permission: { value: permission } }),
          ],
          ['an heir of a real one', Object.create(grant)],
          ['a real one behind a proxy', new Proxy(grant, {})],
          ['a copy', { ...Object(grant) }],
          ['a clone', structuredClone({ ...Object(grant) })],
          ['one from JSON', JSON.parse(JSON.stringify(grant))],
        )
        for (const [name, forgery] of forgeries) {
          expect([name, await hasActed(operation, forgery)]).toEqual([name, false])
        }
      })
      expect(['one that has ended', await hasActed(operation, ended)]).toEqual([
        'one that has ended',
        false,
      ])
    },
  )

  test('is found by this test, and routes call no other function of operations', () => {
    const granted = new Set(OPERATIONS.map(({ name }) => name))
    const called = [...SOURCES.values()]
      .filter(({ path }) => path.startsWith('api/'))
      .flatMap(({ imports }) => imports)
      .filter(({ to, isType }) => to.startsWith('operations/') && !isType)
      .flatMap(({ names }) => names)
      .filter((name) => typeof EXPORTS.get(name) === 'function')
    const others = called.filter((name) => !granted.has(name) && !HARMLESS.has(name))
    expect(
      others,
      'a route calls only operations that take a Grant first. CONTRIBUTING.md, "An operation".',
    ).toEqual([])
    expect(called.filter((name) => granted.has(name)).length).toBeGreaterThan(10)
  })
})
