/** What is going on at the site. */
import { Card, Empty, Head } from '../../look/parts.tsx'
import type { ConsoleApp } from '../context.ts'
import { show } from '../shell.tsx'
import { signedIn } from '../signed-in.ts'

export function overviewPages(app: ConsoleApp): void {
  app.get(
    '/console',
    signedIn(async (c) => {
      const body = (
        <>
          <Head title="Overview" />
          <Card>
            <Empty title="Nothing to show yet" />
          </Card>
        </>
      )
      return show(c, { title: 'Overview', body })
    }),
  )
}
