/** Members: finding one, and everything about one. */
import { Field, Select } from '../../look/forms.tsx'
import { BadgeChip, Empty, Face, Head, Pager, Table, Time } from '../../look/parts.tsx'
import type { Client } from '../api.ts'
import { allChoicesPlace, anyOf, choicesIfAsked, placeOfChoices } from '../choices.ts'
import { type ConsoleApp, may } from '../context.ts'
import { chosen } from '../forms.ts'
import { filterFaults, filtersOf, listOf, placesOf } from '../lists.ts'
import { show } from '../shell.tsx'

type Listed = Awaited<ReturnType<Client['v1']['users']['$get']>>['items'][number]

const STATUSES = ['active', 'suspended'] as const

export function memberPages(app: ConsoleApp): void {
  app.get('/console/members', async (c) => {
    const { q, cursor, ...filters } = filtersOf(c, ['q', 'cursor', 'role', 'status'])
    // An id is no beginning of a name, but it is what people paste.
    if (q && /^usr_[0-9a-z]{26}$/.test(q)) return c.redirect(`/console/members/${q}`, 303)
    const who = q?.includes('@') ? { email: q } : { q }
    const status =
      filters.status === undefined ? undefined : chosen('status', filters.status, STATUSES)
    const isFiltered = [q, filters.role, filters.status].some((each) => each !== undefined)
    const [me, roles, page] = await Promise.all([
      c.var.me,
      choicesIfAsked(c, 'roles'),
      listOf(
        c,
        c.var.client.v1.users.$get({
          query: { limit: 50, cursor, ...who, role: filters.role, status },
        }),
      ),
    ])
    const mayRead = may(me, 'profile:read')
    const faults = filterFaults(c)
    const body = (
      <>
        <Head title="Members" lead="Everybody who has signed in, by name." />
        <form class="filters" method="get">
          <div class="wide">
            <Field
              name="q"
              label="Search"
              type="search"
              value={q ?? ''}
              error={faults['q'] ?? faults['email']}
              placeholder={
                mayRead ? 'Start of the name, email or id' : 'Start of the name, or an id'
              }
              maxlength={80}
            />
          </div>
          {mayRead && (
            <>
              <Select
                name="role"
                label="Role"
                value={filters.role ?? ''}
                choices={anyOf(roles, filters.role)}
                error={faults['role']}
                from={placeOfChoices('roles')}
                all={allChoicesPlace(c)}
              />
              <Select
                name="status"
                label="Status"
                value={filters.status ?? ''}
                choices={[
                  { value: '', text: 'any' },
                  ...STATUSES.map((value) => ({ value, text: value })),
                ]}
              />
            </>
          )}
          <button class="plain">Search</button>
        </form>
        <Table<Listed>
          caption="Members"
          columns={[
            {
              label: 'Name',
              cell: (user) => (
                <span class="person">
                  <Face name={user.displayName} url={user.avatarUrl} />
                  <a href={`/console/members/${user.id}`}>{user.displayName}</a>
                </span>
              ),
            },
            {
              label: 'Badges',
              bare: true,
              cell: ({ badges }) => (
                <span class="chips">
                  {badges.slice(0, 4).map((badge) => (
                    <BadgeChip badge={badge} />
                  ))}
                  {badges.length > 4 && (
                    <span class="muted small">and {badges.length - 4} more</span>
                  )}
                </span>
              ),
            },
            { label: 'Since', cell: ({ createdAt }) => <Time at={createdAt} form="day" /> },
          ]}
          rows={page.items}
          empty={
            <Empty title={isFiltered ? 'Nobody matches' : 'Nobody has signed in yet'}>
              {isFiltered ? (
                <a href="/console/members">All members</a>
              ) : (
                <p>Members appear here with their first sign-in.</p>
              )}
            </Empty>
          }
        />
        <Pager {...placesOf(c, page)} />
      </>
    )
    return show(c, { title: 'Members', body })
  })
}
