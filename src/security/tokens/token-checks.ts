/** What is asked of a token, by name: for those who declare it as well as for those who check. */

/** In the order in which they are made; the first that fails refuses the token. */
export const TOKEN_CHECKS = [
  'form',
  'type',
  'issuer',
  'audience',
  'claims',
  'times',
  'algorithm',
  'keys',
  'signature',
] as const
export type TokenCheck = (typeof TOKEN_CHECKS)[number]

/** Is told of each check as it begins. */
export type OnCheck = (check: TokenCheck) => void

export const unwatched: OnCheck = () => undefined

/** Those of the token itself, and at last whether whoever it speaks for may come in with it. */
export const CHECKS = [...TOKEN_CHECKS, 'session'] as const
export type CheckName = (typeof CHECKS)[number]

export const CHECK_OUTCOMES = ['passed', 'failed', 'not reached'] as const

/** What a token is taken for: as a credential, or as what says what its subject is called. */
export const TOKEN_KINDS = ['access', 'id'] as const
export type TokenKind = (typeof TOKEN_KINDS)[number]

/** How many of the audiences of a token are shown. */
export const MOST_AUDIENCES = 20
