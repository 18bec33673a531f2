/** Whose tokens count: whether each provider is set up right, and why one of its tokens is refused. */
import type { GuildhallError } from '../../client/index.ts'
import { Select, TextArea } from '../../look/forms.tsx'
import { Card, Empty, Facts, Head, Pager, Pill, Time, type Tone } from '../../look/parts.tsx'
import { callsOf, type Client } from '../api.ts'
import type { ConsoleApp, ConsoleContext } from '../context.ts'
import { attempt } from '../edit.tsx'
import { faultsOf } from '../forms.ts'
import { Id } from '../links.tsx'
import { filtersOf, listOf, placesOf } from '../lists.ts'
import { Refusal, statusOf } from '../refusal.tsx'
import { show } from '../shell.tsx'
import { Steps } from '../steps.tsx'

type Issuer = Awaited<ReturnType<Client['v1']['issuers']['$get']>>['items'][number]
type Checked = Awaited<ReturnType<Client['v1']['issuers']['check']['$post']>>

const KINDS = [
  { value: 'access', text: 'Access token: lets its bearer in' },
  { value: 'id', text: 'ID token: says what somebody is called' },
] as const

export function providerPages(app: ConsoleApp): void {
  app.get('/console/providers', (c) => page(c))

  // A token in an address would be in histories and logs.
  app.post('/console/providers', async (c) => {
    const { client, form } = c.var
    const kind = form.choice(
      'kind',
      KINDS.map(({ value }) => value),
    )
    // It is pasted from headers and settings, where it has this in front and line breaks inside.
    const token = form
      .text('token')
      .replace(/^Bearer\s+/i, '')
      .replaceAll(/\s/g, '')
    let checked: Checked | undefined
    const refused = await attempt(
      client.v1.issuers.check.$post({ json: { token, kind } }).then((each) => (checked = each)),
    )
    return page(c, { checked, refused, kind })
  })
}

interface Answered {
  readonly checked?: Checked | undefined
  readonly refused?: GuildhallError | undefined
  readonly kind?: 'access' | 'id'
}

async function page(c: ConsoleContext, { checked, refused, kind }: Answered = {}) {
  const { cursor } = filtersOf(c, ['cursor'])
  const issuers = await listOf(c, c.var.client.v1.issuers.$get({ query: { limit: 20, cursor } }))
  const faults = faultsOf(refused)
  const body = (
    <>
      <Head
        title="Providers"
        lead="Whose tokens this site takes, and why one of them is refused. The first place to look when a sign-in fails."
      />
      {refused && <Refusal error={refused} />}
      <div class="grid two">
        <Card title="Check a token">
          <form method="post" action="/console/providers" class="stack">
            <TextArea
              name="token"
              label="Token"
              hint="It signs nobody in, and is kept and logged nowhere."
              rows={5}
              error={faults['token']}
            />
            <Select name="kind" label="What it is for" value={kind ?? 'access'} choices={KINDS} />
            <div>
              <button>Check</button>
            </div>
          </form>
        </Card>
        {checked ? (
          <Result checked={checked} />
        ) : (
          <Card title="What is checked">
            <p class="muted">
              Each token passes the same checks in the same order: its form, who has issued it, whom
              it is for, what it says, when, and by which key it is signed. The first that fails
              decides.
            </p>
          </Card>
        )}
      </div>
      {issuers.items.length === 0 ? (
        <Empty title="No provider is trusted">
          <p>
            People sign in with the login of this site. To take tokens of a provider as well, set{' '}
            <code>TRUSTED_ISSUERS</code>.
          </p>
        </Empty>
      ) : (
        issuers.items.map((issuer) => <Provider issuer={issuer} />)
      )}
      <Pager {...placesOf(c, issuers)} />
    </>
  )
  const actions = checked
    ? []
    : callsOf(c.env.request.publicUrl, ({ v1 }) =>
        v1.issuers.check.$post({ json: { token: 'eyJ…', kind: 'access' } }),
      )
  const status = refused && statusOf(refused)
  return show(c, { title: 'Providers', body, actions, ...(status && { status }) })
}

/** Clocks further apart than this lose some of what is forgiven. */
const NOTABLE_SKEW_S = 10

function stateOf({ keysFault, keys, clockSkewSeconds }: Issuer): readonly [Tone, string] {
  if (keys.length === 0) return ['bad', 'no keys']
  if (keysFault) return ['warn', 'keys not fetched lately']
  if (Math.abs(clockSkewSeconds ?? 0) > NOTABLE_SKEW_S) return ['warn', 'its clock is off']
  return ['good', 'set up']
}

const Provider = ({ issuer }: { readonly issuer: Issuer }) => {
  const [tone, text] = stateOf(issuer)
  const { keys, clockSkewSeconds: skew, keysFetchedAt } = issuer
  const does = [
    issuer.signsIn && 'signs people in to pages',
    issuer.readsIdTokens && 'says what people are called',
    issuer.tellsLogouts && 'tells who has signed out there',
    issuer.tellsSignals && 'tells of security events',
  ].filter((each) => each !== false)
  return (
    <Card title={issuer.issuer} actions={<Pill tone={tone}>{text}</Pill>}>
      <Facts
        of={[
          ['Audience', <code>{issuer.audience}</code>],
          ['Algorithms', issuer.algorithms.join(', ')],
          ['Asked for besides', issuer.claims.join(', ')],
          ['Also', does.join(', ')],
          ['Keys from', issuer.keysUrl ? <code>{issuer.keysUrl}</code> : 'the settings'],
          ['Fetched', keysFetchedAt && <Time at={keysFetchedAt} form="ago" />],
          ['Last fetch failed', issuer.keysFault],
          ['Its clock', skew === null ? undefined : clockOf(skew)],
          [
            'Keys',
            keys.length > 0 && (
              <ul class="stack tight">
                {keys.map(({ id, kind, algorithm }) => (
                  <li>
                    <code>{id ?? 'without a name'}</code>{' '}
                    <span class="muted">{[kind, algorithm].filter(Boolean).join(', ')}</span>
                  </li>
                ))}
              </ul>
            ),
          ],
        ]}
      />
    </Card>
  )
}

function clockOf(seconds: number): string {
  if (Math.abs(seconds) <= 1) return 'as ours'
  return `${Math.abs(seconds)} s ${seconds > 0 ? 'ahead of' : 'behind'} ours`
}

const Result = ({ checked }: { readonly checked: Checked }) => {
  const { good, failed, checks, says, userId, change } = checked
  return (
    <Card
      title={good ? 'The token is good' : 'The token is refused'}
      actions={<Pill tone={good ? 'good' : 'bad'}>{good ? 'good' : `fails at ${failed}`}</Pill>}
    >
      <Steps
        of={checks.map(({ check, ...rest }) => ({ name: check, ...rest }))}
        decisive={failed}
      />
      {change && (
        <div class="panel warn">
          <strong>What would mend it:</strong> {change}
        </div>
      )}
      <Facts
        of={[
          ['Speaks for', userId && <Id id={userId} />],
          ['Says it is from', says?.issuer && <code>{says.issuer}</code>],
          ['Says it is for', says && says.audience.length > 0 && says.audience.join(', ')],
          ['Key', says?.keyId && <code>{says.keyId}</code>],
          ['Issued', says?.issuedAt && <Time at={says.issuedAt} />],
          ['Good until', says?.expiresAt && <Time at={says.expiresAt} />],
        ]}
      />
    </Card>
  )
}
