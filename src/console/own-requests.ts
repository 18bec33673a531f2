/**
 * Whether a page of this site made the request. The API decides that for itself and again: here it says
 * so in words before anything else is done.
 */

/** A form: by `Origin` and `Sec-Fetch-Site`, of which at least one is there and none says otherwise. */
export function isOwnForm(headers: Headers, publicUrl: string): boolean {
  const [origin, site] = [headers.get('Origin'), headers.get('Sec-Fetch-Site')]
  if (origin === null && site === null) return false
  return (origin ?? publicUrl) === publicUrl && (site ?? 'same-origin') === 'same-origin'
}

/** A navigation: browsers that say where it began say it of all, and what says nothing is no browser. */
export function isOwnNavigation(headers: Headers): boolean {
  return (headers.get('Sec-Fetch-Site') ?? 'same-origin') === 'same-origin'
}
