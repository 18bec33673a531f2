/** The rules by which visits earn badges, and who would gain one if a rule were applied now. */
import { Check, Field, Select } from '../../look/forms.tsx'
import { BadgeChip, Card, Empty, Facts, Head, Pager, Pill, Table, Time } from '../../look/parts.tsx'
import { callsOf, type Client } from '../api.ts'
import { choicesOf } from '../choices.ts'
import { type ConsoleApp, type ConsoleContext, may } from '../context.ts'
import { attempt, Both, Confirm, confirmed, MadeOf, once, OnceKey, revisionOf } from '../edit.tsx'
import { type Fault, faultOf } from '../fault.tsx'
import { done } from '../flash.ts'
import { chosen, type Faults, wholeIn } from '../forms.ts'
import { filtersOf, listOf, moreHint, placesOf } from '../lists.ts'
import { measured, METRICS } from '../metrics.ts'
import { isUnderWay, RunTable, UnderWay } from '../runs.tsx'
import { part, show } from '../shell.tsx'

type Rule = Awaited<ReturnType<Client['v1']['badge-rules'][':ruleId']['$get']>>
type Listed = Awaited<ReturnType<Client['v1']['badge-rules']['$get']>>['items'][number]
type Preview = Awaited<ReturnType<Client['v1']['badge-rules'][':ruleId']['preview']['$post']>>

const placeOf = (ruleId: string) => `/console/rules/${encodeURIComponent(ruleId)}`
const idOf = (c: ConsoleContext) => c.req.param('ruleId') ?? ''
const RULES = { href: '/console/rules', text: 'Rules' }
/** The job that applies all rules. */
const JOB = 'award-badges'
const JOB_PLACE = `/console/jobs/${JOB}`

type Measured = Pick<Rule, 'metric' | 'threshold' | 'windowDays'>

const inWords = (rule: Measured) => `at least ${measured(rule)}`

export function rulePages(app: ConsoleApp): void {
  app.get('/console/rules', async (c) => {
    const { cursor } = filtersOf(c, ['cursor'])
    const page = await listOf(
      c,
      c.var.client.v1['badge-rules'].$get({ query: { limit: 50, cursor } }),
    )
    const make = (
      <a class="button" href="/console/rules/new">
        New rule
      </a>
    )
    const body = (
      <>
        <Head
          title="Rules"
          lead="A rule gives its badge to everybody whose visits reach it, past ones too, within minutes."
        >
          {make}
        </Head>
        <Table<Listed>
          caption="Rules"
          columns={[
            {
              label: 'Badge',
              cell: ({ id, badge }) => (
                <a href={placeOf(id)}>
                  <BadgeChip badge={badge} />
                </a>
              ),
            },
            { label: 'Takes', cell: (rule) => inWords(rule) },
            { label: 'State', cell: ({ enabled }) => <State enabled={enabled} /> },
            { label: 'Changed', cell: ({ updatedAt }) => <Time at={updatedAt} /> },
          ]}
          rows={page.items}
          empty={
            <Empty title="There are no rules yet">
              <p>Without one, badges are given by hand.</p>
              {make}
            </Empty>
          }
        />
        <Pager {...placesOf(c, page)} />
        <p class="muted">
          The runs of the job that applies them, and how far the last one is, are under{' '}
          <a href={JOB_PLACE}>Jobs</a>.
        </p>
      </>
    )
    return show(c, { title: 'Rules', body })
  })

  app.get('/console/rules/new', (c) => newPage(c))

  app.post('/console/rules/new', async (c) => {
    const { client, form } = c.var
    form.need(MEASURED)
    let made: Rule | undefined
    const refused = await attempt(
      client.v1['badge-rules']
        .$post({
          json: { badgeId: form.text('badgeId'), ...measuredIn(c), enabled: false },
          ...once(c),
        })
        .then((rule) => (made = rule)),
    )
    if (made) return done(c, placeOf(made.id), 'drafted')
    return newPage(c, faultOf(refused))
  })

  app.get('/console/rules/:ruleId', async (c) => rulePage(c))

  app.post('/console/rules/:ruleId', async (c) => {
    const { client, form } = c.var
    const param = { ruleId: idOf(c) }
    form.need(MEASURED)
    const typed = { ...measuredIn(c), enabled: form.flag('enabled') }
    const refused = await attempt(
      client.v1['badge-rules'][':ruleId'].$patch({ param, json: typed, ifMatch: revisionOf(c) }),
    )
    if (!refused) return done(c, placeOf(param.ruleId), 'saved')
    if (refused.code !== 'precondition_failed') return rulePage(c, faultOf(refused))
    const there = await read(c)
    const fields = [
      { name: 'Takes', there: inWords(there), typed: inWords(typed) },
      { name: 'Enabled', there: String(there.enabled), typed: String(typed.enabled) },
    ]
    return rulePage(c, { note: <Both fields={fields} />, status: 412 })
  })

  // What the script asks for while somebody types, and shows in the place of what was there.
  app.post('/console/rules/:ruleId/preview', async (c) => {
    const rule = measuredIn(c)
    const { preview, refused } = await previewOf(c, rule)
    const { note, status = 200 } = faultOf(refused)
    return part(c, preview ? <Gaining preview={preview} rule={rule} /> : note, status)
  })

  app.get('/console/rules/:ruleId/delete', (c) => deletePage(c))

  app.post('/console/rules/:ruleId/delete', async (c) => {
    const fault = await confirmed(c, 'delete', () =>
      c.var.client.v1['badge-rules'][':ruleId'].$delete({ param: { ruleId: idOf(c) } }),
    )
    return fault ? deletePage(c, fault) : done(c, '/console/rules', 'deleted')
  })
}

const State = ({ enabled }: { readonly enabled: boolean }) => (
  <Pill tone={enabled ? 'good' : 'plain'}>{enabled ? 'enabled' : 'disabled'}</Pill>
)

function read(c: ConsoleContext): Promise<Rule> {
  return c.var.client.v1['badge-rules'][':ruleId'].$get({ param: { ruleId: idOf(c) } })
}

const MEASURED = ['metric', 'threshold', 'windowDays'] as const
const NEW: Measured = { metric: 'visits', threshold: 10, windowDays: null }

/** A field as it was sent, or as it is in the address; undefined if it is in neither. */
function textOf(c: ConsoleContext, name: (typeof MEASURED)[number]): string | undefined {
  return c.var.form.has(name) ? c.var.form.text(name) : c.req.query(name)?.trim()
}

async function previewOf(c: ConsoleContext, rule: Measured) {
  let preview: Preview | undefined
  const refused = await attempt(
    c.var.client.v1['badge-rules'][':ruleId'].preview
      .$post({ param: { ruleId: idOf(c) }, json: rule })
      .then((answer) => (preview = answer)),
  )
  return { preview, refused }
}

/** What the fields show, which is no rule yet. */
interface Typed {
  readonly metric: string
  readonly threshold: string
  readonly windowDays: string
  readonly enabled: boolean
}

/** What was sent, or is in the address by a preview without the script; as the rule has it before that. */
function typedIn(c: ConsoleContext, rule: Measured & { readonly enabled: boolean }): Typed {
  const { form } = c.var
  const of = (name: (typeof MEASURED)[number]) => textOf(c, name)
  const isSent = of('threshold') !== undefined
  return {
    metric: of('metric') ?? rule.metric,
    threshold: of('threshold') ?? String(rule.threshold),
    windowDays: of('windowDays') ?? String(rule.windowDays ?? ''),
    enabled: isSent ? form.has('enabled') || c.req.query('enabled') !== undefined : rule.enabled,
  }
}

/** What was sent, or is in the address; what is neither is as it is otherwise. @throws BadChoice */
function measuredIn(c: ConsoleContext, otherwise = NEW): Measured {
  const [metric, threshold, windowDays] = MEASURED.map((name) => textOf(c, name))
  const names = METRICS.map(([name]) => name)
  return {
    metric: metric === undefined ? otherwise.metric : chosen('metric', metric, names),
    threshold: threshold === undefined ? otherwise.threshold : (wholeIn(threshold) ?? -1),
    windowDays: windowDays === undefined ? otherwise.windowDays : (wholeIn(windowDays) ?? null),
  }
}

const MeasuredFields = ({
  typed,
  faults = {},
}: {
  readonly typed: Typed
  readonly faults?: Faults | undefined
}) => (
  <>
    <Select
      name="metric"
      label="Counts"
      value={typed.metric}
      choices={METRICS.map(([value, text]) => ({ value, text }))}
      error={faults['metric']}
    />
    <Field
      name="threshold"
      label="At least"
      type="number"
      min={1}
      max={1_000_000}
      required
      value={typed.threshold}
      error={faults['threshold']}
    />
    <Field
      name="windowDays"
      label="Within days"
      type="number"
      min={1}
      max={365}
      hint="Back from today; for ever if empty"
      value={typed.windowDays}
      error={faults['windowDays']}
    />
  </>
)

async function newPage(c: ConsoleContext, { note, faults, status }: Fault = {}) {
  const { client, form } = c.var
  const badges = await choicesOf(client, 'badges')
  const rule = measuredIn(c)
  const body = (
    <>
      <Head title="New rule" crumbs={[RULES]} />
      {note}
      {badges.items.length === 0 ? (
        <Card>
          <Empty title="A rule gives a badge, and there is none">
            <a class="button" href="/console/badges/new">
              Make a badge
            </a>
          </Empty>
        </Card>
      ) : (
        <Card>
          <p class="muted">
            It begins disabled: the next page shows who would gain the badge, and enables it.
          </p>
          <form method="post" class="stack">
            <OnceKey />
            <Select
              name="badgeId"
              label="Badge"
              value={form.text('badgeId')}
              hint={moreHint(badges)}
              choices={badges.items}
            />
            <MeasuredFields typed={typedIn(c, { ...rule, enabled: false })} faults={faults} />
            <div class="row">
              <button>Make rule</button>
              <a class="button plain" href="/console/rules">
                Cancel
              </a>
            </div>
          </form>
        </Card>
      )}
    </>
  )
  const actions = callsOf(c.env.request.publicUrl, ({ v1 }) =>
    v1['badge-rules'].$post({ json: { badgeId: badges.items[0]?.value ?? 'bdg_…', ...rule } }),
  )
  return show(c, { title: 'New rule', body, actions, ...(status && { status }) })
}

/** Who would gain the badge. @param rule of which that is so */
const Gaining = ({ preview, rule }: { readonly preview: Preview; readonly rule: Measured }) => {
  const { wouldGain, sample, asOf } = preview
  const others = wouldGain - sample.length
  return (
    <div class="stack">
      <p>
        <strong>
          {wouldGain} {wouldGain === 1 ? 'member' : 'members'}
        </strong>{' '}
        would gain it now, having {inWords(rule)}.
      </p>
      {sample.length > 0 && (
        <ul class="stack tight">
          {sample.map(({ userId, displayName, have }) => (
            <li class="row between">
              <a href={`/console/members/${userId}`}>{displayName}</a>
              <span class="muted nums">has {have}</span>
            </li>
          ))}
        </ul>
      )}
      {others > 0 && <p class="muted">and {others} more</p>}
      <p class="muted small">
        As of <Time at={asOf} />. Whoever holds the badge, or had it taken away, gains nothing.
      </p>
    </div>
  )
}

async function rulePage(c: ConsoleContext, saving: Fault = {}) {
  const { client } = c.var
  const param = { ruleId: idOf(c) }
  const rule = await read(c)
  const typed = typedIn(c, rule)
  const wanted = measuredIn(c, rule)
  const [badge, { preview, refused }, runs] = await Promise.all([
    client.v1.badges[':badgeId'].$get({ param: { badgeId: rule.badgeId } }),
    // What was not saved would not be told of either.
    saving.faults ? { preview: undefined, refused: undefined } : previewOf(c, wanted),
    may(await c.var.me, 'job:run')
      ? client.v1.jobs[':job'].runs.$get({ param: { job: JOB }, query: { limit: 5 } })
      : undefined,
  ])
  const { note, faults = {}, status } = saving.status ? saving : faultOf(refused)
  const place = placeOf(rule.id)
  const [running] = runs?.items ?? []
  const body = (
    <>
      <Head
        title={
          <span class="row">
            Rule for <BadgeChip badge={badge} big />
          </span>
        }
        crumbs={[RULES]}
      >
        <a class="button plain" href={`${place}/delete`}>
          Delete…
        </a>
      </Head>
      {note}
      <div class="grid two">
        <Card title="Rule" actions={<State enabled={rule.enabled} />}>
          <form
            method="post"
            action={place}
            class="stack"
            data-live="gaining"
            data-from={`${place}/preview`}
          >
            <MadeOf c={c} revision={rule.revision} status={status} />
            <MeasuredFields typed={typed} faults={faults} />
            <Check name="enabled" checked={typed.enabled}>
              Enabled: applied every few minutes, to everybody
            </Check>
            <div class="row">
              <button>Save</button>
              <button class="plain" formmethod="get" formnovalidate>
                Preview
              </button>
            </div>
          </form>
        </Card>
        <Card title="Who would gain it">
          <div id="gaining" aria-live="polite">
            {preview && <Gaining preview={preview} rule={wanted} />}
          </div>
        </Card>
      </div>
      {running && isUnderWay(running) && <UnderWay job={JOB} run={running} hasForm />}
      {runs && (
        <Card
          title="Last runs of all rules"
          actions={<a href={JOB_PLACE}>All runs, and run now</a>}
          flush
        >
          <RunTable job={JOB} runs={runs.items} />
        </Card>
      )}
      <Card title="Details">
        <Facts
          of={[
            ['Id', <code>{rule.id}</code>],
            ['Badge', <a href={`/console/badges/${badge.id}`}>{badge.title}</a>],
            ['Made', <Time at={rule.createdAt} />],
            ['Changed', <Time at={rule.updatedAt} />],
            ['Revision', String(rule.revision)],
          ]}
        />
      </Card>
    </>
  )
  const actions = callsOf(c.env.request.publicUrl, ({ v1 }) =>
    v1['badge-rules'][':ruleId'].$patch({
      param,
      json: { ...wanted, enabled: true },
      ifMatch: rule.revision,
    }),
  )
  return show(c, { title: `Rule for ${badge.title}`, body, actions, ...(status && { status }) })
}

async function deletePage(c: ConsoleContext, fault: Fault = {}): Promise<Response> {
  const rule = await read(c)
  const place = placeOf(rule.id)
  const body = (
    <>
      <Head title="Delete this rule?" crumbs={[RULES, { href: place, text: inWords(rule) }]} />
      <Confirm
        title="The badges it has given stay"
        action={`${place}/delete`}
        word="delete"
        button="Delete rule"
        back={place}
        fault={fault}
        form={c.var.form}
      >
        <p>It takes {inWords(rule)}, and gives no badge any more.</p>
      </Confirm>
    </>
  )
  const actions = callsOf(c.env.request.publicUrl, ({ v1 }) =>
    v1['badge-rules'][':ruleId'].$delete({ param: { ruleId: rule.id } }),
  )
  const { status } = fault
  return show(c, { title: 'Delete a rule', body, actions, ...(status && { status }) })
}
