/** better-auth as the identity provider of another site, and two people who are signed in to it. */
import { betterAuth } from 'better-auth/minimal'
import { memoryAdapter } from 'better-auth/adapters/memory'
import { anonymous } from 'better-auth/plugins/anonymous'
import { jwt, type JwtOptions } from 'better-auth/plugins/jwt'

export type BetterAuth = Awaited<ReturnType<typeof betterAuthOf>>['auth']

const ADA = { name: 'Ada', email: 'ada@example.com', password: 'violet kettle drums' }

/** @param options of its `jwt` plugin, besides the audience */
export async function betterAuthOf(issuer: string, options: Pick<JwtOptions, 'jwks'>) {
  const auth = betterAuth({
    baseURL: issuer,
    secret: 'a secret that is long enough for this test',
    database: memoryAdapter({ user: [], session: [], account: [], verification: [], jwks: [] }),
    emailAndPassword: {
      enabled: true,
      // Hashing is none of what is tried here.
      password: { hash: async (password) => password, verify: async () => true },
    },
    rateLimit: { enabled: false },
    telemetry: { enabled: false },
    plugins: [jwt({ ...options, jwt: { audience: 'guildhall' } }), anonymous()],
  })

  async function signedIn(path: string, body: object) {
    const headers = { 'Content-Type': 'application/json', Origin: issuer }
    const init = { method: 'POST', headers, body: JSON.stringify(body) }
    const response = await auth.handler(new Request(`${issuer}/api/auth${path}`, init))
    if (!response.ok) throw new Error(await response.text())
    const cookie = response.headers.getSetCookie().map((each) => each.replace(/;.*/, ''))
    return {
      /** A new token of theirs. */
      async token(): Promise<string> {
        const asked = { headers: { Cookie: cookie.join('; ') } }
        const answer = await auth.handler(new Request(`${issuer}/api/auth/token`, asked))
        const { token }: { token: string } = JSON.parse(await answer.text())
        return token
      },
      async confirmAddress(): Promise<void> {
        const { internalAdapter } = await auth.$context
        await internalAdapter.updateUserByEmail(ADA.email, { emailVerified: true })
      },
    }
  }

  return {
    auth,
    ada: await signedIn('/sign-up/email', ADA),
    anonymous: await signedIn('/sign-in/anonymous', {}),
  }
}
