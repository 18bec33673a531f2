#!/bin/sh
# Versions: oidc-provider 9.13.3, jose 6.2.17, Node 24.21.0.
# Guess: whoever signs in with the scopes openid, profile and email can be told who they are at userinfo, by the
#   access token that came with it; the ID token says no more than the subject, as the provider's default has it.
# Seen: so it is without an API. With one (a resource indicator, so that the access token is a JWT with an audience)
#   it is the other way round: userinfo refuses the token with 401, openid scope or not, and the ID token has the name.
# Cost: an API that trusts such tokens asks userinfo in vain, and makes members without a name and an address.
# So: send the ID token as well (POST /v1/me/id-token).
set -eu
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
npm install --prefix "$dir" --silent --ignore-scripts oidc-provider@9.13.3 jose@6.2.17
cat > "$dir/finding.mjs" <<'JS'
import { createHash, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { createServer } from 'node:http'
import { decodeJwt, exportJWK, generateKeyPair } from 'jose'
import { Provider } from 'oidc-provider'

console.warn = console.info = () => {}
const API = 'https://members.example'
const BACK = 'https://front-end.example/back'

async function provider() {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const issuer = `http://127.0.0.1:${server.address().port}`
  const { privateKey } = await generateKeyPair('ES256', { extractable: true })
  const op = new Provider(issuer, {
    jwks: { keys: [{ ...(await exportJWK(privateKey)), use: 'sig', alg: 'ES256' }] },
    cookies: { keys: ['of this finding'] },
    clients: [{ client_id: 'front-end', redirect_uris: [BACK], token_endpoint_auth_method: 'none', id_token_signed_response_alg: 'ES256' }],
    findAccount: (_, accountId) => ({ accountId, claims: () => ({ sub: accountId, name: 'Ada', email: 'ada@example.com' }) }),
    claims: { openid: ['sub'], profile: ['name'], email: ['email'] },
    features: {
      resourceIndicators: {
        enabled: true,
        useGrantedResource: () => true,
        getResourceServerInfo: () => ({ scope: 'members', audience: 'api', accessTokenFormat: 'jwt', jwt: { sign: { alg: 'ES256' } } }),
      },
    },
  })
  server.on('request', op.callback())
  return { issuer, stop: () => (server.closeAllConnections(), server.close()) }
}

/** Follows redirects and keeps cookies, as a browser would. */
function browser() {
  const cookies = new Map()
  return async (address, form) => {
    let [url, body] = [address, form && new URLSearchParams(form)]
    while (!url.startsWith(BACK)) {
      const Cookie = [...cookies].map((pair) => pair.join('=')).join('; ')
      const answer = await fetch(url, { redirect: 'manual', headers: { Cookie }, ...(body && { method: 'POST', body }) })
      for (const cookie of answer.headers.getSetCookie()) cookies.set(...cookie.split(';')[0].split(/=(.*)/s, 2))
      const next = answer.headers.get('Location')
      if (!next) return url
      ;[url, body] = [new URL(next, url).href, undefined]
    }
    return url
  }
}

async function signIn(issuer, api) {
  const verifier = randomBytes(32).toString('base64url')
  const visit = browser()
  const login = await visit(`${issuer}/auth?${new URLSearchParams({
    client_id: 'front-end', response_type: 'code', redirect_uri: BACK, scope: 'openid profile email', ...api,
    code_challenge: createHash('sha256').update(verifier).digest('base64url'), code_challenge_method: 'S256',
  })}`)
  const consent = await visit(login, { prompt: 'login', login: 'ada', password: 'any' })
  const done = new URL(await visit(consent, { prompt: 'consent' }))
  const tokens = await fetch(`${issuer}/token`, {
    method: 'POST',
    body: new URLSearchParams({
      grant_type: 'authorization_code', client_id: 'front-end', redirect_uri: BACK, ...api,
      code: done.searchParams.get('code'), code_verifier: verifier,
    }),
  })
  return tokens.json()
}

for (const [what, api] of [
  ['no API', {}],
  ['an API', { resource: API }],
]) {
  const { issuer, stop } = await provider()
  const { id_token: idToken, access_token: accessToken } = await signIn(issuer, api)
  const userinfo = await fetch(`${issuer}/me`, { headers: { Authorization: `Bearer ${accessToken}` } })
  console.log(`${what}: userinfo ${userinfo.status}, name in the ID token: ${decodeJwt(idToken).name ?? 'none'}`)
  stop()
}
JS
node "$dir/finding.mjs" > "$dir/seen"
diff - "$dir/seen" <<'SEEN'
no API: userinfo 200, name in the ID token: none
an API: userinfo 401, name in the ID token: Ada
SEEN
echo 'oidc-provider-userinfo: as it was seen'
