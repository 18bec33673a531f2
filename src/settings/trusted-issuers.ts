/** Whose tokens count: what TRUSTED_ISSUERS may say of an issuer. */
import * as z from 'zod'
import { BUILT_IN, VISITORS } from '../db/issuers.ts'

/** Asymmetric only: a shared secret would let every verifier mint tokens. */
export const TOKEN_ALGORITHMS = ['ES256', 'ES384', 'EdDSA', 'Ed25519', 'RS256', 'PS256'] as const
export type TokenAlgorithm = (typeof TOKEN_ALGORITHMS)[number]

const Algorithms = z
  .array(z.enum(TOKEN_ALGORITHMS))
  .min(1)
  .default([...TOKEN_ALGORITHMS])

/** Events of the Shared Signals Framework that a site can be set to act on: two of CAEP, two of RISC. */
export const ACTED_ON = [
  'session-revoked',
  'credential-change',
  'account-disabled',
  'account-purged',
] as const
export type ActedOn = (typeof ACTED_ON)[number]

const Reaction = z.enum(['nothing', 'end-sessions', 'suspend']).optional()
const Reactions = z.strictObject({
  'session-revoked': Reaction,
  'credential-change': Reaction,
  'account-disabled': Reaction,
  'account-purged': Reaction,
} satisfies Record<ActedOn, typeof Reaction>)

const ClientIds = z.array(z.string().min(1)).min(1)
const IssuerBase = {
  issuer: z
    .string()
    .min(1)
    .refine((name) => name !== BUILT_IN && name !== VISITORS, { error: 'a name of this site' }),
  audience: z.string().min(1),
  algorithms: Algorithms,
  /** What a token has to say besides, to keep out those the issuer signs for somebody else. */
  claims: z.record(z.string().min(1), z.union([z.string(), z.number(), z.boolean()])).optional(),
  /** Clients of the issuer whose ID tokens say what their bearers are called; they let nobody in. */
  clientIds: ClientIds.optional(),
  /** Whose logout tokens (OpenID Connect Back-Channel Logout) are taken: those for one of these clients. */
  logout: z.strictObject({ clientIds: ClientIds }).optional(),
  /** What becomes of whoever a security event (RFC 8417) for this audience is about; nothing if not said. */
  signals: z.strictObject({ audience: z.string().min(1), events: Reactions }).optional(),
}

/** Whoever can change the keys on their way here signs tokens for anybody. */
const KeysUrl = z.string().refine(isPrivateWay, {
  error: 'expected an https URL; http from this machine only',
})

/** Nobody on the way can read or change what goes there. */
export function isPrivateWay(text: string): boolean {
  const { protocol, hostname } = URL.parse(text) ?? {}
  const isHere = ['localhost', '127.0.0.1', '[::1]'].includes(hostname ?? '')
  return protocol === 'https:' || (protocol === 'http:' && isHere)
}

export const TrustedIssuer = z.union(
  [
    z.strictObject({ ...IssuerBase, jwksUrl: KeysUrl }),
    z.strictObject({
      ...IssuerBase,
      jwks: z.looseObject({ keys: z.array(z.looseObject({ kty: z.string() })) }),
    }),
  ],
  {
    error:
      'expected { issuer, audience, jwksUrl | jwks, algorithms?, claims?, clientIds?, logout?, signals? } with asymmetric algorithms',
  },
)
export type TrustedIssuer = z.infer<typeof TrustedIssuer>
