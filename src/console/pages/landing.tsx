/** What is at `/` where no site is: where somebody has come to, and the ways on. */
import { documentOf, policyOf, Sheet } from '../../look/document.tsx'
import { editionOf } from '../../look/assets.ts'
import type { ConsoleApp } from '../context.ts'

export function landingPages(app: ConsoleApp): void {
  app.get('/', async (c) => {
    const { look, zone } = c.env.request
    const { nonce } = c.var
    // Whose session has ended is told so where they use it.
    const me = await c.var.me.catch(() => undefined)
    const isMember = me?.kind === 'member'
    const isStaff = me?.permissions.some(({ reach }) => reach === 'any') === true
    const body = (
      <Sheet look={look} title={`Welcome to ${look.name}`} landing>
        <p class="lead">Members, badges and bookings, at one address.</p>
        {isMember ? (
          <div class="row">
            <a class="button" href="/account">
              Your account
            </a>
            {isStaff && (
              <a class="button plain" href="/console">
                Console
              </a>
            )}
          </div>
        ) : (
          <div class="row">
            <a class="button" href="/auth/sign-in?next=%2Faccount">
              Sign in
            </a>
            <a class="button plain" href="/auth/sign-up">
              Sign up
            </a>
          </div>
        )}
        <p class="ways">
          <a href="/docs">API reference</a>
          {look.homeUrl !== '/' && <a href={look.homeUrl}>Home page</a>}
        </p>
      </Sheet>
    )
    const frame = { look, zone, nonce, edition: await editionOf(look) }
    const text = await documentOf(frame, { title: look.name, body })
    return c.html(text, 200, { 'Content-Security-Policy': policyOf(nonce) })
  })
}
