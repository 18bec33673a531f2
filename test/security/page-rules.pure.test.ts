/** Which paths a rule is about. */
import { describe, expect, it, test } from 'vitest'
import { MAX_PATTERN_LENGTH, patternKey, ruleFor } from '../../src/security/pages/page-rule.ts'
import { canonical, pageRule } from '../support/page-rules.ts'

function isAbout(pattern: string, path: string): boolean {
  return ruleFor([pageRule(pattern)], canonical(path)) !== undefined
}

const LONGEST = `/${'a'.repeat(MAX_PATTERN_LENGTH - 1)}`

describe('a pattern is about', () => {
  it.each([
    ['/', '/'],
    ['/about', '/about'],
    ['/about', '/about/'],
    ['/about/', '/about'],
    ['/*', '/'],
    ['/*', '/a/b/c'],
    ['/members/*', '/members'],
    ['/members/*', '/members/'],
    ['/members/*', '/members/a/b'],
    ['/team/:name', '/team/ada'],
    ['/team/:name/photo', '/team/ada/photo'],
    ['/:area/x/*', '/anything/x'],
    ['/Members/*', '/mEMBERS/x'],
    ['/über', '/%C3%9Cber'],
    ['/%c3%bcber', '/%C3%BCBER'],
    // An e with an accent, and an e followed by one.
    ['/caf\u{e9}', '/cafe%CC%81'],
    // The long s, and the sign for kelvin.
    ['/members', '/member%C5%BF'],
    ['/kit', '/%E2%84%AAit'],
    ['/a%2Ab', '/a*b'],
    ['/a%3Ab', '/a:b'],
    ['/%3Aname', '/:name'],
    ['/100%25', '/100%25'],
    ['/a%254', '/a%254'],
    [LONGEST, LONGEST],
  ])('%s: %s', (pattern, path) => {
    expect(isAbout(pattern, path)).toBe(true)
  })
})

describe('a pattern is not about', () => {
  it.each([
    ['/', '/x'],
    ['/about', '/abouts'],
    ['/about', '/about/us'],
    ['/members/*', '/membership'],
    ['/members/*', '/member'],
    ['/team/:name', '/team'],
    ['/team/:name', '/team/'],
    ['/team/:name', '/team/ada/photo'],
    ['/%2A', '/anything'],
    ['/%3Aname', '/anything'],
    ['/%3Aname', '/name'],
    ['/a%2Ab', '/ab'],
    ['/100%25', '/100'],
    ['/a/:b/*', '/a'],
    ['/a', '/%FF'],
  ])('%s: %s', (pattern, path) => {
    expect(isAbout(pattern, path)).toBe(false)
  })
})

describe('no pattern is', () => {
  it.each([
    '',
    'about',
    '//',
    '//about',
    '/about//',
    '/a//b',
    '/*/a',
    '/a*',
    '/*a',
    '/**',
    '/a/*/',
    '/:',
    '/:1',
    '/:a-b',
    '/::a',
    '/:a?',
    '/:a+',
    '/a:b',
    '/x/(.*)',
    '/{id}',
    '/a+',
    '/[a]',
    '/a|b',
    '/a b',
    '/a?b=c',
    '/a#b',
    '/a;b',
    '/a\\b',
    '/.',
    '/a/../b',
    '/%2e%2E/b',
    '/a%2Fb',
    '/a%5Cb',
    '/a%3Bb',
    '/a%00',
    '/a%0Ab',
    '/a%2541',
    '/a%zz',
    '/a%',
    '/a%4',
    '/%FF',
    '/a\u{0}',
    '/\u{D800}',
    `${LONGEST}a`,
  ])('%j', (pattern) => {
    expect(patternKey(pattern)).toBeUndefined()
  })
})

test.each([
  ['/a/:b/*', '/A/:other/*'],
  ['/x', '/X/'],
  ['/ü', '/%C3%9C'],
])('%s and %s are about the same paths, which their keys say', (one, other) => {
  expect(patternKey(one)).toBeDefined()
  expect(patternKey(one)).toBe(patternKey(other))
})

test.each([
  ['/a/:b', '/a/%3Ab'],
  ['/a/*', '/a/%2A'],
  ['/a/:b', '/a/*'],
])('%s and %s have keys of their own', (one, other) => {
  expect(patternKey(one)).not.toBe(patternKey(other))
})

test('the first rule that is about a path decides, whatever comes after it', () => {
  const rules = [pageRule('/a/open'), pageRule('/a/*'), pageRule('/*')]
  const found = ['/a/open', '/a/x', '/b', '/'].map((path) => ruleFor(rules, canonical(path))?.path)
  expect(found).toEqual(['/a/open', '/a/*', '/*', '/*'])
})
