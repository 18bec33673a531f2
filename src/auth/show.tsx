/** How a page of the login becomes an answer, in the look that all pages have. */
import type { ContentfulStatusCode } from 'hono/utils/http-status'
import { AccountFrame } from '../look/account-frame.tsx'
import { editionOf } from '../look/assets.ts'
import { documentOf, Sheet } from '../look/document.tsx'
import type { Notice } from '../http/look.ts'
import { settingsOf } from '../settings/settings.ts'
import type { LoginContext } from './context.ts'
import type { LoginPage } from './pages.tsx'
import type { Standing } from './standing.ts'

export async function show(
  c: LoginContext,
  { title, notice, content, script, account }: LoginPage,
  status: ContentfulStatusCode = 200,
  headers: Record<string, string> = {},
): Promise<Response> {
  const { look, siteTimeZone: zone } = settingsOf(c.env)
  const edition = await editionOf(look)
  const body = account ? (
    <AccountFrame look={look} path="/auth/account" isStaff={account.standing.isStaff}>
      <Suspended {...account.standing} />
      <Said notice={notice} />
      {content}
    </AccountFrame>
  ) : (
    <Sheet look={look} title={title}>
      <Said notice={notice} />
      {content}
    </Sheet>
  )
  const scripts = script ? [`/auth/${script}.js?${edition}`] : []
  const page = { title, body, scripts }
  return c.html(await documentOf({ look, zone, nonce: undefined, edition }, page), status, headers)
}

/** Whoever is suspended has only this page, with their ways to sign in: an account that is theirs stays safe. */
const Suspended = ({ suspension }: Standing) =>
  suspension ? (
    <div role="alert" class="stack tight">
      <strong>
        Your account is suspended: until it is reinstated you can only look after how you sign in.
      </strong>
      <p>{suspension.reason ?? 'Nobody has said why.'}</p>
      <p>Those who look after the site can reinstate it: ask them if you think it is a mistake.</p>
    </div>
  ) : (
    <></>
  )

const Said = ({ notice }: { readonly notice: Notice | undefined }) =>
  notice ? <p role={notice.tone === 'bad' ? 'alert' : 'status'}>{notice.text}</p> : <></>
