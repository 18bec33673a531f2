/** The typed client must accept some calls and refuse others; the compiler alone checks it. */
import {
  type CallOptions,
  createClient,
  GuildhallError,
  type Routes,
} from '../../src/client/index.ts'

const client = createClient({ baseUrl: 'https://members.example', token: 'token' })
const { users, me, badges } = client.v1

export async function reads(): Promise<string | null> {
  const { displayName } = await users[':userId'].$get({ param: { userId: 'usr_…' } })
  const { email } = await users[':userId'].$get({
    param: { userId: displayName },
    query: { view: 'full' },
  })
  return email
}

type Profile = Routes['/v1/me']['$get']['output']

export async function writes({ signal }: CallOptions): Promise<undefined> {
  const before: Profile = await me.$get({ signal })
  const { revision } = await me.$patch({
    json: { displayName: before.displayName, address: { city: 'London' } },
  })
  await me.$patch({ json: { bio: null }, ifMatch: revision, signal })
  await me.visits.$post()
  return badges[':badgeId'].$delete({ param: { badgeId: 'bdg_…' } })
}

export async function lists(): Promise<string[]> {
  const titles: string[] = []
  for await (const { title } of client.all(badges.$get)) titles.push(title)
  const some = client.all(users.$get, { query: { q: 'Ad', limit: 10 } })
  for await (const { displayName } of some) titles.push(displayName)
  return titles
}

export function explains(error: unknown): string | number | undefined {
  if (!(error instanceof GuildhallError)) throw error
  switch (error.code) {
    case 'forbidden':
      return `${error.stage} ${error.required} ${error.reach satisfies 'own' | 'any'}`
    case 'validation_failed':
      return error.errors[0]?.path
    case 'rate_limited':
    case 'unavailable':
      return error.retryAfter
    case 'not_found':
      return error.status satisfies 404
    case 'unexpected_answer':
      return error.status satisfies number
    case 'network_failure':
      return error.status
    default:
      return error.title
  }
}

export async function refuses(error: GuildhallError): Promise<void> {
  // @ts-expect-error: nobody writes their own roles
  await me.$patch({ json: { roles: ['admin'] } })
  // @ts-expect-error: there is no such route
  await client.v1.nothing.$get()
  // @ts-expect-error: a path parameter is missing
  await users[':userId'].$get({})
  // @ts-expect-error: a body is missing
  await me.$patch()
  const shown = await users[':userId'].$get({ param: { userId: 'usr_…' } })
  // @ts-expect-error: the public view has no private fields
  if (shown.email) throw error
  // @ts-expect-error: one member is not a list
  client.all(me.$get)
  // @ts-expect-error: a list of somebody takes their id
  client.all(users[':userId'].badges.$get)
  // @ts-expect-error: a client takes one credential, not two
  createClient({ baseUrl: 'https://members.example', token: 'token', apiKey: 'guild_…' })
  // @ts-expect-error: there is no such code
  if (error.code === 'nonsense') throw error
  // @ts-expect-error: not every error was a refusal that names a permission
  throw new Error(error.required)
}
