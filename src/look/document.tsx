/** A whole page: its head, its policy, and one of two shapes around its content. */
import { raw } from 'hono/html'
import type { Child } from 'hono/jsx'
import type { LookSettings } from '../settings/look.ts'
import { initialOf } from './initials.ts'
import { colourRules } from './parts.tsx'
import { SiteZone } from './site.ts'

/** Where the login's site serves what `assets.ts` has; every page with people on it needs the login. */
export const STYLE_PATH = '/auth/style.css'
export const SCRIPT_PATH = '/auth/look.js'

export interface Frame {
  readonly look: LookSettings
  readonly zone: string
  /** Of this answer alone; undefined where the policy names the files instead. */
  readonly nonce: string | undefined
  /** Changes with the style sheet and the script. */
  readonly edition: string
}

export interface Content {
  readonly title: string
  readonly body: Child
  /** Scripts of the page's own, beside the one of all pages. */
  readonly scripts?: readonly string[]
}

/** The page as text. */
export async function documentOf(frame: Frame, { title, body, scripts = [] }: Content) {
  const { look, zone, nonce, edition } = frame
  const content = await partOf(zone, body)
  const colours = colourRules(content)
  const page = (
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta name="robots" content="noindex" />
        <title>{title === look.name ? title : `${title} · ${look.name}`}</title>
        {look.logoUrl ? (
          <link rel="icon" href={look.logoUrl} referrerpolicy="no-referrer" />
        ) : (
          <link rel="icon" href="/auth/icon.svg" />
        )}
        <link rel="stylesheet" href={`${STYLE_PATH}?${edition}`} />
        {colours && <style nonce={nonce}>{raw(colours)}</style>}
        <script type="module" src={`${SCRIPT_PATH}?${edition}`} nonce={nonce}></script>
        {scripts.map((src) => (
          <script type="module" src={src} nonce={nonce}></script>
        ))}
      </head>
      <body>
        <a class="skip" href="#main">
          Skip to content
        </a>
        {raw(content)}
      </body>
    </html>
  )
  return `<!doctype html>${String(await rendered(page))}`
}

/** A part of a page as text. @param zone of the site */
export async function partOf(zone: string, body: Child): Promise<string> {
  return String(await rendered(<SiteZone.Provider value={zone}>{body}</SiteZone.Provider>))
}

/** What is rendered may wait for something, of which its type says nothing. */
async function rendered(element: unknown): Promise<unknown> {
  return element
}

/**
 * The policy of a page: nothing inline without the nonce, nothing from elsewhere but images.
 * @param formAction where forms may lead besides this site, as to a provider
 */
export function policyOf(nonce: string, formAction = "'self'"): string {
  return [
    "default-src 'none'",
    `script-src 'nonce-${nonce}'`,
    `style-src 'self' 'nonce-${nonce}'`,
    "img-src 'self' https:",
    "connect-src 'self'",
    `form-action ${formAction}`,
    "base-uri 'none'",
    "frame-ancestors 'none'",
  ].join('; ')
}

/** The name of the site with its logo, which lead to its home page. */
export const Brand = ({ look }: { readonly look: LookSettings }) => (
  <a class="brand" href={look.homeUrl}>
    {look.logoUrl ? (
      <img src={look.logoUrl} alt="" referrerpolicy="no-referrer" />
    ) : (
      <span class="mark" aria-hidden="true">
        {initialOf(look.name)}
      </span>
    )}
    <span>{look.name}</span>
  </a>
)

/** A page with one thing on it, such as signing in. */
export const Sheet = ({
  look,
  title,
  wide = false,
  landing = false,
  children,
}: {
  readonly look: LookSettings
  readonly title: string
  readonly wide?: boolean
  /** Whether it is the first that somebody sees of a site. */
  readonly landing?: boolean
  readonly children?: Child
}) => (
  <main id="main" class={landing ? 'sheet landing' : wide ? 'sheet wide' : 'sheet'}>
    <Brand look={look} />
    <h1>{title}</h1>
    {children}
  </main>
)
