/**
 * Passwords: scrypt with its parameters in every hash, and which passwords are refused. Rules by NIST
 * SP 800-63B, section 3.1.1.2: long, not a common one, nothing about which characters.
 */
import nodeCrypto from 'node:crypto'
import { BASE_WORDS, KEYBOARD_ROWS } from './common-passwords.ts'
import { type Cost, derive } from './scrypt.ts'

export const MIN_LENGTH = 15
const MAX_LENGTH = 256

/** OWASP's parameters that fit a Worker: 16 MiB and N·r·p below the platform's limit of 2^20. */
const CURRENT = { n: 2 ** 14, r: 8, p: 5 } as const satisfies Cost
const STORED = /^scrypt\$n=(\d+),r=(\d+),p=(\d+)\$([\w-]+)\$([\w-]+)$/

/** `scrypt$n=16384,r=8,p=5$<salt>$<key>`, both base64url. */
export async function hashPassword(password: string, cost: Cost = CURRENT): Promise<string> {
  const salt = crypto.getRandomValues(new Uint8Array(16))
  const key = await derive(password, salt, cost)
  const { n, r, p } = cost
  return `scrypt$n=${n},r=${r},p=${p}$${base64url(salt)}$${base64url(key)}`
}

/**
 * Without a stored hash it does the same work and says no, so that an account that does not exist
 * takes as long as one that does.
 */
export async function verifyPassword(
  password: string,
  stored: string | null | undefined,
): Promise<boolean> {
  const [, n, r, p, salt = '', key = ''] = STORED.exec(stored ?? '') ?? []
  if (key === '') {
    await derive(password, new Uint8Array(16), CURRENT)
    return false
  }
  const cost = { n: Number(n), r: Number(r), p: Number(p) }
  const derived = await derive(password, Buffer.from(salt, 'base64url'), cost)
  const expected = Buffer.from(key, 'base64url')
  return derived.length === expected.length && nodeCrypto.timingSafeEqual(derived, expected)
}

/** Whether the hash was made with other parameters than today's. */
export function isOutdated(stored: string): boolean {
  const { n, r, p } = CURRENT
  return !stored.startsWith(`scrypt$n=${n},r=${r},p=${p}$`)
}

function base64url(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('base64url')
}

/**
 * Why this password may not be chosen; undefined if it may.
 * @param about what an attacker tries first: the email address, the name, the name of the site
 */
export function passwordFault(password: string, about: readonly string[]): string | undefined {
  const characters = Array.from(password.normalize('NFC'))
  if (characters.length < MIN_LENGTH) {
    return `A password has at least ${MIN_LENGTH} characters. Four rare words are a good one.`
  }
  if (characters.length > MAX_LENGTH) return `A password has at most ${MAX_LENGTH} characters.`
  if (isCommon(password, about)) {
    return 'This password is one of the first that anybody would try. Take rarer words.'
  }
  return undefined
}

/**
 * The lists of common passwords have next to nothing of 15 characters; what people make of them is
 * longer: common words in a row, with digits, or one thing repeated.
 */
function isCommon(password: string, about: readonly string[]): boolean {
  const plain = simplified(password)
  if (new Set(plain).size < 5 || /^(.{1,7})\1+.{0,6}$/su.test(plain)) return true
  const words = [...BASE_WORDS, ...about.flatMap(wordsOf)].toSorted((a, b) => b.length - a.length)
  let rest = plain
  for (const word of words) rest = rest.replaceAll(word, ' ')
  for (const run of runsOf(rest)) rest = rest.replaceAll(run, '')
  // Eight digits are as long as a date; a longer number is nobody's first guess.
  rest = rest.replaceAll(/(?<!\d)\d{1,8}(?!\d)/g, ' ')
  // A few more characters do not make a common password another one.
  return new Set(rest.replaceAll(' ', '')).size <= 3
}

/** Lower case, the usual substitutions undone, without punctuation unless there is little else. */
function simplified(text: string): string {
  const LEET: Readonly<Record<string, string>> = { '@': 'a', $: 's', '!': 'i', '0': 'o', '3': 'e' }
  const undone = /[a-z]/i.test(text)
    ? text.replaceAll(/(?<=[a-z])[@$!03](?=[a-z])/gi, (sign) => LEET[sign] ?? sign)
    : text
  const lower = undone.normalize('NFKC').toLowerCase().replaceAll(/\s/gu, '')
  const plain = lower.replaceAll(/[\p{P}$^+=<>~|`]/gu, '')
  return plain.length < lower.length / 2 ? lower : plain
}

function wordsOf(text: string): string[] {
  return text
    .toLowerCase()
    .split(/[^\p{L}\p{N}]+/u)
    .filter((word) => word.length >= 3)
}

/** Four or more neighbours on a keyboard or in the alphabet, forwards or backwards. */
function runsOf(text: string): string[] {
  const found: string[] = []
  for (const row of KEYBOARD_ROWS) {
    for (let length = row.length; length >= 4; length -= 1) {
      for (let start = 0; start + length <= row.length; start += 1) {
        const run = row.slice(start, start + length)
        if (text.includes(run)) found.push(run)
      }
    }
  }
  return found
}
