/** The rules about the pages of the site: in which order they are asked, and who gets in where. */
import type { Child, PropsWithChildren } from 'hono/jsx'
import { Check, Field, Hidden, Select } from '../../look/forms.tsx'
import { Card, Empty, Facts, Head, Pill, Table, Time } from '../../look/parts.tsx'
import type { GuildhallError } from '../../client/index.ts'
import { callsOf, type Client } from '../api.ts'
import { choicesOf, withChosen } from '../choices.ts'
import { type ConsoleApp, type ConsoleContext, may } from '../context.ts'
import {
  attempt,
  Both,
  Confirm,
  confirmed,
  MadeOf,
  once,
  OnceKey,
  revisionOf,
  wordFor,
} from '../edit.tsx'
import { type Fault, faultOf } from '../fault.tsx'
import { done } from '../flash.ts'
import { BadChoice, chosen, type Faults, faultsOf, idIn, wholeIn } from '../forms.ts'
import { Id } from '../links.tsx'
import { byAddress, filtersOf, moreHint, wholeOf } from '../lists.ts'
import { Refusal, statusOf } from '../refusal.tsx'
import { show } from '../shell.tsx'

type Rule = Awaited<ReturnType<Client['v1']['page-rules'][':ruleId']['$get']>>
type NewRule = Parameters<Client['v1']['page-rules']['$post']>[0]['json']
type Access = NewRule['access']
type Permission = Awaited<ReturnType<Client['v1']['permissions']['$get']>>['permissions'][number]
type Explanation = Awaited<ReturnType<Client['v1']['explain']['$post']>>

const RULES = { href: '/console/page-rules', text: 'Page rules' }
const placeOf = (ruleId: string) => `/console/page-rules/${encodeURIComponent(ruleId)}`
const idOf = (c: ConsoleContext) => c.req.param('ruleId') ?? ''

const KINDS = [
  { value: 'members', text: 'Members' },
  { value: 'anyone', text: 'Anyone' },
  { value: 'visitors-only', text: 'Whoever is not signed in' },
  { value: 'may', text: 'Whoever has a permission' },
  { value: 'badge', text: 'Whoever has a badge' },
] as const

const SIGNED_OUT = [
  { value: '', text: 'as is usual for such a rule' },
  { value: 'sign-in', text: 'the sign-in' },
  { value: '401', text: '401, as programs want it' },
  { value: '404', text: '404: nothing is said to be there' },
] as const

export function pageRulePages(app: ConsoleApp): void {
  app.get('/console/page-rules', async (c) => (await byAddress(c, 'as')) ?? listPage(c))
  app.get('/console/page-rules/new', (c) => editPage(c, undefined, EMPTY))

  app.post('/console/page-rules/new', async (c) => {
    const typed = typedIn(c)
    let made: Rule | undefined
    const refused = await attempt(
      c.var.client.v1['page-rules']
        .$post({ json: jsonOf(typed, await permissionsOf(c)), ...once(c) })
        .then((rule) => (made = rule)),
    )
    if (made) return done(c, placeOf(made.id), 'created')
    return editPage(c, undefined, typed, faultOf(refused))
  })

  app.get('/console/page-rules/:ruleId', async (c) => rulePage(c, await read(c)))

  app.get('/console/page-rules/:ruleId/edit', async (c) => {
    const rule = await read(c)
    return editPage(c, rule, typedOf(rule))
  })

  app.post('/console/page-rules/:ruleId/edit', async (c) => {
    c.var.form.need(FIELDS.map(([name]) => name).filter((name) => name !== 'webSocket'))
    const typed = typedIn(c)
    const param = { ruleId: idOf(c) }
    const refused = await attempt(
      c.var.client.v1['page-rules'][':ruleId'].$patch({
        param,
        json: jsonOf(typed, await permissionsOf(c), true),
        ifMatch: revisionOf(c),
      }),
    )
    if (!refused) return done(c, placeOf(param.ruleId), 'saved')
    const rule = await read(c)
    if (refused.code !== 'precondition_failed') return editPage(c, rule, typed, faultOf(refused))
    const there = typedOf(rule)
    const fields = FIELDS.map(([name, label]) => ({
      name: label,
      there: there[name],
      typed: typed[name],
    }))
    return editPage(c, rule, typed, { note: <Both fields={fields} />, status: 412 })
  })

  // Where the list is shown because nothing was moved, its own links and forms lead here.
  app.get('/console/page-rules/:ruleId/move', (c) =>
    c.redirect(RULES.href + new URL(c.req.url).search, 303),
  )

  // One step up or down, as the button says, past the neighbour that the page has shown.
  app.post('/console/page-rules/:ruleId/move', async (c) => {
    const { client, form } = c.var
    form.need(['above', 'below'])
    const to = form.choice('to', ['up', 'down'])
    const [above, below] = [idIn(form, 'above', 'pgr'), idIn(form, 'below', 'pgr')]
    const past = to === 'up' ? above : below
    if (past === '') {
      const note = <p role="alert">There is no rule to move it past. Nothing was done.</p>
      return listPage(c, { note, status: 409 })
    }
    const refused = await attempt(
      client.v1['page-rules'][':ruleId'].$patch({
        param: { ruleId: idOf(c) },
        json: { step: { to, past } },
        ifMatch: revisionOf(c),
      }),
    )
    if (!refused) return done(c, RULES.href, 'moved')
    if (refused.code !== 'precondition_failed') return listPage(c, faultOf(refused))
    const late = 'This rule has changed since you opened the page. It was not moved: look again.'
    return listPage(c, { note: <p role="alert">{late}</p>, status: 412 })
  })

  app.get('/console/page-rules/:ruleId/delete', async (c) => deletePage(c, await read(c)))

  app.post('/console/page-rules/:ruleId/delete', async (c) => {
    const rule = await read(c)
    const fault = await confirmed(c, wordFor(rule.path, rule.id), () =>
      c.var.client.v1['page-rules'][':ruleId'].$delete({ param: { ruleId: rule.id } }),
    )
    return fault ? deletePage(c, rule, fault) : done(c, RULES.href, 'deleted')
  })
}

function read(c: ConsoleContext): Promise<Rule> {
  return c.var.client.v1['page-rules'][':ruleId'].$get({ param: { ruleId: idOf(c) } })
}

async function permissionsOf(c: ConsoleContext): Promise<readonly Permission[]> {
  return (await c.var.client.v1.permissions.$get()).permissions
}

async function listPage(c: ConsoleContext, { note, status }: Fault = {}): Promise<Response> {
  const { page: asked, as } = filtersOf(c, ['page', 'as'])
  const { client } = c.var
  // A site has few, and each is moved past its neighbours, so all of them are on one page.
  const [{ items }, me] = await Promise.all([
    wholeOf(client.all(client.v1['page-rules'].$get, { query: { limit: 100 } })),
    c.var.me,
  ])
  const asks = may(me, 'explain:others')
  const answers = asks && asked ? await gettingIn(c, asked, as) : []
  const refused = answers.find((answer) => answer.refused)?.refused
  const make = (
    <a class="button" href="/console/page-rules/new">
      New page rule
    </a>
  )
  const body = (
    <>
      <Head
        title="Page rules"
        lead="Who may open which pages of the site. The first rule that is about a page decides."
      >
        {make}
      </Head>
      {note}
      {asks && <WhoGetsIn page={asked} as={as} answers={answers} faults={faultsOf(refused)} />}
      <Table<Rule>
        caption="Page rules"
        columns={[
          {
            label: 'Pages',
            cell: ({ id, path }) => (
              <a class="mono" href={placeOf(id)}>
                {path}
              </a>
            ),
          },
          { label: 'For', cell: (rule) => <For {...rule} /> },
          { label: 'Signed out', cell: ({ onUnauthenticated }) => onUnauthenticated },
          {
            label: '',
            cell: (rule) => (
              <Move
                rule={rule}
                above={items[items.indexOf(rule) - 1]}
                below={items[items.indexOf(rule) + 1]}
              />
            ),
            align: 'right',
          },
        ]}
        rows={items}
        empty={
          <Empty title="There are no page rules yet">
            <p>What no rule is about is closed, or open where the site’s settings say so.</p>
            {make}
          </Empty>
        }
      />
    </>
  )
  const actions = callsOf(c.env.request.publicUrl, ({ v1 }) => {
    const [rule, below] = items
    if (!rule || !below) return undefined
    return v1['page-rules'][':ruleId'].$patch({
      param: { ruleId: rule.id },
      json: { step: { to: 'down', past: below.id } },
      ifMatch: rule.revision,
    })
  })
  const answered = status ?? (refused && statusOf(refused))
  return show(c, { title: 'Page rules', body, actions, ...(answered && { status: answered }) })
}

/** The ends of the list have one way to go. The form says past what, so that it is done once. */
const Move = ({
  rule: { id, path, revision },
  above,
  below,
}: {
  readonly rule: Rule
  readonly above: Rule | undefined
  readonly below: Rule | undefined
}) => (
  <form method="post" action={`${placeOf(id)}/move`} class="nowrap">
    <Hidden name="revision" value={String(revision)} />
    <Hidden name="above" value={above?.id ?? ''} />
    <Hidden name="below" value={below?.id ?? ''} />
    {above ? (
      <button class="plain small" name="to" value="up">
        <span aria-hidden="true">↑</span>
        <span class="only-read">Move {path} up</span>
      </button>
    ) : (
      <Nowhere>↑</Nowhere>
    )}{' '}
    {below ? (
      <button class="plain small" name="to" value="down">
        <span aria-hidden="true">↓</span>
        <span class="only-read">Move {path} down</span>
      </button>
    ) : (
      <Nowhere>↓</Nowhere>
    )}
  </form>
)

/** Keeps the place of a button that would do nothing. */
const Nowhere = ({ children }: PropsWithChildren) => (
  <button type="button" class="plain small" disabled data-off="" aria-hidden="true">
    {children}
  </button>
)

interface Answer {
  readonly who: Child
  readonly explanation?: Explanation
  readonly refused?: GuildhallError
}

/** What a page answers whoever is signed out, and one more if somebody is named. */
function gettingIn(c: ConsoleContext, page: string, as: string | undefined): Promise<Answer[]> {
  const callers = [
    { as: 'anonymous', who: <>Signed out</> },
    ...(as ? [{ as, who: <Id id={as} /> }] : []),
  ]
  return Promise.all(
    callers.map(async (caller) => {
      let explanation: Explanation | undefined
      const refused = await attempt(
        c.var.client.v1.explain
          .$post({ json: { as: caller.as, page } })
          .then((answer) => (explanation = answer)),
      )
      return {
        who: caller.who,
        ...(explanation && { explanation }),
        ...(refused && { refused }),
      }
    }),
  )
}

const WhoGetsIn = ({
  page,
  as,
  answers,
  faults,
}: {
  readonly page: string | undefined
  readonly as: string | undefined
  readonly answers: readonly Answer[]
  readonly faults: Faults
}) => (
  <Card title="Who gets in here?">
    <form class="filters" method="get">
      <div class="wide">
        <Field
          name="page"
          label="Page"
          value={page ?? ''}
          placeholder="/members/welcome"
          error={faults['page']}
          maxlength={2048}
          required
        />
      </div>
      <Field
        name="as"
        label="Member"
        value={as ?? ''}
        placeholder="Id or email"
        maxlength={254}
        error={faults['as']}
      />
      <button class="plain">Ask</button>
    </form>
    {answers.map(({ who, explanation, refused }) => (
      <div class="stack tight">
        <h3>{who}</h3>
        {refused && <Refusal error={refused} />}
        {explanation && (
          <Facts
            of={[
              ['Answer', <Answered status={explanation.status} />],
              [
                'Rule',
                explanation.pageRule ? (
                  <a class="mono" href={placeOf(explanation.pageRule.id)}>
                    {explanation.pageRule.path}
                  </a>
                ) : (
                  'none is about it'
                ),
              ],
              ['Settled at', <code>{explanation.decisive}</code>],
              ['Would be opened by', explanation.change],
            ]}
          />
        )}
      </div>
    ))}
  </Card>
)

const Answered = ({ status }: { readonly status: number }) => {
  if (status < 300) return <Pill tone="good">opens</Pill>
  if (status < 400) return <Pill tone="warn">is sent elsewhere, {status}</Pill>
  return <Pill tone="bad">{status}</Pill>
}

const For = ({
  access,
  badge,
}: {
  readonly access: Rule['access']
  /** What people know it by; its id is shown where that is not known. */
  readonly badge?: { readonly title: string } | null | undefined
}) => {
  if (typeof access === 'string') return <>{KINDS.find(({ value }) => value === access)?.text}</>
  if ('badge' in access)
    return (
      <>
        Whoever has <a href={`/console/badges/${access.badge}`}>{badge?.title ?? access.badge}</a>
      </>
    )
  return (
    <>
      <code>{access.may}</code> with reach {access.reach}
    </>
  )
}

async function rulePage(c: ConsoleContext, rule: Rule): Promise<Response> {
  const place = placeOf(rule.id)
  const badgeId = typeof rule.access === 'object' && 'badge' in rule.access && rule.access.badge
  const badge = badgeId
    ? await c.var.client.v1.badges[':badgeId'].$get({ param: { badgeId } })
    : undefined
  const body = (
    <>
      <Head title={<span class="mono">{rule.path}</span>} crumbs={[RULES]}>
        <a class="button plain" href={`${place}/edit`}>
          Edit
        </a>
        <a class="button plain" href={`${place}/delete`}>
          Delete…
        </a>
      </Head>
      <Card>
        <Facts
          of={[
            ['Opens for', <For access={rule.access} badge={badge} />],
            ['Signed out', SIGNED_OUT.find(({ value }) => value === rule.onUnauthenticated)?.text],
            ['Sign-in', rule.signInPath && <code>{rule.signInPath}</code>],
            [
              'Without the right',
              rule.forbiddenPath ? (
                <code>{rule.forbiddenPath}</code>
              ) : (
                'a page that says what is missing'
              ),
            ],
            ['Websockets', rule.webSocket ? 'handed on' : 'refused'],
            ['Position', String(rule.position)],
            ['Id', <code>{rule.id}</code>],
            ['Made', <Time at={rule.createdAt} />],
            ['Changed', <Time at={rule.updatedAt} />],
            ['Revision', String(rule.revision)],
          ]}
        />
      </Card>
    </>
  )
  return show(c, { title: rule.path, body })
}

const FIELDS = [
  ['path', 'Pages'],
  ['kind', 'Opens for'],
  ['permission', 'Permission'],
  ['reach', 'Reach'],
  ['badge', 'Badge'],
  ['onUnauthenticated', 'Signed out'],
  ['signInPath', 'Sign-in'],
  ['forbiddenPath', 'Without the right'],
  ['webSocket', 'Websockets'],
  ['position', 'Position'],
] as const

type Typed = Readonly<Record<(typeof FIELDS)[number][0], string>>

const EMPTY: Typed = {
  path: '',
  kind: 'members',
  permission: '',
  reach: 'any',
  badge: '',
  onUnauthenticated: '',
  signInPath: '',
  forbiddenPath: '',
  webSocket: '',
  position: '',
}

function typedIn({ var: { form } }: ConsoleContext): Typed {
  const text = (name: keyof Typed) => form.text(name)
  return {
    path: text('path'),
    kind: text('kind'),
    permission: text('permission'),
    reach: text('reach'),
    badge: idIn(form, 'badge', 'bdg'),
    onUnauthenticated: text('onUnauthenticated'),
    signInPath: text('signInPath'),
    forbiddenPath: text('forbiddenPath'),
    webSocket: form.flag('webSocket') ? 'on' : '',
    position: text('position'),
  }
}

function typedOf(rule: Rule): Typed {
  const { access } = rule
  const isPermission = typeof access === 'object' && 'may' in access
  const isBadge = typeof access === 'object' && 'badge' in access
  return {
    path: rule.path,
    kind: typeof access === 'string' ? access : isBadge ? 'badge' : 'may',
    permission: isPermission ? access.may : '',
    reach: isPermission ? access.reach : 'any',
    badge: isBadge ? access.badge : '',
    onUnauthenticated: rule.onUnauthenticated,
    signInPath: rule.signInPath ?? '',
    forbiddenPath: rule.forbiddenPath ?? '',
    webSocket: rule.webSocket ? 'on' : '',
    position: String(rule.position),
  }
}

/**
 * @param permissions of which the one is that a page takes
 * @param isThere a rule that is there says all of itself, and has nothing that is as usual
 */
function jsonOf(typed: Typed, permissions: readonly Permission[], isThere = false): NewRule {
  const { path, onUnauthenticated, signInPath, forbiddenPath, webSocket, position } = typed
  const offered = SIGNED_OUT.map(({ value }) => value).filter((value) => !isThere || value !== '')
  const known = chosen('onUnauthenticated', onUnauthenticated, offered)
  return {
    path,
    access: accessOf(typed, permissions),
    ...(known && { onUnauthenticated: known }),
    signInPath: signInPath || null,
    forbiddenPath: forbiddenPath || null,
    webSocket: webSocket !== '',
    ...((isThere || position !== '') && { position: wholeIn(position) ?? -1 }),
  }
}

function accessOf(
  { kind, permission, reach, badge }: Typed,
  permissions: readonly Permission[],
): Access {
  const opensFor = chosen(
    'kind',
    kind,
    KINDS.map(({ value }) => value),
  )
  // Also of what the kind leaves out nothing is taken that the form does not offer.
  const names = permissions.map(({ name }) => name)
  const may = chosen('permission', permission, ['', ...names])
  const far = chosen('reach', reach, ['', 'own', 'any'])
  if (opensFor === 'badge') return { badge }
  if (opensFor !== 'may') return opensFor
  if (may === '') throw new BadChoice('permission')
  if (far === '') throw new BadChoice('reach')
  return { may, reach: far }
}

async function editPage(
  c: ConsoleContext,
  rule: Rule | undefined,
  typed: Typed,
  { note, faults = {}, status }: Fault = {},
): Promise<Response> {
  const [permissions, badges] = await Promise.all([
    permissionsOf(c),
    choicesOf(c.var.client, 'badges'),
  ])
  const title = rule ? `Edit ${rule.path}` : 'New page rule'
  const place = rule ? placeOf(rule.id) : RULES.href
  const field = (name: keyof Typed, label: string) => ({
    name,
    label,
    value: typed[name],
    error: faults[name],
  })
  const body = (
    <>
      <Head title={title} crumbs={[RULES, ...(rule ? [{ href: place, text: rule.path }] : [])]} />
      {note}
      <Card>
        <form method="post" action={rule ? `${place}/edit` : `${place}/new`} class="stack">
          {rule ? <MadeOf c={c} revision={rule.revision} status={status} /> : <OnceKey />}
          <Field
            {...field('path', 'Pages')}
            required
            placeholder="/members/*"
            hint="A path; :name stands for one segment, * at the end for all below"
          />
          <Select {...field('kind', 'Opens for')} error={faults['access']} choices={KINDS} />
          <div class="row top">
            <Select
              {...field('permission', 'Permission')}
              error={faults['access.may']}
              hint="For whoever has a permission"
              choices={permissions.map(({ name }) => ({ value: name, text: name }))}
            />
            <Select
              {...field('reach', 'Reach')}
              error={faults['access.reach']}
              choices={[
                { value: 'any', text: 'any: for everybody’s' },
                { value: 'own', text: 'own: any reach will do' },
              ]}
            />
            <Select
              {...field('badge', 'Badge')}
              error={faults['access.badge']}
              hint={moreHint(badges) ?? 'For whoever has a badge'}
              choices={[{ value: '', text: 'none' }, ...withChosen(badges.items, typed.badge)]}
            />
          </div>
          <Select
            {...field('onUnauthenticated', 'Whoever is signed out gets')}
            choices={rule ? SIGNED_OUT.filter(({ value }) => value !== '') : SIGNED_OUT}
          />
          <div class="row top">
            <Field
              {...field('signInPath', 'Sign-in')}
              hint="A page of yours; empty for that of Guildhall"
            />
            <Field
              {...field('forbiddenPath', 'Without the right')}
              hint="A page of yours; empty for one that says what is missing"
            />
          </div>
          <Check name="webSocket" checked={typed.webSocket !== ''}>
            Hand on websockets <span class="muted">Nothing is checked once one is open.</span>
          </Check>
          <Field
            {...field('position', 'Position')}
            type="number"
            min={0}
            required={rule !== undefined}
            hint={`Smaller is asked earlier${rule ? '' : '; empty for after all others'}`}
          />
          <div class="row">
            <button>{rule ? 'Save' : 'Make page rule'}</button>
            <a class="button quiet" href={place}>
              Cancel
            </a>
          </div>
        </form>
      </Card>
    </>
  )
  const actions = callsOf(c.env.request.publicUrl, ({ v1 }) => {
    const json = jsonOf({ ...typed, path: typed.path || '/members/*' }, permissions)
    if (!rule) return v1['page-rules'].$post({ json })
    return v1['page-rules'][':ruleId'].$patch({
      param: { ruleId: rule.id },
      json,
      ifMatch: rule.revision,
    })
  })
  return show(c, { title, body, actions, ...(status && { status }) })
}

function deletePage(c: ConsoleContext, rule: Rule, fault: Fault = {}): Promise<Response> {
  const place = placeOf(rule.id)
  const body = (
    <>
      <Head title="Delete this rule?" crumbs={[RULES, { href: place, text: rule.path }]} />
      <Confirm
        title="Its pages are decided by the next rule that is about them"
        action={`${place}/delete`}
        word={wordFor(rule.path, rule.id)}
        button="Delete page rule"
        back={place}
        fault={fault}
        form={c.var.form}
      >
        <p>
          Where there is none they are closed, unless the site’s settings say that they are open.
        </p>
      </Confirm>
    </>
  )
  const actions = callsOf(c.env.request.publicUrl, ({ v1 }) =>
    v1['page-rules'][':ruleId'].$delete({ param: { ruleId: rule.id } }),
  )
  const { status } = fault
  return show(c, { title: `Delete ${rule.path}`, body, actions, ...(status && { status }) })
}
