/** What the pages about one member have in common: who it is, and the ways to the others. */
import type { PropsWithChildren } from 'hono/jsx'
import { Face, Head, Tabs } from '../look/parts.tsx'
import type { Client } from './api.ts'
import { type ConsoleContext, may, type Whoami } from './context.ts'

export type Member = Awaited<ReturnType<typeof readMember>>

export function readMember(client: Client, userId: string) {
  return client.v1.users[':userId'].$get({ param: { userId }, query: { view: 'full' } })
}

export const memberPlace = (userId: string) => `/console/members/${encodeURIComponent(userId)}`
export const memberIdOf = (c: ConsoleContext) => c.req.param('userId') ?? ''

/** Each is shown to whoever has one of the permissions; the API decides all the same. */
const TABS = [
  { path: '', text: 'Profile', needs: [] },
  { path: '/sign-in', text: 'Sign-in', needs: ['session:end', 'identity:manage'] },
  { path: '/bookings', text: 'Bookings', needs: ['booking:read'] },
  { path: '/visits', text: 'Visits', needs: ['visit:read'] },
  { path: '/history', text: 'History', needs: ['audit:read'] },
] as const satisfies readonly {
  readonly path: string
  readonly text: string
  readonly needs: readonly string[]
}[]

/** The member's name above every page about them. */
export const About = ({
  member,
  me,
  tab,
  children,
}: PropsWithChildren<{
  readonly member: Member
  readonly me: Whoami
  readonly tab: (typeof TABS)[number]['path']
}>) => (
  <>
    <Head
      title={
        <span class="person">
          <Face name={member.displayName} url={member.avatarUrl} big />
          <span>{member.displayName}</span>
        </span>
      }
      crumbs={[{ href: '/console/members', text: 'Members' }]}
    >
      {children}
    </Head>
    <Tabs
      label="About this member"
      tabs={TABS.filter(
        ({ path, needs }) =>
          path === tab || needs.length === 0 || needs.some((permission) => may(me, permission)),
      ).map(({ path, text }) => ({
        href: memberPlace(member.id) + path,
        text,
        here: path === tab,
      }))}
    />
  </>
)
