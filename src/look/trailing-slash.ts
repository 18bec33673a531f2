/** The path that a page has, for one with slashes behind it; undefined for one that has none. */
export function withoutSlash(pathname: string): string | undefined {
  if (pathname === '/' || !pathname.endsWith('/')) return undefined
  return pathname.replace(/\/+$/, '') || '/'
}
