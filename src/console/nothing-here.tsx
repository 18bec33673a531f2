/** What is said where there is nothing: what is not there, and the way to what is. */
import type { Child } from 'hono/jsx'
import { accountSectionOf } from '../look/account-frame.tsx'
import type { ConsoleContext } from './context.ts'
import { TypedAgain } from './kept.tsx'
import { SECTIONS } from './sections.tsx'
import { say } from './shell.tsx'

/** @param what as in `There is no role “greeter”.`; that there is no such page, if it says nothing else */
export function nothingHere(c: ConsoleContext, what?: Child): Promise<Response> {
  const { pathname } = new URL(c.req.url)
  const { href, text } = nearest(pathname)
  const body = (
    <>
      <div role="alert" class="stack tight">
        <p>
          {what ?? (
            <>
              There is no page at <code>{pathname}</code>.
            </>
          )}
        </p>
        <p>
          <a href={href}>Go to {text}</a>
        </p>
      </div>
      <TypedAgain c={c} faults={{}} />
    </>
  )
  return say(c, { title: 'Nothing here', body, status: 404 })
}

/** The section that the path begins with; the start of where it is otherwise. */
function nearest(pathname: string): { readonly href: string; readonly text: string } {
  const own = accountSectionOf(pathname)
  if (own) return { href: own, text: 'your account' }
  const isOf = ({ href }: { readonly href: string }) => pathname.startsWith(`${href}/`)
  const all = SECTIONS.flatMap(({ sections }) => sections)
  return all.findLast(isOf) ?? { href: '/console', text: 'Overview' }
}
