/** What access means to whom: the table of docs/pages.md, and what surrounds it. */
import { describe, expect, it, test } from 'vitest'
import {
  decidePage,
  type DecidingRule,
  isRestricted,
  type PageDecision,
  pageProblem,
} from '../../src/security/pages/decide-page.ts'
import { PROBLEMS } from '../../src/problem.ts'
import { ASKING, type AskingName, BADGE, canonical, pageRule } from '../support/page-rules.ts'

const NAMES = Object.keys(ASKING) as AskingName[]

const list = { may: 'profile:list', reach: 'any' } as const
const anyBooking = { may: 'booking:read', reach: 'any' } as const
const ownBooking = { may: 'booking:read', reach: 'own' } as const
const unknown = { may: 'moon:visit', reach: 'own' } as const

function decided(
  name: AskingName,
  rules: readonly DecidingRule[],
  standard: 'open' | 'closed' = 'closed',
): PageDecision<DecidingRule> {
  const { caller, badges } = ASKING[name]
  return decidePage({ rules, path: canonical('/x'), caller, badges: new Set(badges), standard })
}

/** The decision in one word or two: a status, or what happens. */
function said(decision: PageDecision<DecidingRule>): string {
  if (decision.outcome !== 'refused') return decision.outcome
  return `${decision.status} ${decision.refusal?.code ?? 'no rule'}`
}

const IN = 'let through'
const OFF = '403 suspended'
const NOT_FOR = '403 members_only'
const NO = '403 forbidden'

describe('access means', () => {
  it.each<[DecidingRule['access'], Record<AskingName, string>]>([
    [
      'anyone',
      {
        'signed out': IN,
        'visitor token': IN,
        member: IN,
        moderator: IN,
        'with the badge': IN,
        suspended: IN,
        key: IN,
        'key with the scope': IN,
      },
    ],
    [
      'visitors-only',
      {
        'signed out': IN,
        'visitor token': IN,
        member: 'redirect',
        moderator: 'redirect',
        'with the badge': 'redirect',
        suspended: OFF,
        key: NOT_FOR,
        'key with the scope': NOT_FOR,
      },
    ],
    [
      'members',
      {
        'signed out': 'sign in',
        'visitor token': NOT_FOR,
        member: IN,
        moderator: IN,
        'with the badge': IN,
        suspended: OFF,
        key: NOT_FOR,
        'key with the scope': NOT_FOR,
      },
    ],
    [
      list,
      {
        'signed out': 'sign in',
        'visitor token': NO,
        member: NO,
        moderator: IN,
        'with the badge': NO,
        suspended: OFF,
        key: NOT_FOR,
        'key with the scope': IN,
      },
    ],
    [
      anyBooking,
      {
        'signed out': 'sign in',
        'visitor token': NO,
        member: NO,
        moderator: NO,
        'with the badge': NO,
        suspended: OFF,
        key: NOT_FOR,
        'key with the scope': IN,
      },
    ],
    [
      ownBooking,
      {
        'signed out': 'sign in',
        'visitor token': IN,
        member: IN,
        moderator: IN,
        'with the badge': IN,
        suspended: OFF,
        key: NOT_FOR,
        'key with the scope': IN,
      },
    ],
    [
      { badge: BADGE },
      {
        'signed out': 'sign in',
        'visitor token': NOT_FOR,
        member: NO,
        moderator: NO,
        'with the badge': IN,
        suspended: OFF,
        key: NOT_FOR,
        'key with the scope': NOT_FOR,
      },
    ],
    [
      unknown,
      {
        'signed out': 'sign in',
        'visitor token': NOT_FOR,
        member: NO,
        moderator: NO,
        'with the badge': NO,
        suspended: OFF,
        key: NOT_FOR,
        'key with the scope': NOT_FOR,
      },
    ],
  ])('%j', (access, meaning) => {
    const rules = [pageRule('/x', { access })]
    const decisions = NAMES.map((name) => [name, said(decided(name, rules))])
    expect(Object.fromEntries(decisions)).toEqual(meaning)
  })
})

test('a page that no rule is about is open to everybody, or to nobody', () => {
  const rules = [pageRule('/y', { access: 'anyone' })]
  expect(NAMES.map((name) => said(decided(name, rules, 'closed')))).toEqual(
    NAMES.map(() => '404 no rule'),
  )
  expect(NAMES.map((name) => said(decided(name, rules, 'open')))).toEqual(NAMES.map(() => IN))
})

test('the first rule closes what one after it would open', () => {
  const rules = [pageRule('/x', { access: list }), pageRule('/*', { access: 'anyone' })]
  expect(said(decided('member', rules))).toBe(NO)
  expect(said(decided('member', rules.toReversed()))).toBe(IN)
})

describe('whoever is signed out', () => {
  it('is sent to the sign-in that the rule names, or to that of the site', () => {
    const named = decided('signed out', [pageRule('/x', { signInPath: '/login' })])
    expect(named).toMatchObject({ outcome: 'sign in', signInPath: '/login' })
    expect(decided('signed out', [pageRule('/x')])).toMatchObject({ signInPath: null })
  })

  it.each([
    ['401', '401 unauthenticated'],
    ['404', '404 unauthenticated'],
  ] as const)('is answered %s where the rule says so', (onUnauthenticated, answer) => {
    expect(said(decided('signed out', [pageRule('/x', { onUnauthenticated })]))).toBe(answer)
  })
})

describe('a rule that hides its page', () => {
  const rules = [pageRule('/x', { access: list, onUnauthenticated: '404', forbiddenPath: '/no' })]

  it('answers everybody without the right as if there was none, and tells nothing', () => {
    for (const name of ['signed out', 'visitor token', 'member', 'suspended', 'key'] as const) {
      const decision = decided(name, rules)
      expect(decision).toMatchObject({ outcome: 'refused', status: 404, forbiddenPath: null })
      if (decision.outcome !== 'refused') return
      const { code, detail, extras } = pageProblem(decision)
      const unruled = decided(name, [])
      const other = unruled.outcome === 'refused' ? pageProblem(unruled).detail : ''
      expect([code, detail, extras]).toEqual(['not_found', other, {}])
    }
  })

  it('opens to those who have it', () => {
    expect(said(decided('moderator', rules))).toBe(IN)
  })
})

test('a refusal says what is missing, and leads to the page that the rule has for it', () => {
  const may = decided('member', [pageRule('/x', { access: list, forbiddenPath: '/no' })])
  const missing = { stage: 'permission', required: 'profile:list', reach: 'any' }
  expect(may).toMatchObject({ forbiddenPath: '/no', refusal: missing })
  const badge = decided('member', [pageRule('/x', { access: { badge: BADGE } })])
  expect(badge).toMatchObject({ forbiddenPath: null, refusal: { badge: BADGE } })
})

test('what is told of a refusal is a problem of its status', () => {
  for (const access of ['members', list, { badge: BADGE }] as const) {
    for (const name of NAMES) {
      const decision = decided(name, [pageRule('/x', { access })])
      if (decision.outcome !== 'refused' && decision.outcome !== 'sign in') continue
      const problem = pageProblem(decision)
      const status = decision.outcome === 'refused' ? decision.status : 401
      expect(PROBLEMS[problem.code].status).toBe(status)
      expect(problem.extras).toMatchObject({ stage: expect.any(String) })
    }
  }
})

test('a page is kept from caches unless it is everybody’s', () => {
  const restricted = (access: DecidingRule['access']) =>
    NAMES.map((name) => isRestricted(decided(name, [pageRule('/x', { access })])))
  expect(new Set(restricted('anyone'))).toEqual(new Set([false]))
  for (const access of ['visitors-only', 'members', list] as const) {
    expect(new Set(restricted(access))).toEqual(new Set([true]))
  }
  expect(isRestricted(decided('member', [], 'open'))).toBe(false)
  expect(isRestricted(decided('member', [], 'closed'))).toBe(true)
})
