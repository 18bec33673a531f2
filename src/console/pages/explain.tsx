/** Why a call, or a page, is answered as it is to somebody: the steps, the decisive one, and the way out. */
import type { GuildhallError } from '../../client/index.ts'
import { Field, Select, TextArea } from '../../look/forms.tsx'
import { Card, Facts, Head, Pill, Tabs } from '../../look/parts.tsx'
import { callsOf, type Client } from '../api.ts'
import { type ConsoleApp, type ConsoleContext, may } from '../context.ts'
import { attempt } from '../edit.tsx'
import { chosen, type Faults, faultsOf } from '../forms.ts'
import { Id } from '../links.tsx'
import { memberNamed } from '../lists.ts'
import { Refusal, statusOf } from '../refusal.tsx'
import { show } from '../shell.tsx'
import { Steps } from '../steps.tsx'

type Question = Parameters<Client['v1']['explain']['$post']>[0]['json']
type Explanation = Awaited<ReturnType<Client['v1']['explain']['$post']>>

const METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE'] as const
const NAMES = ['as', 'method', 'path', 'page', 'body', 'ifMatch'] as const
type Typed = Readonly<Record<(typeof NAMES)[number], string>>

export function explainPages(app: ConsoleApp): void {
  app.get('/console/explain', (c) => answer(c))
  // By POST, too: what a call sends may be nothing for an address. It changes nothing.
  app.post('/console/explain', (c) => answer(c))
}

function typedIn(c: ConsoleContext): Typed {
  const of = (name: string) =>
    c.var.form.has(name) ? c.var.form.text(name) : (c.req.query(name) ?? '').trim()
  return {
    as: of('as'),
    method: of('method'),
    path: of('path'),
    page: of('page'),
    body: of('body'),
    ifMatch: of('ifMatch'),
  }
}

/** Undefined if nothing is asked. @throws BadChoice @throws SyntaxError for a body that is no JSON */
function questionIn({ as, method, path, page, body, ifMatch }: Typed): Question | undefined {
  const who = as === '' ? {} : { as }
  const called = chosen('method', method || 'GET', METHODS)
  if (page !== '') return { ...who, page }
  if (path === '') return undefined
  return {
    ...who,
    method: called,
    path,
    ...(body !== '' && { body: JSON.parse(body) }),
    ...(ifMatch !== '' && { ifMatch }),
  }
}

async function answer(c: ConsoleContext): Promise<Response> {
  const typed = typedIn(c)
  let as: string | undefined
  const unknown = await attempt(
    memberNamed(c, typed.as).then((id) => (as = id)),
    { isOpen: true },
  )
  if (unknown) return page(c, typed, { refused: unknown })
  if (as === undefined)
    return page(c, typed, { faults: { as: 'Nobody has this address.' }, status: 422 })
  let question: Question | undefined
  try {
    question = questionIn({ ...typed, as })
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error
    return page(c, typed, { faults: { body: 'This is no JSON.' }, status: 422 })
  }
  if (!question) return page(c, typed)
  let explanation: Explanation | undefined
  const refused = await attempt(
    c.var.client.v1.explain.$post({ json: question }).then((each) => (explanation = each)),
    { isOpen: true },
  )
  return page(c, { ...typed, as }, { explanation, refused })
}

interface Shown {
  readonly explanation?: Explanation | undefined
  readonly refused?: GuildhallError | undefined
  readonly faults?: Faults
  readonly status?: number
}

async function page(c: ConsoleContext, typed: Typed, shown: Shown = {}): Promise<Response> {
  const { explanation, refused, faults = faultsOf(refused), status } = shown
  const about = c.req.query('about') ?? 'call'
  const isPage = chosen('about', about, ['call', 'page']) === 'page' || typed.page !== ''
  const mayAskForOthers = may(await c.var.me, 'explain:others')
  const who = (
    <Field
      name="as"
      label="Who"
      value={typed.as}
      error={faults['as']}
      placeholder={mayAskForOthers ? 'Id, email or anonymous' : 'You'}
      hint={
        mayAskForOthers
          ? 'Of a member, an API key (key_…) or a visitor (vis_…); you, if it is empty'
          : 'About others it takes explain:others'
      }
    />
  )
  const body = (
    <>
      <Head
        title="Explain"
        lead="The real call, tried and undone: which step decides, and what would have to change."
      />
      <Tabs
        label="What to explain"
        tabs={[
          { href: '/console/explain', text: 'A call of the API', here: !isPage },
          { href: '/console/explain?about=page', text: 'A page of the site', here: isPage },
        ]}
      />
      {refused && <Refusal error={refused} />}
      <div class="grid two">
        <Card>
          {isPage ? (
            <form method="get" class="stack">
              {who}
              <Field
                name="page"
                label="Page"
                required
                value={typed.page}
                error={faults['page']}
                placeholder="/members/handbook"
              />
              <div>
                <button>Explain</button>
              </div>
            </form>
          ) : (
            <form method="post" action="/console/explain" class="stack">
              {who}
              <Select
                name="method"
                label="Method"
                value={typed.method}
                error={faults['method']}
                choices={METHODS.map((method) => ({ value: method, text: method }))}
              />
              <Field
                name="path"
                label="Path"
                required
                value={typed.path}
                error={faults['path']}
                placeholder="/v1/users?limit=50"
              />
              <TextArea
                name="body"
                label="Body"
                hint="JSON; nothing if it is empty"
                value={typed.body}
                error={faults['body']}
              />
              <Field
                name="ifMatch"
                label="If-Match"
                value={typed.ifMatch}
                error={faults['ifMatch']}
                placeholder={'"3"'}
              />
              <div>
                <button>Explain</button>
              </div>
            </form>
          )}
        </Card>
        {explanation ? (
          <Result explanation={explanation} />
        ) : (
          <Card title="The steps">
            <p class="muted">
              Every request passes the same steps in the same order. The first that says no decides,
              and what comes after it is not reached.
            </p>
          </Card>
        )}
      </div>
    </>
  )
  const actions = callsOf(c.env.request.publicUrl, ({ v1 }) =>
    explanation
      ? undefined
      : v1.explain.$post({ json: { method: 'GET', path: '/v1/users?limit=50' } }),
  )
  return show(c, {
    title: 'Explain',
    body,
    actions,
    ...(refused ? { status: statusOf(refused) } : status && { status }),
  })
}

const Result = ({ explanation }: { readonly explanation: Explanation }) => {
  const { status, decisive, checks, change, pageRule, stoppedKeys } = explanation
  return (
    <Card
      title={`The answer is ${status}`}
      actions={<Pill tone={status < 400 ? 'good' : 'bad'}>decided at {decisive}</Pill>}
    >
      <Steps
        of={checks.map(({ stage, ...rest }) => ({ name: stage, ...rest }))}
        decisive={decisive}
      />
      {change && (
        <div class="panel warn">
          <strong>What would allow it:</strong> {change}
        </div>
      )}
      <Facts
        of={[
          [
            'Page rule',
            pageRule && (
              <>
                <code>{pageRule.path}</code> <Id id={pageRule.id} />
              </>
            ),
          ],
          [
            'Keys that lose scopes',
            stoppedKeys &&
              stoppedKeys.length > 0 &&
              stoppedKeys.map(({ keyId, name }) => (
                <p>
                  {name} <Id id={keyId} />
                </p>
              )),
          ],
        ]}
      />
    </Card>
  )
}
