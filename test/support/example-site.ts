/** A site with the things that the examples in the OpenAPI document are about, as `npm run seed` makes it. */
import { env } from 'cloudflare:workers'
import { EXAMPLE_DELIVERY, EXAMPLE_WEBHOOK, exampleThings } from '../../local/example-things.ts'
import { EXAMPLE_TOKEN } from '../../src/api/schemas.ts'
import type { Operation, Parameter } from './openapi.ts'
import { ISSUER, type Site, testSite } from './site.ts'

const CLIENT_ID = 'page'

export async function exampleSite() {
  const { issuer, audience, jwks } = ISSUER
  const site = testSite({
    SECURITY_CONTACT: 'mailto:security@members.example',
    TRUSTED_ISSUERS: JSON.stringify([{ issuer, audience, jwks, clientIds: [CLIENT_ID] }]),
  })
  const root = await site.root()
  const things = exampleThings(root.userId, new Date().toISOString())
  await env.DB.batch(things.map(({ sql, values }) => env.DB.prepare(sql).bind(...values)))
  const sender = env.WEBHOOKS.getByName(EXAMPLE_WEBHOOK)
  await sender.ping(EXAMPLE_WEBHOOK, EXAMPLE_DELIVERY, new Date().toISOString())
  return { site, root }
}

/** What the document gives as an example of a parameter. */
export function exampleIn({ example, schema }: Parameter): unknown {
  const { examples } = schema as { readonly examples?: readonly unknown[] }
  return example ?? examples?.[0] ?? schema.default ?? schema.enum?.[0]
}

/** What has no example, because it is good for the list alone that it came from. */
export const WITHOUT_EXAMPLE = new Set(['cursor'])

/** @param isWhole with the parameters that can be left out, too */
export function examplePath({ path, parameters }: Operation, isWhole = false): string {
  const query = new URLSearchParams()
  let filled = path
  const sent = parameters.filter(
    ({ name, required }) => (isWhole && !WITHOUT_EXAMPLE.has(name)) || required,
  )
  for (const parameter of sent) {
    const { name } = parameter
    const value = String(exampleIn(parameter))
    if (parameter.in === 'path') filled = filled.replace(`{${name}}`, encodeURIComponent(value))
    if (parameter.in === 'query') query.set(name, value)
  }
  return query.size > 0 ? `${filled}?${query.toString()}` : filled
}

/** A body with good tokens: one cannot be written down, for it is signed and ends. */
export async function withTokens(body: unknown, site: Site): Promise<unknown> {
  const text = JSON.stringify(body)
  if (!text.includes(EXAMPLE_TOKEN)) return body
  return JSON.parse(text.replace(EXAMPLE_TOKEN, await tokenFor(text, site)))
}

async function tokenFor(body: string, site: Site): Promise<string> {
  if (body.includes('visitorToken')) return (await site.visitor()).token
  if (body.includes('idToken')) return ISSUER.sign({ sub: 'root', aud: CLIENT_ID })
  return ISSUER.sign({ sub: 'another' })
}
