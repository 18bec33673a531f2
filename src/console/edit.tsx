/** Forms that change something: what the API has refused is shown with what was typed. */
import type { PropsWithChildren } from 'hono/jsx'
import { GuildhallError } from '../client/index.ts'
import { Field, Hidden } from '../look/forms.tsx'
import { Card, Facts } from '../look/parts.tsx'
import type { ConsoleContext } from './context.ts'
import { BadChoice, type Faults, type Form } from './forms.ts'
import { visible } from '../look/visible.ts'
import { type Fault, faultOf } from './fault.tsx'

/**
 * Does what a form asks for.
 * @param isOpen whether the form is shown to them whatever they may do
 * @returns the refusal, with which the form is to be shown again; undefined if it is done
 * @throws it if nobody is signed in any more, if they may not do it and so may not see the form, or if it
 * may have been done: a form that is shown again has a new key, by which it would be done twice
 */
export async function attempt(
  work: Promise<unknown>,
  { isOpen = false }: { readonly isOpen?: boolean } = {},
): Promise<GuildhallError | undefined> {
  try {
    await work
    return undefined
  } catch (error) {
    const isAboutForm =
      error instanceof GuildhallError &&
      error.status !== undefined &&
      error.status < 500 &&
      error.status !== 401 &&
      error.code !== 'idempotency_in_flight' &&
      (isOpen || error.status !== 403)
    if (isAboutForm) return error
    throw error
  }
}

/** A new key for each form, so that one that is sent twice is done once. */
export const OnceKey = () => <Hidden name="once" value={crypto.randomUUID()} />

/** The options of a POST that a form with `OnceKey` asks for. @throws BadChoice for what is no such key */
export function once({ var: { form } }: ConsoleContext): { readonly idempotencyKey?: string } {
  if (!form.has('once')) return {}
  const key = form.text('once')
  if (!/^[\w-]{8,64}$/.test(key)) throw new BadChoice('once')
  return { idempotencyKey: key }
}

const DAY_HOURS = 24

/** How long an old secret is good beside a new one. Left empty that is a day: at once would cut its holder off. */
export function graceIn({ var: { form } }: ConsoleContext): { readonly graceSeconds: number } {
  return { graceSeconds: Math.round((form.number('graceHours') ?? DAY_HOURS) * 3600) }
}

/** The form that asks for a new secret, with what becomes of the old one as its text. */
export const Rotation = (
  props: PropsWithChildren<{
    readonly form: Form
    /** The path of what the secret is of. */
    readonly place: string
    readonly label: string
    readonly faults: Faults
  }>,
) => (
  <Card>
    <form method="post" action={`${props.place}/rotate`} class="stack">
      <OnceKey />
      <p>{props.children}</p>
      <Field
        name="graceHours"
        label={props.label}
        type="number"
        value={props.form.has('graceHours') ? props.form.text('graceHours') : String(DAY_HOURS)}
        min={0}
        max={720}
        error={props.faults['graceSeconds']}
      />
      <div class="row">
        <button>Make a new secret</button>
        <a class="button quiet" href={props.place}>
          Cancel
        </a>
      </div>
    </form>
  </Card>
)

/**
 * The revision that a form was made of, without which it would replace what it has not seen.
 * @throws BadChoice
 */
export function revisionOf({ var: { form } }: ConsoleContext): number {
  const text = form.text('revision')
  if (!/^[1-9]\d{0,14}$/.test(text)) throw new BadChoice('revision')
  return Number(text)
}

/**
 * The revision that a form is about: of what was read for it, and as long as nobody has been shown what
 * there is now, the one it was made of. Otherwise what is typed after a refusal would replace what is new.
 * @param status of the page: 412 shows both
 */
export const MadeOf = ({
  c,
  revision,
  status,
}: {
  readonly c: ConsoleContext
  readonly revision: number
  readonly status: number | undefined
}) => {
  const sent = c.var.form.optional('revision') ?? c.req.query('revision')
  return (
    <Hidden
      name="revision"
      value={status === 412 ? String(revision) : (sent ?? String(revision))}
    />
  )
}

export interface Differing {
  readonly name: string
  readonly there: string
  readonly typed: string
}

/** Somebody else was faster: what is there now beside what was typed. The form below is about the newer. */
export const Both = ({ fields }: { readonly fields: readonly Differing[] }) => {
  // Texts are stored in NFC, whatever they were typed in.
  const differing = fields.filter(({ there, typed }) => there !== typed.normalize('NFC'))
  return (
    <div role="alert" class="stack">
      <p>
        <strong>This has changed since you opened it.</strong> Nothing of yours was written. Below
        is what is there now, beside what you have typed; saving again replaces it.
      </p>
      <div class="grid two">
        <div class="stack tight">
          <h3>There now</h3>
          <Facts of={differing.map(({ name, there }) => [name, there || '—'])} />
        </div>
        <div class="stack tight">
          <h3>Typed by you</h3>
          <Facts of={differing.map(({ name, typed }) => [name, typed || '—'])} />
        </div>
      </div>
    </div>
  )
}

/** A page's one dangerous thing, which wants a word typed. Without the script the page checks it. */
export const Confirm = ({
  title,
  action,
  word,
  button,
  back,
  fault: { note, faults = {} },
  form,
  children,
}: PropsWithChildren<{
  readonly title: string
  readonly action: string
  /** What has to be typed, of `wordFor` if somebody has chosen it. */
  readonly word: string
  readonly button: string
  readonly back: string
  readonly fault: Fault
  /** What was typed, and was not it. */
  readonly form: Form
}>) => (
  <>
    {note}
    <Card title={title} danger>
      {children}
      <form method="post" action={action} class="stack">
        <OnceKey />
        <Field
          name="typed"
          label={
            <>
              Type <code>{word}</code> to confirm
            </>
          }
          required
          typed={word}
          value={form.text('typed')}
          error={faults['typed']}
        />
        <div class="row">
          <button class="danger">{button}</button>
          <a class="button plain" href={back}>
            Cancel
          </a>
        </div>
      </form>
    </Card>
  </>
)

/**
 * What has to be typed about something with this name: as it is seen, since nobody can type what is not.
 * @param id in place of a name of which nothing is seen
 */
export function wordFor(name: string, id: string): string {
  return visible(name) || id
}

/**
 * Does what a page with `Confirm` asks for, if its word was typed.
 * @returns what the page is shown again with, undefined if it is done
 */
export async function confirmed(
  { var: { form } }: ConsoleContext,
  word: string,
  work: () => Promise<unknown>,
): Promise<Fault | undefined> {
  if (word === '' || visible(form.text('typed')) !== word)
    return { faults: { typed: 'That is not what was asked for.' }, status: 422 }
  // What is to be confirmed was read before.
  const refused = await attempt(work(), { isOpen: true })
  return refused && faultOf(refused)
}
