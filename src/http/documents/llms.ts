/** `/llms.txt`: the API in a page, for language models. The operations are read from the declarations. */
import { documentedPath, type Route } from '../route.ts'

/** @param origin where this site is served */
export function llmsTxt(routes: readonly Route[], origin: string): string {
  return `# Guildhall

> A members API at ${origin}: profiles, roles, badges, visits and bookings of one site. JSON over HTTPS.

## Documents

- [OpenAPI 3.1](${origin}/openapi.json): every operation with its schemas; the authority when in doubt
- [Problem codes](${origin}/problems): what each error code means and how to fix the call
- [Reference](${origin}/docs): the same document for people, to try in a browser
- [Who may do what](${origin}/v1/permissions): every route by every kind of caller, as data

## Authentication

- Send exactly one credential: \`Authorization: Bearer <JWT or API key>\`, or \`X-API-Key: <API key>\`.
- API keys look like \`guild_…\`. An admin of the site issues them with scopes, which are permissions.
- A credential that is sent but not valid is 401 on every route, open ones too.
- \`GET ${origin}/v1/whoami\` says who a credential is and what it may do.

## Conventions

- Bodies are \`application/json\`, at most 64 KiB; unknown fields and query parameters are refused. PATCH merges the given fields.
- Errors are \`application/problem+json\`: decide by \`code\`, show \`detail\`, report \`requestId\`. On 403 \`required\` names the permission that is missing; on 422 \`errors\` lists the fields.
- Lists answer \`{ "items": [], "nextCursor": "…" | null }\`; pass \`?cursor=\` or follow \`Link: rel="next"\`. \`?limit=\` is 1 to 100.
- Send an \`Idempotency-Key\` with a POST that creates; repeating it within 24 hours gives the same answer once more.
- Send the \`ETag\` as \`If-Match\` so that a PATCH or DELETE cannot overwrite a change (412), and as \`If-None-Match\` to be told by 304 that what you have read is still so.
- Send the last \`X-D1-Bookmark\` back to read your own writes.
- On 429 and 503 wait for \`Retry-After\` seconds. \`RateLimit\` says what is left.
- Times are RFC 3339 in UTC, days \`YYYY-MM-DD\` in the time zone of the site. Ids are opaque.

## Operations

${routes.map(line).join('\n')}
`
}

function line({ method, path, summary, access, deprecated }: Route): string {
  const notes = [...(deprecated ? ['deprecated'] : []), accessOf(access)]
  return `- ${method} ${documentedPath(path)}: ${summary} (${notes.join('; ')})`
}

function accessOf(access: Route['access']): string {
  if ('may' in access) {
    const { may, takesFrom, filters = {}, more } = access
    const asked = [
      ...Object.entries(filters).map(([name, filter]) => `with ${name} ${filter.may}`),
      ...(more ? [`with ${more.query.join('=')} ${more.may}`] : []),
    ]
    const taken = takesFrom ? `${may}, and the rights of ${takesFrom}` : may
    return [`takes ${taken}`, ...asked].join(', ')
  }
  const { unless } = access
  return unless ? `open; with ${unless.query.join('=')} takes ${unless.may}` : 'open'
}
