/** Forms that change something: what the API has refused is shown with what was typed. */
import type { PropsWithChildren } from 'hono/jsx'
import { GuildhallError } from '../client/index.ts'
import { Field, Hidden } from '../look/forms.tsx'
import { Card, Facts } from '../look/parts.tsx'
import type { ConsoleContext } from './context.ts'
import { type Fault, faultOf } from './fault.tsx'
import type { Faults, Form } from './forms.ts'

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

/** The options of a POST that a form with `OnceKey` asks for. */
export function once({ var: { form } }: ConsoleContext): { readonly idempotencyKey?: string } {
  const key = form.text('once')
  return /^[\w-]{8,64}$/.test(key) ? { idempotencyKey: key } : {}
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

/** The revision that a form was made of; undefined if it does not say. */
export function revisionOf({ var: { form } }: ConsoleContext): number | undefined {
  return form.number('revision')
}

export interface Differing {
  readonly name: string
  readonly there: string
  readonly typed: string
}

/** Somebody else was faster: what is there now beside what was typed. The form below is about the newer. */
export const Both = ({ fields }: { readonly fields: readonly Differing[] }) => {
  const differing = fields.filter(({ there, typed }) => there !== typed)
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
  /** What has to be typed. */
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
 * Does what a page with `Confirm` asks for, if its word was typed.
 * @returns what the page is shown again with, undefined if it is done
 */
export async function confirmed(
  { var: { form } }: ConsoleContext,
  word: string,
  work: () => Promise<unknown>,
): Promise<Fault | undefined> {
  if (form.text('typed') !== word.trim())
    return { faults: { typed: 'That is not what was asked for.' }, status: 422 }
  // What is to be confirmed was read before.
  const refused = await attempt(work(), { isOpen: true })
  return refused && faultOf(refused)
}
