/** Roles: who may do what, as a grid, and those of the site's own making. */
import { Field, Select } from '../../look/forms.tsx'
import { Card, Head, Pager, Pill, Table, Time } from '../../look/parts.tsx'
import { callsOf, type Client } from '../api.ts'
import { type ConsoleApp, type ConsoleContext, may } from '../context.ts'
import { attempt, Both, Confirm, confirmed, MadeOf, revisionOf } from '../edit.tsx'
import { done } from '../flash.ts'
import { BadChoice, chosen } from '../forms.ts'
import { filtersOf, listOf, placesOf } from '../lists.ts'
import { PathError } from '../../client/index.ts'
import { type Fault, faultOf } from '../fault.tsx'
import { nothingHere } from '../nothing-here.tsx'
import { show } from '../shell.tsx'

type Role = Awaited<ReturnType<Client['v1']['roles']['$get']>>['items'][number]
type Definition = Parameters<Client['v1']['roles'][':role']['$put']>[0]['json']['permissions']
type Matrix = Awaited<ReturnType<Client['v1']['permissions']['$get']>>

const ROLES = { href: '/console/roles', text: 'Roles' }
/** A role may be called like another page of this section, so those by name have a place of their own. */
const placeOf = (role: string) => `/console/roles/named/${encodeURIComponent(role)}`

export function rolePages(app: ConsoleApp): void {
  app.get('/console/roles', async (c) => {
    const { cursor } = filtersOf(c, ['cursor'])
    const page = await listOf(c, c.var.client.v1.roles.$get({ query: { limit: 50, cursor } }))
    const roles = page.items
    const mayDefine = may(await c.var.me, 'role:define')
    const custom = roles.filter(({ builtIn }) => !builtIn)
    // The built-in ones come first, and the grid says of each other one what it adds to them.
    const isFirst = roles.some(({ builtIn }) => builtIn)
    const body = (
      <>
        <Head
          title="Roles"
          lead="Every member has the role member; what its cell says, the others may too. “Own” reaches what is theirs, “any” everybody’s."
        >
          <a class="button plain" href="/console/roles/matrix">
            By route
          </a>
          {mayDefine && (
            <a class="button" href="/console/roles/new">
              New role
            </a>
          )}
        </Head>
        {isFirst && <Grid roles={roles} />}
        <Card title="Roles of this site’s own making" flush>
          <Table<Role>
            caption="Custom roles"
            columns={[
              { label: 'Name', cell: ({ name }) => <a href={placeOf(name)}>{name}</a> },
              {
                label: 'May',
                cell: ({ permissions }) => (
                  <span class="chips">
                    {permissions.map(({ permission, reach }) => (
                      <Pill>
                        {permission} {reach}
                      </Pill>
                    ))}
                  </span>
                ),
              },
              {
                label: 'Changed',
                cell: ({ updatedAt }) => (updatedAt ? <Time at={updatedAt} /> : ''),
              },
            ]}
            rows={custom}
            empty={
              <div class="empty">
                <p>
                  None yet. A role of your own adds single permissions to what every member may.
                </p>
              </div>
            }
          />
        </Card>
        <Pager {...placesOf(c, page)} />
      </>
    )
    return show(c, { title: 'Roles', body })
  })

  app.get('/console/roles/matrix', async (c) => {
    const matrix = await c.var.client.v1.permissions.$get()
    return show(c, { title: 'Who may call what', body: <RouteMatrix matrix={matrix} /> })
  })

  app.get('/console/roles/new', (c) => editPage(c))

  app.post('/console/roles/new', async (c) => {
    const role = c.var.form.text('name')
    try {
      const refused = await attempt(
        c.var.client.v1.roles[':role'].$put({
          param: { role },
          json: { permissions: typedIn(c) },
          ifNoneMatch: '*',
        }),
      )
      if (!refused) return done(c, '/console/roles', 'saved')
      if (refused.code === 'not_found') return editPage(c, BAD_NAME)
      if (refused.code !== 'precondition_failed') return editPage(c, faultOf(refused))
      const faults = { name: 'There is a role of that name. Open it to change it.' }
      const note = (
        <p role="alert">
          There is a role of that name already. <a href={placeOf(role)}>Open it</a> to change it.
        </p>
      )
      return editPage(c, { faults, note, status: 409 })
    } catch (error) {
      if (!(error instanceof PathError)) throw error
      return editPage(c, BAD_NAME)
    }
  })

  app.get('/console/roles/named/:role', (c) => editPage(c, { name: c.req.param('role') }))

  app.post('/console/roles/named/:role', (c) => save(c, c.req.param('role')))

  app.get('/console/roles/named/:role/delete', (c) => deletePage(c))

  app.post('/console/roles/named/:role/delete', async (c) => {
    const role = c.req.param('role')
    const fault = await confirmed(c, role, () =>
      c.var.client.v1.roles[':role'].$delete({ param: { role } }),
    )
    return fault ? deletePage(c, fault) : done(c, '/console/roles', 'deleted')
  })
}

const NAMES = 'Lower-case letters, digits and hyphens, as in greeter'

/** The name is part of an address, where one that no role can have is nowhere. */
const BAD_NAME = { faults: { name: NAMES }, status: 422 } as const satisfies Fault

function noRole(c: ConsoleContext, name: string): Promise<Response> {
  return nothingHere(c, `There is no role “${name}”.`)
}

/** The built-in roles, and the one of this name: the API tells of one role in the list alone. */
async function rolesFor(
  { var: { client } }: ConsoleContext,
  name: string | undefined,
): Promise<readonly Role[]> {
  const roles: Role[] = []
  for await (const role of client.all(client.v1.roles.$get, { query: { limit: 100 } })) {
    if (role.builtIn || role.name === name) roles.push(role)
    if (!role.builtIn && (name === undefined || role.name >= name)) break
  }
  return roles
}

/** Every permission of any role, which the admin has all of, in the order of the admin's. */
function permissionsIn(roles: readonly Role[]): string[] {
  const all = roles.toSorted((a, b) => b.permissions.length - a.permissions.length)
  return [
    ...new Set(all.flatMap(({ permissions }) => permissions.map(({ permission }) => permission))),
  ]
}

const Grid = ({ roles }: { readonly roles: readonly Role[] }) => {
  const reaches = new Map(
    roles.map(({ name, permissions }) => [
      name,
      new Map(permissions.map(({ permission, reach }) => [permission, reach])),
    ]),
  )
  const member = reaches.get('member')
  return (
    <Table<string>
      caption="Permissions by role"
      columns={[
        { label: 'Permission', cell: (permission) => <code>{permission}</code> },
        ...roles.map(({ name }) => ({
          label: name,
          cell: (permission: string) => {
            const reach = reaches.get(name)?.get(permission) ?? member?.get(permission)
            return reach && <Pill tone={reach === 'any' ? 'good' : 'info'}>{reach}</Pill>
          },
        })),
      ]}
      rows={permissionsIn(roles)}
      empty=""
    />
  )
}

const TONES = { allowed: 'good', own: 'info', '401': 'plain', '403': 'plain' } as const

const RouteMatrix = ({ matrix }: { readonly matrix: Matrix }) => (
  <>
    <Head
      title="Who may call what"
      lead="Computed by the one decision that every call passes."
      crumbs={[ROLES]}
    />
    <Table<Matrix['routes'][number]>
      caption="Routes by caller"
      columns={[
        {
          label: 'Route',
          cell: ({ method, path }) => (
            <code>
              {method} {path}
            </code>
          ),
        },
        {
          label: 'Takes',
          cell: ({ access }) => <span class="small">{access.replace(/^open: .*/s, 'open')}</span>,
        },
        ...matrix.callers.map((caller) => ({
          label: caller,
          cell: ({ answers }: Matrix['routes'][number]) => (
            <Pill tone={TONES[answers[caller]]}>{answers[caller]}</Pill>
          ),
        })),
      ]}
      rows={matrix.routes}
      empty=""
    />
  </>
)

const REACHES = ['', 'own', 'any'] as const

type PermissionName = Definition[number]['permission']

/** Of the form's own names; the API refuses one that it does not know. */
function isPermission(name: string | undefined): name is PermissionName {
  return name !== undefined
}

/**
 * What the form says of each permission, without those it gives nothing of.
 * @throws BadChoice for another reach, and for a form without permissions, which would empty a role
 */
function typedIn({ var: { form } }: ConsoleContext): Definition {
  const said = form.entries().flatMap(([name, reach]) => {
    const [, permission] = /^may:(.+)$/.exec(name) ?? []
    return isPermission(permission) ? [{ permission, reach: chosen(name, reach, REACHES) }] : []
  })
  if (said.length === 0) throw new BadChoice('may')
  return said.flatMap(({ permission, reach }) => (reach === '' ? [] : [{ permission, reach }]))
}

async function save(c: ConsoleContext, name: string): Promise<Response> {
  // A permission that the form says nothing of would be taken away.
  c.var.form.need(permissionsIn(await rolesFor(c, name)).map((permission) => `may:${permission}`))
  const refused = await attempt(
    c.var.client.v1.roles[':role'].$put({
      param: { role: name },
      json: { permissions: typedIn(c) },
      ifMatch: revisionOf(c),
    }),
  )
  if (!refused) return done(c, '/console/roles', 'saved')
  const fault = faultOf(refused)
  if (refused.code !== 'precondition_failed') return editPage(c, { name, ...fault })
  const roles = await rolesFor(c, name)
  const there = roles.find((each) => each.name === name)?.permissions ?? []
  const [now, typed] = [there, typedIn(c)].map(
    (rights) => new Map(rights.map(({ permission, reach }) => [permission, reach])),
  )
  const fields = permissionsIn(roles).map((permission) => ({
    name: permission,
    there: now?.get(permission) ?? '',
    typed: typed?.get(permission) ?? '',
  }))
  return editPage(c, { ...fault, name, note: <Both fields={fields} />, roles })
}

interface Editing extends Fault {
  /** Undefined for a new one. */
  readonly name?: string | undefined
  readonly roles?: readonly Role[]
}

async function editPage(c: ConsoleContext, editing: Editing = {}): Promise<Response> {
  const { name, note, faults = {}, status } = editing
  const roles = editing.roles ?? (await rolesFor(c, name))
  const role = roles.find((each) => each.name === name)
  if (name !== undefined && !role) return noRole(c, name)
  const { form } = c.var
  const isTyped = form.entries().length > 0
  const held = new Map(role?.permissions.map(({ permission, reach }) => [permission, reach]))
  const valueOf = (permission: string) =>
    isTyped ? form.text(`may:${permission}`) : (held.get(permission) ?? '')
  const isFixed = role?.builtIn === true || !may(await c.var.me, 'role:define')
  const title = role ? role.name : 'New role'
  const body = (
    <>
      <Head
        title={title}
        crumbs={[ROLES]}
        lead={
          role?.builtIn
            ? 'Built in: the same on every site, and never changed.'
            : 'What it gives besides what every member may. A change is in force at once, for everybody who has it.'
        }
      >
        {role && !isFixed && (
          <a class="button plain" href={`${placeOf(role.name)}/delete`}>
            Delete…
          </a>
        )}
      </Head>
      {note}
      {isFixed && role ? (
        <Grid roles={[role]} />
      ) : (
        <form method="post" class="stack">
          {role ? (
            <MadeOf c={c} revision={role.revision ?? 1} status={status} />
          ) : (
            <Card>
              <Field
                name="name"
                label="Name"
                required
                maxlength={41}
                value={form.text('name')}
                hint={NAMES}
                error={faults['name']}
              />
            </Card>
          )}
          <Card title="Permissions">
            <div class="grid lines">
              {permissionsIn(roles).map((permission) => (
                <Select
                  name={`may:${permission}`}
                  label={<code>{permission}</code>}
                  value={valueOf(permission)}
                  choices={REACHES.map((value) => ({ value, text: value || '—' }))}
                />
              ))}
            </div>
          </Card>
          <div class="row">
            <button>{role ? 'Save' : 'Make role'}</button>
            <a class="button plain" href="/console/roles">
              Cancel
            </a>
          </div>
        </form>
      )}
    </>
  )
  const actions = callsOf(c.env.request.publicUrl, ({ v1 }) =>
    v1.roles[':role'].$put({
      param: { role: role?.name ?? 'greeter' },
      json: { permissions: [{ permission: 'badge:assign', reach: 'any' }] },
      ...(role?.revision !== undefined && { ifMatch: role.revision }),
    }),
  )
  return show(c, {
    title,
    body,
    ...(!isFixed && { actions }),
    ...(status && { status }),
  })
}

async function deletePage(c: ConsoleContext, fault: Fault = {}): Promise<Response> {
  const role = c.req.param('role') ?? ''
  if (!(await rolesFor(c, role)).some(({ name, builtIn }) => name === role && !builtIn))
    return noRole(c, role)
  const place = placeOf(role)
  const body = (
    <>
      <Head title={`Delete the role ${role}?`} crumbs={[ROLES, { href: place, text: role }]} />
      <Confirm
        title="It is taken from everybody who has it"
        action={`${place}/delete`}
        word={role}
        button="Delete role"
        back={place}
        fault={fault}
        form={c.var.form}
      >
        <p>From this moment on. API keys lose what their creators may no longer do.</p>
      </Confirm>
    </>
  )
  const actions = callsOf(c.env.request.publicUrl, ({ v1 }) =>
    v1.roles[':role'].$delete({ param: { role } }),
  )
  const { status } = fault
  return show(c, { title: `Delete ${role}`, body, actions, ...(status && { status }) })
}
