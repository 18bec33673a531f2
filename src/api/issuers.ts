/** Whose tokens count, whether each is set up right, and why a token would be refused. */
import * as z from 'zod'
import { listOf, pageOfConstant, PageQuery } from '../http/pagination.ts'
import { route } from '../http/route.ts'
import {
  CHECK_OUTCOMES,
  CHECKS,
  MOST_AUDIENCES,
  TOKEN_KINDS,
} from '../security/tokens/token-checks.ts'
import type { KeyStanding } from '../security/tokens/jwks.ts'
import type { Settings } from '../settings/settings.ts'
import { type TrustedIssuer, TOKEN_ALGORITHMS } from '../settings/trusted-issuers.ts'
import { EXAMPLE_TOKEN, shownId, shownText, Timestamp } from './schemas.ts'

/** Longer than any token that is taken, so that the check of one that is too long says so. */
const LONGEST_PASTED = 16_384
const MOST_KEYS = 1000

const Said = shownText(200).nullable().meta({ id: 'Said' })

const Issuer = z
  .object({
    issuer: shownText(2048),
    audience: shownText(2048),
    algorithms: z.array(z.enum(TOKEN_ALGORITHMS)).max(TOKEN_ALGORITHMS.length),
    keysUrl: shownText(2048)
      .nullable()
      .meta({ description: 'Without its query; null for keys in the settings' }),
    keysFetchedAt: Timestamp.nullable().meta({ description: 'By whatever answers this request' }),
    keysFault: Said,
    keys: z
      .array(
        z.object({
          id: Said,
          kind: shownText(200),
          algorithm: Said,
        }),
      )
      .max(MOST_KEYS),
    clockSkewSeconds: z.int().nullable().meta({ description: 'By how much its clock was ahead' }),
    claims: z.array(shownText(200)).max(MOST_KEYS).meta({
      description: 'What a token has to say besides, by name',
    }),
    readsIdTokens: z.boolean(),
    signsIn: z.boolean().meta({ description: 'Whether people sign in to pages with it' }),
    tellsLogouts: z.boolean(),
    tellsSignals: z.boolean(),
  })
  .meta({ id: 'Issuer' })

export const listIssuers = route({
  method: 'GET',
  path: '/v1/issuers',
  summary: 'Whose tokens count, and the state of their keys',
  access: { may: 'issuer:read' },
  input: { query: z.object(PageQuery) },
  output: listOf(Issuer),
  async run({ input, deps: { settings, keyStanding } }) {
    const page = await pageOfConstant(
      { name: 'issuers', query: input.query, all: settings.trustedIssuers },
      ({ issuer }) => issuer,
    )
    const items = page.items.map(async (each) => shown(each, await keyStanding(each), settings))
    return { ...page, items: await Promise.all(items) }
  },
})

function shown(
  trusted: TrustedIssuer,
  { fetchedAt, fault, skewMs, keys }: KeyStanding,
  { builtInLogin }: Settings,
) {
  const { issuer, audience, algorithms, claims, clientIds, logout, signals } = trusted
  const signingIn = Object.values(builtInLogin?.openidProviders ?? {})
  return {
    issuer,
    audience,
    algorithms: [...algorithms],
    keysUrl: 'jwksUrl' in trusted ? withoutQuery(trusted.jwksUrl) : null,
    keysFetchedAt: fetchedAt === undefined ? null : new Date(fetchedAt).toISOString(),
    keysFault: fault ?? null,
    keys: keys.slice(0, MOST_KEYS).map(({ kid, kty, crv, alg }) => ({
      id: typeof kid === 'string' ? kid.slice(0, 200) : null,
      kind: [kty, crv].filter((part) => typeof part === 'string').join(' '),
      algorithm: alg ?? null,
    })),
    clockSkewSeconds: skewMs === undefined ? null : Math.round(skewMs / 1000),
    claims: Object.keys(claims ?? {}),
    readsIdTokens: clientIds !== undefined,
    signsIn: signingIn.some((provider) => provider.issuer === issuer),
    tellsLogouts: logout !== undefined,
    tellsSignals: signals !== undefined,
  }
}

/** A query may hold a secret. */
function withoutQuery(url: string): string {
  const { origin, pathname } = new URL(url)
  return `${origin}${pathname}`
}

const PastedToken = z
  .strictObject({
    token: z
      .string()
      .min(1)
      .max(LONGEST_PASTED)
      .meta({ pattern: '^[\\s\\S]+$', description: 'Kept and logged nowhere' }),
    kind: z.enum(TOKEN_KINDS).default('access').meta({ description: 'What it is to be taken for' }),
  })
  .meta({ id: 'PastedToken', examples: [{ token: EXAMPLE_TOKEN, kind: 'access' }] })

const Check = z.enum(CHECKS).meta({ id: 'TokenCheck' })

const CheckedToken = z
  .object({
    good: z.boolean(),
    failed: Check.nullable(),
    checks: z
      .array(
        z.object({
          check: Check,
          outcome: z.enum(CHECK_OUTCOMES),
          detail: shownText(10_000),
        }),
      )
      .max(CHECKS.length),
    says: z
      .object({
        issuer: Said,
        audience: z.array(shownText(200)).max(MOST_AUDIENCES),
        type: Said,
        algorithm: Said,
        keyId: Said,
        issuedAt: Timestamp.nullable(),
        expiresAt: Timestamp.nullable(),
      })
      .nullable()
      .meta({ description: 'What it says of itself, true or not; null if it cannot be read' }),
    userId: shownId('usr')
      .nullable()
      .meta({ description: 'Whom a good one speaks for; null for somebody new' }),
    change: shownText(10_000)
      .nullable()
      .meta({ description: 'What would have to be otherwise; null for a good one' }),
  })
  .meta({ id: 'CheckedToken' })

export const checkToken = route({
  method: 'POST',
  path: '/v1/issuers/check',
  summary: 'Why a token would be refused; it signs nobody in',
  access: { may: 'issuer:read' },
  input: { json: PastedToken },
  output: CheckedToken,
  asksAgain: true,
  async run({ input: { json }, deps }) {
    const { checks, ...rest } = await deps.checkToken(json.token, json.kind)
    return { ...rest, checks: [...checks] }
  },
})
