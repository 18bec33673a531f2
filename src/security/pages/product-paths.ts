/** Where the product itself answers on the hostname that it shares with the pages of a site. */

/**
 * Each with everything below it. No page rule applies to them and no origin is asked for them, whether
 * something answers there or not; a test compares the list with the running app.
 */
export const PRODUCT_PATHS = [
  '/v1',
  '/auth',
  '/console',
  '/account',
  '/docs',
  '/problems',
  '/openapi.json',
  '/llms.txt',
  '/healthz',
  '/.well-known/jwks.json',
  '/.well-known/pages-jwks.json',
  '/.well-known/security.txt',
] as const

/** By whole segments, in any case: what looks like the product is not for others to serve. */
export function isProductPath(path: string): boolean {
  const folded = `${path.toLowerCase()}/`
  return PRODUCT_PATHS.some((each) => folded.startsWith(`${each}/`))
}
