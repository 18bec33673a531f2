/**
 * The settings that docs/sign-in.md prints for each provider are tried on tokens of the shapes that
 * the provider documents: a member's is taken, and what it signs for somebody else is not.
 */
import { beforeEach, describe, expect, test } from 'vitest'
import type { TrustedIssuer } from '../../src/settings/trusted-issuers.ts'
import page from '../../docs/sign-in.md?raw'
import { type BetterAuth, betterAuthOf } from '../support/better-auth.ts'
import { watchKeyServer } from '../support/key-server.ts'
import { testSite } from '../support/site.ts'
import { hmacSigner, makeIssuer, rawToken, type TestIssuer } from '../support/tokens.ts'

type Members = Readonly<Record<string, unknown>>
type Printed = Extract<TrustedIssuer, { jwksUrl: string }>

interface Provider {
  readonly name: string
  readonly header?: Members
  /** Claims of a member's token; `iss`, `aud`, `iat` and `exp` are added to them. */
  readonly claims: Members
  /** Changes of the claims that have to be refused; `undefined` leaves a claim out. */
  readonly refused: Readonly<Record<string, Members>>
  /** Changes that are refused only because of the `claims` that are printed. */
  readonly refusedByClaims?: Readonly<Record<string, Members>>
}

const AUTH_TIME = Math.floor(Date.now() / 1000) - 60
const UUID = '8ccaa7af-909f-44e7-84cb-67cdccb56be6'

const PROVIDERS: readonly Provider[] = [
  {
    name: 'Auth0',
    claims: {
      sub: 'auth0|5f7c8ec7c33c6c004bbafe82',
      aud: ['guildhall', 'https://TENANT.eu.auth0.com/userinfo'],
      azp: 'CLIENT_ID',
      scope: 'openid profile email',
    },
    refused: {
      'an ID token, which is for the front end': { aud: 'CLIENT_ID', nonce: 'n-0S6', name: 'Ada' },
      'a token for the Management API': { aud: 'https://TENANT.eu.auth0.com/api/v2/' },
      'a token of another tenant': { iss: 'https://OTHER.eu.auth0.com/' },
      'the issuer without its slash': { iss: 'https://TENANT.eu.auth0.com' },
    },
    refusedByClaims: {
      'a machine-to-machine application': {
        sub: 'MACHINE@clients',
        azp: 'MACHINE',
        gty: 'client-credentials',
      },
      'another application of the tenant': { azp: 'OTHER_CLIENT' },
    },
  },
  {
    name: 'Clerk',
    header: { cat: 'cl_B7d4PD111AAA' },
    claims: {
      sub: 'user_2aBcDeFgHiJkLmNoPqRsTuVwXyZ',
      azp: 'https://members.example',
      jti: '1f2e3d4c5b6a79880716',
      nbf: AUTH_TIME,
      email: 'ada@example.com',
    },
    refused: {
      'a session token, which has no audience': {
        aud: undefined,
        v: 2,
        sid: 'sess_2aBcDeFgHiJk',
        sts: 'active',
        fva: [7, -1],
      },
      'a token from another template': { aud: 'convex' },
      'a token of another application': { iss: 'https://other-app.clerk.accounts.dev' },
    },
  },
  {
    name: 'Supabase',
    claims: {
      sub: UUID,
      email: 'ada@example.com',
      phone: '',
      role: 'authenticated',
      aal: 'aal1',
      amr: [{ method: 'password', timestamp: AUTH_TIME }],
      session_id: '4b938a09-5372-4177-a314-cfa292099ea2',
      is_anonymous: false,
      app_metadata: { provider: 'email', providers: ['email'] },
      user_metadata: { email_verified: true },
    },
    refused: {
      'the anon key': { iss: 'supabase', sub: undefined, aud: undefined, role: 'anon' },
      'the service role key': {
        iss: 'supabase',
        sub: undefined,
        aud: undefined,
        role: 'service_role',
      },
      'a token for nobody signed in': { aud: 'anon', role: 'anon' },
      'a token of another project': { iss: 'https://OTHER.supabase.co/auth/v1' },
    },
    refusedByClaims: {
      'an anonymous sign-in': { email: '', is_anonymous: true, amr: [{ method: 'anonymous' }] },
      'a token that does not say whether it is one': { is_anonymous: undefined },
      'a role that the project made up': { role: 'service_role' },
    },
  },
  {
    name: 'Firebase',
    claims: {
      sub: 'yFYdGk3qL2TQn8Ww0cUeZb7sMtA2',
      user_id: 'yFYdGk3qL2TQn8Ww0cUeZb7sMtA2',
      auth_time: AUTH_TIME,
      name: 'Ada',
      email: 'ada@example.com',
      email_verified: true,
      firebase: { identities: { email: ['ada@example.com'] }, sign_in_provider: 'password' },
    },
    refused: {
      'a token of another project, signed with the same keys': {
        iss: 'https://securetoken.google.com/OTHER',
        aud: 'OTHER',
      },
      'another project’s audience': { aud: 'OTHER' },
      'a session cookie': { iss: 'https://session.firebase.google.com/PROJECT' },
      'a custom token': {
        iss: 'admin@PROJECT.iam.gserviceaccount.com',
        aud: 'https://identitytoolkit.googleapis.com/google.identity.identitytoolkit.v1.IdentityToolkit',
        uid: 'ada',
      },
    },
    refusedByClaims: {
      'an anonymous user': {
        provider_id: 'anonymous',
        name: undefined,
        email: undefined,
        email_verified: undefined,
        firebase: { identities: {}, sign_in_provider: 'anonymous' },
      },
      'an address nobody has verified': { email_verified: false },
    },
  },
  {
    name: 'better-auth',
    header: { typ: undefined },
    claims: {
      id: UUID,
      sub: UUID,
      name: 'Ada',
      email: 'ada@example.com',
      emailVerified: true,
      image: null,
      createdAt: '2026-01-01T00:00:00.000Z',
      updatedAt: '2026-01-01T00:00:00.000Z',
    },
    refused: {
      'a token without an audience of its own': { aud: 'https://login.members.example' },
      'a token of another site': { iss: 'https://OTHER.example' },
    },
  },
  {
    name: 'Cloudflare Access',
    claims: {
      aud: ['AUD_TAG'],
      sub: '7335d417-61da-459d-899c-0a01c76a2f94',
      email: 'ada@example.com',
      nbf: AUTH_TIME,
      type: 'app',
      identity_nonce: '6ei69kawdKzMIAPF',
      country: 'DE',
    },
    refused: {
      'a service token': {
        aud: 'AUD_TAG',
        sub: '',
        common_name: 'e367826f93b8d71185e03fe518aff3b4.access',
        email: undefined,
        identity_nonce: undefined,
      },
      'a token of another application': { aud: ['OTHER_TAG'] },
      'a token of another team': { iss: 'https://OTHER.cloudflareaccess.com' },
    },
    refusedByClaims: { 'the session of the whole team': { type: 'org' } },
  },
]

/** The settings that the page prints below the provider's heading. */
function printedFor(name: string): Printed {
  const [, json = ''] =
    new RegExp(`^### ${name}$[^#]*?^\`\`\`json\n(.*?)^\`\`\``, 'ms').exec(page) ?? []
  const [entry, ...others] = JSON.parse(json)
  expect(others).toEqual([])
  return entry
}

/** Each provider with keys of its own, of the kind that the page says it signs with. */
const CASES = await Promise.all(
  PROVIDERS.map(async (provider) => {
    const printed = printedFor(provider.name)
    const { issuer, audience, algorithms } = printed
    const [algorithm = 'RS256'] = algorithms
    const keys = await makeIssuer({ issuer, audience, algorithm, kid: provider.name })
    return { ...provider, printed, keys }
  }),
)

const { fetchSpy } = watchKeyServer()
beforeEach(() => {
  fetchSpy.mockImplementation(async (address) => {
    const provider = CASES.find(({ printed }) => printed.jwksUrl === address)
    return provider ? Response.json(provider.keys.jwks) : new Response(null, { status: 404 })
  })
})

/** The status and the kind of caller, or the refusal, on a site with these settings. */
async function answerTo(token: string, ...trusted: object[]) {
  const site = testSite({ TRUSTED_ISSUERS: JSON.stringify(trusted), BOOTSTRAP_ADMINS: '' })
  const { status, body } = await site.bearer(token).get('/v1/whoami')
  return { status, is: body.kind ?? body.code }
}

const MEMBER = { status: 200, is: 'member' }
const REFUSED = { status: 401, is: 'invalid_token' }

describe.each(CASES)(
  '$name',
  ({ printed, keys, header, claims, refused, refusedByClaims = {} }) => {
    const tokenWith = (members: Members = {}) => keys.sign({ ...claims, ...members }, header)

    test('a member’s token is taken with the settings on the page', async () => {
      expect(await answerTo(await tokenWith(), printed)).toEqual(MEMBER)
    })

    test('and refused with another algorithm, or signed by a provider beside it', async () => {
      const all = CASES.map((each) => each.printed)
      expect(await answerTo(await tokenWith(), ...all)).toEqual(MEMBER)
      for (const forged of await forgeries(keys, claims)) {
        expect(await answerTo(forged, ...all)).toEqual(REFUSED)
      }
    })

    const cases = Object.entries(refused)
    test.each(cases)('not taken: %s', async (_, members) => {
      expect(await answerTo(await tokenWith(members), printed)).toEqual(REFUSED)
    })

    const byClaims = Object.entries(refusedByClaims)
    test.runIf(byClaims.length > 0).each(byClaims)(
      'kept out by the claims: %s',
      async (_, members) => {
        const token = await tokenWith(members)
        expect(await answerTo(token, printed)).toEqual(REFUSED)
        const { claims: __, ...lax } = printed
        expect(await answerTo(token, lax)).toEqual(MEMBER)
      },
    )
  },
)

/**
 * Tokens with the member's claims, signed with a known secret, by another provider in the name of the
 * member's, or not at all.
 */
async function forgeries(keys: TestIssuer, claims: Members): Promise<string[]> {
  const payload = JSON.stringify(keys.claims(claims))
  const secret = new TextEncoder().encode(JSON.stringify(keys.jwks.keys[0]))
  const shared = JSON.stringify(keys.header({ alg: 'HS256' }))
  const unsigned = JSON.stringify(keys.header({ alg: 'none' }))
  const others = CASES.filter((each) => each.keys !== keys)
  return [
    await rawToken(shared, payload, hmacSigner(256, secret)),
    await rawToken(unsigned, payload, async () => new Uint8Array()),
    ...(await Promise.all(
      others.map((other) => other.keys.sign(keys.claims(claims), { kid: keys.kid })),
    )),
  ]
}

describe('better-auth itself', () => {
  const printed = printedFor('better-auth')
  const serve = (auth: BetterAuth) =>
    fetchSpy.mockImplementation(async (address) => auth.handler(new Request(address)))

  test('has keys and tokens that the settings on the page take, and people who are followed', async () => {
    const { auth, ada } = await betterAuthOf(printed.issuer, {})
    serve(auth)
    const site = testSite({ TRUSTED_ISSUERS: JSON.stringify([printed]), BOOTSTRAP_ADMINS: '' })
    const profile = async () => {
      const { body } = await site.bearer(await ada.token()).get('/v1/me')
      return { name: body.displayName, email: body.email }
    }
    expect(await profile()).toEqual({ name: 'Ada', email: null })
    await ada.confirmAddress()
    await profile()
    expect(await profile()).toEqual({ name: 'Ada', email: 'ada@example.com' })
  })

  test.each([{ alg: 'EdDSA', crv: 'Ed25519' }, { alg: 'ES256' }, { alg: 'RS256' }] as const)(
    'is taken with keys of its choice: %o',
    async (keyPairConfig) => {
      const { auth, ada } = await betterAuthOf(printed.issuer, { jwks: { keyPairConfig } })
      serve(auth)
      const algorithms = [keyPairConfig.alg]
      expect(await answerTo(await ada.token(), { ...printed, algorithms })).toEqual(MEMBER)
    },
  )

  test('makes no members of what it signs for others, or anonymously', async () => {
    const { auth, ada, anonymous } = await betterAuthOf(printed.issuer, {})
    serve(auth)
    const strict = { ...printed, claims: { isAnonymous: false } }
    expect(await answerTo(await ada.token(), strict)).toEqual(MEMBER)
    expect(await answerTo(await anonymous.token(), strict)).toEqual(REFUSED)
    const elsewhere = { ...printed, audience: 'elsewhere' }
    expect(await answerTo(await ada.token(), elsewhere)).toEqual(REFUSED)
  })
})

test('every provider that the page has a section for is tried', () => {
  const [, own = ''] = /^## Your own provider$(.*?)^## /ms.exec(page) ?? []
  const sections = [...own.matchAll(/^### (.+)$/gm)].map(([, name]) => name)
  expect(sections).toEqual(PROVIDERS.map(({ name }) => name))
})
