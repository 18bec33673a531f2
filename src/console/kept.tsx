/** What was typed into a form that is not shown again itself: it is not lost with the refusal. */
import { Field, Hidden, TextArea } from '../look/forms.tsx'
import { Card } from '../look/parts.tsx'
import type { ConsoleContext } from './context.ts'
import type { Faults } from './forms.ts'

/** Never shown again, and so asked for again. */
const SECRET: ReadonlySet<string> = new Set(['token'])
/** What a form says of itself, and nobody has typed. */
const OWN: ReadonlySet<string> = new Set(['once', 'revision'])

function entriesOf({ var: { form } }: ConsoleContext): [string, string][] {
  return form.entries().filter(([name]) => !SECRET.has(name))
}

function placeOf(c: ConsoleContext): string {
  const { pathname, search } = new URL(c.req.url)
  return pathname + search
}

/** All of a form, to be sent once more as it was. */
export const Kept = ({ c }: { readonly c: ConsoleContext }) => (
  <form method="post" action={placeOf(c)}>
    {entriesOf(c).map(([name, value]) => (
      <textarea name={name} hidden>
        {/* The parser drops the first line break. */}
        {`\n${value}`}
      </textarea>
    ))}
    <button>Send it again</button>
  </form>
)

/** All of a form that says what was typed, to be mended and sent once more. */
export const TypedAgain = ({
  c,
  faults,
}: {
  readonly c: ConsoleContext
  readonly faults: Faults
}) => {
  const entries = entriesOf(c)
  const isTyped = ([name, value]: readonly [string, string]) => !OWN.has(name) && value !== ''
  if (!entries.some(isTyped)) return <></>
  const ofName = Map.groupBy(entries, ([name]) => name)
  return (
    <Card title="What you have typed">
      <form method="post" action={placeOf(c)} class="stack">
        {entries.map((entry) => {
          const [name, value] = entry
          // The id of a field is its name, so what is there more than once is not shown.
          const isOne = ofName.get(name)?.length === 1
          if (!isOne || !isTyped(entry)) return <Hidden name={name} value={value} />
          const field = { name, value, label: <code>{name}</code>, error: faults[name] }
          return /[\n\r]|^.{80}/.test(value) ? <TextArea {...field} /> : <Field {...field} />
        })}
        <span>
          <button class="plain">Send it again</button>
        </span>
      </form>
    </Card>
  )
}
