/** What is around every page of somebody's own account, whichever part of the product makes the page. */
import type { PropsWithChildren } from 'hono/jsx'
import { HAS_ACCOUNT_PAGES } from '../settings/account-home.ts'
import type { LookSettings } from '../settings/look.ts'
import { Brand } from './document.tsx'
import { Icon } from './icon.tsx'

const SECTIONS = [
  {
    href: '/account',
    text: 'Overview',
    icon: '<path d="M2.500 7.500 8 3l5.500 4.500V13h-4V9.500h-3V13h-4z"/>',
  },
  {
    href: '/account/badges',
    text: 'Badges and visits',
    icon: '<circle cx="8" cy="6" r="3.500"/><path d="M6 9.200 5 14l3-1.500L11 14l-1-4.800"/>',
  },
  {
    href: '/account/bookings',
    text: 'Bookings',
    icon: '<path d="M2.500 4h11v9.500h-11zM2.500 7h11M5.500 2.500V5M10.500 2.500V5"/>',
  },
  {
    href: '/account/profile',
    text: 'Profile',
    icon: '<circle cx="8" cy="5" r="2.500"/><path d="M3 13.500c.6-2.700 2.500-4 5-4s4.400 1.300 5 4"/>',
  },
  {
    href: '/auth/account',
    text: 'Sign-in and security',
    icon: '<path d="M4 7.500h8V13H4zM5.500 7.500V5a2.500 2.500 0 0 1 5 0v2.500"/>',
  },
] as const

export type AccountPath = (typeof SECTIONS)[number]['href']

/** A build may have the part of the sign-in alone. */
function isThere({ href }: (typeof SECTIONS)[number]): boolean {
  return HAS_ACCOUNT_PAGES || href === '/auth/account'
}

/** The section that a path is in; undefined for a path of something else. */
export function accountSectionOf(path: string): AccountPath | undefined {
  const isOf = (href: string) => path === href || path.startsWith(`${href}/`)
  return SECTIONS.map(({ href }) => href).findLast(isOf)
}

export const AccountFrame = ({
  look,
  path,
  isStaff = false,
  children,
}: PropsWithChildren<{
  readonly look: LookSettings
  /** The section that the page is in. */
  readonly path: AccountPath
  /** Whether the console has something for them. */
  readonly isStaff?: boolean
}>) => (
  <div class="app">
    <header class="side">
      <div>
        <Brand look={look} />
        <button type="button" class="plain small menu-button" popovertarget="menu">
          Menu
        </button>
        <nav class="menu" id="menu" popover="auto" aria-label="Account">
          <h2>Your account</h2>
          <ul>
            {SECTIONS.filter(isThere).map(({ href, text, icon }) => (
              <li>
                <a href={href} {...(href === path && { 'aria-current': 'page' as const })}>
                  <Icon paths={icon} />
                  {text}
                </a>
              </li>
            ))}
          </ul>
          <Ways isStaff={isStaff} />
        </nav>
        <Ways isStaff={isStaff} />
      </div>
    </header>
    <main id="main" class="main account">
      {children}
    </main>
  </div>
)

const Ways = ({ isStaff }: { readonly isStaff: boolean }) => (
  <div class="who">
    <span class="row between">
      {isStaff && HAS_ACCOUNT_PAGES ? (
        <a href="/console">Console</a>
      ) : (
        <a href="/docs">API reference</a>
      )}
      <form method="post" action="/auth/sign-out">
        <button class="quiet small">Sign out</button>
      </form>
    </span>
  </div>
)
