/** The client with tokens of the built-in login, as a page of the site has them. */
import { beforeAll, describe, expect, test } from 'vitest'
import { createClient, GuildhallError, loginToken } from '../../src/client/index.ts'
import { signUp } from './support/login.ts'
import { serverForFile } from './support/site.ts'

const server = serverForFile()
let Cookie = ''
beforeAll(async () => {
  Cookie = await signUp(server(), 'ada@example.com', 'a long enough passphrase')
})

const signedIn = () => ({ Cookie, Origin: server().url })

describe('a client that asks the login for its token', () => {
  test('is whoever is signed in', async () => {
    const { url: baseUrl } = server()
    const getToken = loginToken(baseUrl, { headers: signedIn() })
    const { v1 } = createClient({ baseUrl, getToken })
    expect(await v1.whoami.$get()).toMatchObject({
      kind: 'member',
      credential: { type: 'jwt', issuer: 'built-in' },
    })
    expect((await v1.me.$get()).email).toBe('ada@example.com')
  })

  test('asks once for many calls, and again when the token is refused', async () => {
    const { url: baseUrl } = server()
    let asked = 0
    const getToken = loginToken(baseUrl, {
      headers: signedIn(),
      fetch: async (url, init) => {
        asked += 1
        const answer = await fetch(url, init)
        return asked === 1 ? Response.json({ token: 'a.b.c' }) : answer
      },
    })
    const { v1 } = createClient({ baseUrl, getToken })
    const kinds = await Promise.all([v1.whoami.$get(), v1.whoami.$get(), v1.whoami.$get()])
    expect([kinds.map(({ kind }) => kind), asked]).toEqual([['member', 'member', 'member'], 2])
  })

  test('fails with what the login says if nobody is signed in, or nobody is there', async () => {
    const { url: baseUrl } = server()
    const nobody = createClient({
      baseUrl,
      getToken: loginToken(baseUrl, { headers: { Origin: baseUrl } }),
    })
    const refused = await nobody.v1.whoami.$get().catch((error: unknown) => error)
    expect(refused).toBeInstanceOf(GuildhallError)
    expect(refused).toMatchObject({
      code: 'unexpected_answer',
      status: 401,
      body: { error: 'Nobody is signed in.' },
    })
    const away = loginToken(baseUrl, { fetch: () => Promise.reject(new Error('no network')) })
    await expect(away()).rejects.toMatchObject({ code: 'network_failure' })
  })
})
