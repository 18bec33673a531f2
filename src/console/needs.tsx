/**
 * Forms are for whoever may send them. The API decides about what is sent all the same; this keeps people
 * from filling in what it would refuse.
 */
import { Head } from '../look/parts.tsx'
import { type ConsoleApp, may } from './context.ts'
import { Missing } from './refusal.tsx'
import { show } from './shell.tsx'

const FORMS = {
  'badge:manage': [
    '/console/badges/new',
    '/console/badges/:badgeId/edit',
    '/console/badges/:badgeId/delete',
  ],
  'badge-rule:manage': ['/console/rules/new'],
  'role:define': ['/console/roles/new', '/console/roles/named/:role/delete'],
  'service:manage': [
    '/console/services/new',
    '/console/services/:serviceId/edit',
    '/console/services/:serviceId/delete',
    '/console/services/:serviceId/slots/new',
  ],
  'api-key:manage': ['/console/api-keys/new'],
  'webhook:manage': ['/console/webhooks/new'],
  'page:manage': ['/console/page-rules/new'],
  'user:suspend': ['/console/members/:userId/suspend', '/console/members/:userId/reinstate'],
  'profile:delete': ['/console/members/:userId/delete'],
} as const satisfies Readonly<Record<string, readonly string[]>>

/** To be called before the pages are there. */
export function formsNeed(app: ConsoleApp): void {
  for (const [permission, paths] of Object.entries(FORMS)) {
    app.on('GET', [...paths], async (c, next) => {
      if (may(await c.var.me, permission)) return next()
      const title = 'This is not yours to do'
      const body = (
        <>
          <Head title={title} />
          <Missing required={permission} />
        </>
      )
      return show(c, { title, body, status: 403 })
    })
  }
}
