import { describe, expect, it } from 'vitest'
import { furnish } from '../support/every-route.ts'
import { differenceOf, faultsOf, fitsIntoHeader, harmOf, STRINGS } from '../support/naughty.ts'
import { ISSUER, type Member, testSite } from '../support/site.ts'

type Fields = Readonly<Record<string, unknown>>
type Sent = Readonly<Record<string, string>>
type BodyOf = (text: string, refused: ReadonlySet<string>) => Fields

const PROFILE_FIELDS = ['displayName', 'bio', 'avatarUrl', 'phone']
const ADDRESS_FIELDS = ['line1', 'line2', 'city', 'region', 'postalCode', 'country']
const BADGE_FIELDS = ['slug', 'title', 'description', 'backgroundColor', 'textColor', 'iconUrl']

/** `text` in every field but those that were refused. */
const profile: BodyOf = (text, refused) => {
  const address = fields(ADDRESS_FIELDS, text, refused, 'address.')
  const isEmpty = Object.keys(address).length === 0
  return { ...fields(PROFILE_FIELDS, text, refused), ...(!isEmpty && { address }) }
}
const badge: BodyOf = (text, refused) => fields(BADGE_FIELDS, text, refused)

function fields(
  names: readonly string[],
  text: string,
  refused: ReadonlySet<string>,
  prefix = '',
): Fields {
  const taken = names.filter((name) => !refused.has(prefix + name))
  return Object.fromEntries(taken.map((name) => [name, text]))
}

/** Sends all fields, then those that were not refused, and compares what is stored. */
function storing(member: Member, path: string, bodyOf: BodyOf) {
  return async (text: string): Promise<string[]> => {
    const first = await member.patch(path, bodyOf(text, new Set()))
    if (first.status === 413) return []
    const errors: { path: string }[] = first.body.errors ?? []
    const refused = new Set(errors.map((error) => error.path))
    const rest = bodyOf(text, refused)
    if (Object.keys(rest).length === 0) return harmOf(first)
    const second = refused.size === 0 ? first : await member.patch(path, rest)
    if (second.status !== 200) return [`${second.status} for ${Object.keys(rest).join()}`]
    // The answer to a PATCH is read from the database after the write.
    return differenceOf(second.body, bodyOf(text.normalize('NFC'), refused))
  }
}

/** Strings below a length; longer ones would be refused for that alone, by the runtime or by us. */
function strings(maxLength: number): string[] {
  return STRINGS.filter(({ length }) => length < maxLength)
}

describe('every naughty string is stored exactly (in NFC) or refused', () => {
  it('in every field of a profile', async () => {
    const ada = await testSite().member('ada')
    expect(await faultsOf(STRINGS, storing(ada, '/v1/me', profile))).toEqual([])
  })

  it('in every field of a badge', async () => {
    const { root, badgeId } = await furnish(testSite())
    expect(await faultsOf(STRINGS, storing(root, `/v1/badges/${badgeId}`, badge))).toEqual([])
  })

  it('as the name and address that an issuer vouches for', async () => {
    const site = testSite()
    const faults = await faultsOf(strings(2000), async (text, index) => {
      const claims = { sub: `subject ${index}`, name: text, email: text }
      const { status, body } = await site.bearer(await ISSUER.sign(claims)).get('/v1/me')
      const email = /^[^\p{Cc}\p{Cs}]{1,255}$/u.test(text) ? text : null
      const isClean = /^[^\p{Cc}\p{Cs}]{1,80}$/u.test(body.displayName)
      return [
        ...(status === 200 ? [] : [`answered ${status}`]),
        ...(isClean ? [] : [`is called ${JSON.stringify(body.displayName)}`]),
        ...differenceOf(body, { email }),
      ]
    })
    expect(faults).toEqual([])
  })
})

describe('no naughty string does any harm', () => {
  it('in the query of a list, and none finds what it should not', async () => {
    const { root } = await furnish(testSite())
    const names = ['limit', 'cursor', 'actor', 'action', 'target', 'since', 'until']
    const faults = await faultsOf(strings(10_000), async (text) => {
      const value = encodeURIComponent(text.toWellFormed())
      const query = names.map((name) => `${name}=${value}`).join('&')
      const found = await root.get(`/v1/users?q=${value}`)
      return [
        ...harmOf(await root.get(`/v1/audit?${query}`)),
        ...harmOf(found),
        ...(found.body.items ?? []).map(
          ({ displayName }: Fields) => `found ${String(displayName)}`,
        ),
      ]
    })
    expect(faults).toEqual([])
  })

  it('in any place of any path', async () => {
    const site = testSite()
    const { root, calls } = await furnish(site)
    const templates = calls.map(({ path }) => path.split('/'))
    const faults = await faultsOf(strings(10_000), async (text, index) => {
      const part = encodeURIComponent(text.toWellFormed())
      const parts = templates[index % templates.length] ?? []
      const place = 2 + (index % Math.max(1, parts.length - 2))
      return [
        ...harmOf(await root.get(parts.with(Math.min(place, parts.length - 1), part).join('/'))),
        ...harmOf(await site.anonymous.get(`/v1/users/${part}`)),
        ...harmOf(await site.anonymous.get(`/problems/${part}`)),
        ...harmOf(await site.anonymous.get(`/${part}`)),
      ]
    })
    expect(faults).toEqual([])
  })

  it('in any header, and none is a credential', async () => {
    const site = testSite()
    const ada = await site.member('ada')
    const patch = (headers: Sent) => ada.patch('/v1/me', { bio: 'x' }, { headers })
    const visit = (headers: Sent) => ada.post('/v1/me/visits', {}, { headers })
    const names = ['If-Match', 'Idempotency-Key', 'X-D1-Bookmark', 'Origin', 'Request-Id']
    const faults = await faultsOf(strings(10_000).filter(fitsIntoHeader), async (text, index) => {
      const headers = Object.fromEntries(names.map((name) => [name, text]))
      const asCredential = async (name: string) => {
        const { status } = await site.anonymous.get('/v1/badges', { headers: { [name]: text } })
        return [400, 401].includes(status) ? [] : [`${name} answered ${status}`]
      }
      return [
        ...harmOf(await (index % 2 === 0 ? patch(headers) : visit(headers))),
        ...harmOf(await site.anonymous.get('/v1/whoami', { headers: { Accept: text } })),
        ...(await asCredential('Authorization')),
        ...(await asCredential('X-API-Key')),
      ]
    })
    expect(faults).toEqual([])
  })
})
