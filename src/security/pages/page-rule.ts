/**
 * Rules about pages: which paths each is about. A pattern is made of literal segments, of `:name` for any
 * one segment, and of `*` at its end for any number of them, none included. Paths are compared by their
 * keys: decoded, in Unicode NFC, without regard to case or to a slash at the end.
 */
import type { PageRuleRow } from '../../repositories/page-rules.ts'
import type { CanonicalPath } from './canonical-path.ts'

export type PageRule = PageRuleRow

/** How many rules a site may have: a page is opened after a look at all of them. */
export const MAX_PAGE_RULES = 200

/** The greatest position. */
export const MAX_POSITION = 1_000_000

/** The longest pattern, in characters. */
export const MAX_PATTERN_LENGTH = 200

const ANY_SEGMENT = ':'
const ANY_REST = '*'

const NAME = /^:[A-Za-z_]\w*$/
/** What a literal may be written with; `%3A`, `%2A` and the like stand for what has a meaning here. */
const LITERAL = /^(?:[A-Za-z0-9._~@!$&',=-]|[^\p{ASCII}]|%[\dA-Fa-f]{2})+$/u
/** What is in no canonical path. */
const NEVER = /[/\\;\p{Cc}]|%[\dA-Fa-f]{2}/u

/**
 * The key of a pattern, which it shares with whatever else is about the same paths.
 * @returns undefined for what is no pattern
 */
export function patternKey(pattern: string): string | undefined {
  const isPath = pattern.startsWith('/') && !pattern.includes('//') && pattern.isWellFormed()
  if (!isPath || pattern.length > MAX_PATTERN_LENGTH) return undefined
  const segments = segmentsOf(pattern)
  const isEnd = (index: number) => index === segments.length - 1 && !pattern.endsWith('/')
  const keys = segments.map((segment, index) => {
    if (segment === ANY_REST) return isEnd(index) ? ANY_REST : undefined
    if (segment.startsWith(':')) return NAME.test(segment) ? ANY_SEGMENT : undefined
    return isLiteral(segment) ? segmentKey(segment) : undefined
  })
  return keys.includes(undefined) ? undefined : `/${keys.join('/')}`
}

/** The first rule, in the order given, that is about this path. */
export function ruleFor<R extends Pick<PageRule, 'pathKey'>>(
  rules: readonly R[],
  path: CanonicalPath,
): R | undefined {
  const segments = segmentsOf(path).map(segmentKey)
  return rules.find(({ pathKey }) => isAbout(segmentsOf(pathKey), segments))
}

function isAbout(pattern: readonly string[], path: readonly string[]): boolean {
  const isOpenEnded = pattern.at(-1) === ANY_REST
  const fixed = isOpenEnded ? pattern.slice(0, -1) : pattern
  if (isOpenEnded ? path.length < fixed.length : path.length !== fixed.length) return false
  return fixed.every((key, index) => key === ANY_SEGMENT || key === path[index])
}

/** Those of `/` are none; a slash at the end makes no difference. */
function segmentsOf(path: string): string[] {
  const inner = path.slice(1, path.endsWith('/') ? -1 : undefined)
  return inner === '' ? [] : inner.split('/')
}

function isLiteral(segment: string): boolean {
  const text = LITERAL.test(segment) ? decoded(segment) : undefined
  return text !== undefined && text !== '.' && text !== '..' && !NEVER.test(text)
}

/** The same for all spellings of a segment, and none of what stands for any segment. */
function segmentKey(segment: string): string {
  const text = decoded(segment) ?? segment
  // Some letters have no pair in one direction only, such as the long s.
  const folded = text.normalize('NFC').toUpperCase().toLowerCase()
  return folded.replaceAll(/[%:*]/g, (meant) => RESERVED[meant] ?? meant)
}

const RESERVED: Readonly<Record<string, string>> = { '%': '%25', ':': '%3a', '*': '%2a' }

/** Undefined for what is not UTF-8. */
function decoded(segment: string): string | undefined {
  try {
    return decodeURIComponent(segment)
  } catch {
    return undefined
  }
}
