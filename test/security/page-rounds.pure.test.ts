/** Rules that send people round are found, and the way is named. */
import { describe, expect, it, test } from 'vitest'
import type { DecidingRule } from '../../src/security/pages/decide-page.ts'
import { roundsIn } from '../../src/security/pages/page-rounds.ts'
import { pageRule } from '../support/page-rules.ts'

/** Rules with ids of their own, in this order. */
function inOrder(...rules: readonly DecidingRule[]): DecidingRule[] {
  return rules.map((rule, index) => ({ ...rule, id: `pgr_${String(index).padStart(26, '0')}` }))
}

const list = { may: 'profile:list', reach: 'any' } as const
const open = (path: string) => pageRule(path, { access: 'anyone' })

describe('nobody is sent round', () => {
  it.each<[string, readonly DecidingRule[]]>([
    ['by no rule', []],
    ['to the sign-in of the site', [pageRule('/*')]],
    ['to a page of the product', [pageRule('/*', { signInPath: '/auth/sign-in' })]],
    ['to a sign-in that no rule is about', [pageRule('/a/*', { signInPath: '/login' })]],
    [
      'to a sign-in that is open because its rule comes first',
      [open('/a/login'), pageRule('/a/*', { signInPath: '/a/login' })],
    ],
    [
      'to a sign-in that members do not see',
      [pageRule('/a/*', { signInPath: '/login' }), pageRule('/login', { access: 'visitors-only' })],
    ],
    [
      'to a sign-in that leads on to another',
      [
        pageRule('/a/*', { signInPath: '/b/login' }),
        pageRule('/b/*', { signInPath: '/login' }),
        open('/login'),
      ],
    ],
    [
      'to a forbidden page for members',
      [pageRule('/a/*', { access: list, forbiddenPath: '/no' }), pageRule('/no')],
    ],
    ['by pages for visitors elsewhere', [pageRule('/join', { access: 'visitors-only' })]],
    [
      'by a rule that only hides',
      [pageRule('/a/*', { onUnauthenticated: '404', signInPath: '/a', forbiddenPath: '/a' })],
    ],
    ['by a page that everybody may open', [pageRule('/a', { access: 'anyone', signInPath: '/a' })]],
  ])('%s', (_, rules) => {
    expect(roundsIn(inOrder(...rules))).toEqual([])
  })
})

describe('the way is named', () => {
  it.each<[string, string, readonly DecidingRule[]]>([
    [
      'of a sign-in under its own rule',
      'Whoever is signed out would be sent round: /a/* → /a/login → /a/login.',
      [pageRule('/a/*', { signInPath: '/a/login' })],
    ],
    [
      'of a sign-in in another case',
      'Whoever is signed out would be sent round: /a/* → /A/Login → /A/Login.',
      [pageRule('/a/*', { signInPath: '/A/Login' })],
    ],
    [
      'of two that send to each other',
      'Whoever is signed out would be sent round: /a/* → /b/login → /a/login → /b/login.',
      [pageRule('/a/*', { signInPath: '/b/login' }), pageRule('/b/*', { signInPath: '/a/login' })],
    ],
    [
      'of a sign-in that is closed',
      'Whoever is signed out would be sent round: /a/* → /login, which is closed to those who are to sign in there.',
      [
        pageRule('/a/*', { signInPath: '/login' }),
        pageRule('/login', { onUnauthenticated: '401' }),
      ],
    ],
    [
      'of a forbidden page under its own rule',
      'A member would be sent round: /a/* → /a/no → /a/no.',
      [pageRule('/a/*', { access: list, forbiddenPath: '/a/no' })],
    ],
    [
      'of a forbidden page that only suspended members do not see',
      'A suspended member would be sent round: /a/* → /a/no → /a/no.',
      [pageRule('/a/*', { forbiddenPath: '/a/no' })],
    ],
    [
      'of a forbidden page for visitors',
      'A visitor would be sent round: /a/* → /a/no → /a/no.',
      [pageRule('/a/*', { forbiddenPath: '/a/no' })],
    ],
    [
      'of a start for visitors only, where members begin',
      'A member would be sent round: /* → / → /.',
      [pageRule('/*', { access: 'visitors-only' })],
    ],
    [
      'over pages for visitors only',
      'A member would be sent round: /* → /no → / → /no.',
      [
        pageRule('/no', { access: 'visitors-only' }),
        pageRule('/*', { access: list, forbiddenPath: '/no' }),
      ],
    ],
    [
      'of many pages, by its ends',
      'Whoever is signed out would be sent round: /a/* → /b/1 → … → /a/1 → /b/1.',
      [
        pageRule('/a/*', { signInPath: '/b/1' }),
        pageRule('/b/*', { signInPath: '/c/1' }),
        pageRule('/c/*', { signInPath: '/d/1' }),
        pageRule('/d/*', { signInPath: '/a/1' }),
      ],
    ],
  ])('%s', (_, text, rules) => {
    expect(roundsIn(inOrder(...rules)).map((round) => round.text)).toContain(text)
  })
})

test('a round says which field of its first rule begins it, and which rules it goes through', () => {
  const [a, b] = inOrder(
    pageRule('/a/*', { signInPath: '/b/login' }),
    pageRule('/b/*', { signInPath: '/a/login' }),
  )
  const [first] = roundsIn([a, b].flatMap((rule) => rule ?? []))
  expect(first).toMatchObject({ field: 'signInPath', rules: new Set([a?.id, b?.id]) })
  const forbidden = roundsIn([pageRule('/a/*', { access: list, forbiddenPath: '/a/no' })])
  expect(new Set(forbidden.map(({ field }) => field))).toEqual(new Set(['forbiddenPath']))
  const start = roundsIn([pageRule('/', { access: 'visitors-only' })])
  expect(start.map(({ field }) => field)).toEqual(['access'])
})

test('the longest way there can be is named within the length of a sentence', () => {
  const long = (name: string) => `/${name}/${'x'.repeat(196)}`
  const names = ['a', 'b', 'c', 'd', 'e', 'f']
  const rules = names.map((name, index) =>
    pageRule(`/${name}/:x`, { signInPath: long(names[index + 1] ?? 'a') }),
  )
  const texts = roundsIn(inOrder(...rules)).map(({ text }) => text.length)
  expect(texts).toHaveLength(names.length)
  expect(Math.max(...texts)).toBeLessThan(1000)
})
