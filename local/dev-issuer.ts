/**
 * An identity provider for this machine alone: its key is made once per state directory, and only
 * the local runner tells the Worker to trust it.
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { exportJWK, generateKeyPair, importJWK, type JWK, type JWTPayload, SignJWT } from 'jose'
import { SECRETS } from './state.ts'

export const DEV_ISSUER = 'https://dev.guildhall.invalid'
const DEV_AUDIENCE = 'guildhall'
/** The subject that every local site has as its bootstrap admin. */
export const DEV_ROOT = 'root'

/** The entry for TRUSTED_ISSUERS, with the public key inline. */
export async function trustedIssuer(stateDir: string) {
  const { kty, crv, x, y, kid, alg, use } = await signingKey(stateDir)
  const jwks = { keys: [{ kty, crv, x, y, kid, alg, use }] }
  return { issuer: DEV_ISSUER, audience: DEV_AUDIENCE, jwks, algorithms: ['ES256'] }
}

/** A token as an identity provider would issue it; `lifetime` in seconds. */
export async function sign(
  stateDir: string,
  subject: string,
  claims: JWTPayload,
  lifetime: number,
): Promise<string> {
  const jwk = await signingKey(stateDir)
  const now = Math.floor(Date.now() / 1000)
  return new SignJWT(claims)
    .setProtectedHeader({ alg: 'ES256', typ: 'JWT', ...(jwk.kid && { kid: jwk.kid }) })
    .setIssuer(DEV_ISSUER)
    .setAudience(DEV_AUDIENCE)
    .setSubject(subject)
    .setIssuedAt(now)
    .setExpirationTime(now + lifetime)
    .sign(await importJWK(jwk, 'ES256'))
}

async function signingKey(stateDir: string): Promise<JWK> {
  const file = join(stateDir, SECRETS.devIssuer)
  try {
    return JSON.parse(readFileSync(file, 'utf8'))
  } catch (error) {
    if (!hasCode(error, 'ENOENT')) throw error
  }
  const { privateKey } = await generateKeyPair('ES256', { extractable: true })
  const jwk = {
    ...(await exportJWK(privateKey)),
    kid: crypto.randomUUID(),
    alg: 'ES256',
    use: 'sig',
  }
  try {
    writeFileSync(file, `${JSON.stringify(jwk)}\n`, { mode: 0o600, flag: 'wx' })
    return jwk
  } catch (error) {
    // Another process was first; its key is the one.
    if (!hasCode(error, 'EEXIST')) throw error
    return JSON.parse(readFileSync(file, 'utf8'))
  }
}

function hasCode(error: unknown, code: string): boolean {
  return error instanceof Error && 'code' in error && error.code === code
}
