/** What is around every page of the console, and how a page becomes an answer. */
import type { Child } from 'hono/jsx'
import { AccountFrame, accountSectionOf } from '../look/account-frame.tsx'
import { editionOf } from '../look/assets.ts'
import { Brand, documentOf, partOf, policyOf, Sheet } from '../look/document.tsx'
import { Icon } from '../look/icon.tsx'
import { Head } from '../look/parts.tsx'
import { IsUnknown } from '../look/site.ts'
import type { LookSettings } from '../settings/look.ts'
import type { NotedCall } from './api.ts'
import { ByApi } from './by-api.tsx'
import type { ConsoleContext, Whoami } from './context.ts'
import { flashOf } from './flash.ts'
import { Refusal, statusOf } from './refusal.tsx'
import { isVisible, SECTIONS } from './sections.tsx'

export interface Page {
  readonly title: string
  readonly body: Child
  readonly status?: number
  /** Calls that actions of the page make, besides those by which it was made. */
  readonly actions?: readonly NotedCall[]
  /** Besides those of every page; of what is said in the place of one. */
  readonly headers?: Readonly<Record<string, string>>
}

/** The page for whoever is signed in, with the parts of the console that they may use. */
export async function show(c: ConsoleContext, page: Page): Promise<Response> {
  const { look, publicUrl, hasConsole } = c.env.request
  const me = await c.var.me
  const flash = flashOf(c.req.query('done'))
  const { refused } = c.var
  const status = page.status ?? (refused && statusOf(refused))
  const content = (
    <>
      {flash && <p role="status">{flash}</p>}
      {refused && <Refusal error={refused} />}
      <IsUnknown.Provider value={refused !== undefined}>{page.body}</IsUnknown.Provider>
    </>
  )
  const section = accountSectionOf(new URL(c.req.url).pathname)
  if (section) {
    const isStaff = hasConsole && me.permissions.some(({ reach }) => reach === 'any')
    return answered(
      c,
      page.title,
      <AccountFrame look={look} path={section} isStaff={isStaff}>
        {content}
      </AccountFrame>,
      status,
    )
  }
  const calls = c.var.api.calls.filter(({ chain }) => chain[0] !== 'whoami')
  return answered(
    c,
    page.title,
    <div class="app">
      <header class="side">
        <div>
          <Brand look={look} />
          <button type="button" class="plain small menu-button" popovertarget="menu">
            Menu
          </button>
          <Menu path={new URL(c.req.url).pathname} me={me} />
          <Who me={me} />
        </div>
      </header>
      <main id="main" class="main">
        {content}
        <ByApi calls={[...calls, ...(page.actions ?? [])]} origin={publicUrl} />
        <Foot look={look} />
      </main>
    </div>,
    status,
  )
}

/** What is said in the place of a page. Whoever may not even ask who they are, as with two credentials, has no menu. */
export async function say(c: ConsoleContext, page: Page): Promise<Response> {
  const me = await c.var.me.catch(() => undefined)
  if (!me) return showSheet(c, page)
  const body = (
    <>
      <Head title={page.title} />
      {page.body}
    </>
  )
  return show(c, { ...page, body })
}

/** A page for whoever is not known, or not in the middle of anything. */
export function showSheet(
  c: ConsoleContext,
  { title, body, status, headers }: Page,
): Promise<Response> {
  return answered(
    c,
    title,
    <Sheet look={c.env.request.look} title={title} wide>
      {body}
    </Sheet>,
    status,
    headers,
  )
}

/** A part of a page, which the script puts into the place of what was there. */
export async function part(c: ConsoleContext, content: Child, status = 200): Promise<Response> {
  return new Response(await partOf(c.env.request.zone, content), { status, headers: HTML })
}

const HTML = { 'Content-Type': 'text/html; charset=UTF-8' }

async function answered(
  c: ConsoleContext,
  title: string,
  body: Child,
  status = 200,
  headers: Readonly<Record<string, string>> = {},
) {
  const { look, zone } = c.env.request
  const { nonce } = c.var
  const text = await documentOf(
    { look, zone, nonce, edition: await editionOf(look) },
    { title, body },
  )
  return new Response(text, {
    status,
    headers: {
      ...headers,
      ...HTML,
      'Content-Security-Policy': policyOf(nonce),
    },
  })
}

const Menu = ({ path, me }: { readonly path: string; readonly me: Whoami }) => {
  const rights = new Set(
    me.permissions.flatMap(({ permission, reach }) => (reach === 'any' ? [permission] : [])),
  )
  return (
    <nav class="menu" id="menu" popover="auto" aria-label="Console">
      {SECTIONS.map(({ title, sections }) => {
        const visible = sections.filter((section) => isVisible(section, rights))
        if (visible.length === 0) return <></>
        return (
          <>
            {title && <h2>{title}</h2>}
            <ul>
              {visible.map(({ href, text, icon }) => (
                <li>
                  <a href={href} {...(isHere(path, href) && { 'aria-current': 'page' as const })}>
                    <Icon paths={icon} />
                    {text}
                  </a>
                </li>
              ))}
            </ul>
          </>
        )
      })}
      <Who me={me} />
    </nav>
  )
}

function isHere(path: string, href: string): boolean {
  if (href === '/console') return path === '/console' || path === '/console/'
  return path === href || path.startsWith(`${href}/`)
}

const Who = ({ me }: { readonly me: Whoami }) => (
  <div class="who stack tight">
    <span class="muted">
      Signed in as {me.roles.filter((role) => role !== 'member').join(', ') || 'member'}
    </span>
    <span class="row">
      <a href="/account">Account</a>
      <form method="post" action="/auth/sign-out">
        <button class="quiet small">Sign out</button>
      </form>
    </span>
  </div>
)

const Foot = ({ look }: { readonly look: LookSettings }) => (
  <footer class="foot row between">
    <a href={look.homeUrl}>{look.name}</a>
    <span class="row">
      <a href="/docs">API reference</a>
      <a href="/problems">Errors</a>
    </span>
  </footer>
)
