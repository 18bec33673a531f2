/** Fields of forms, each with its label, its hint and what is wrong with it. */
import type { Child, PropsWithChildren } from 'hono/jsx'

interface FieldProps {
  readonly name: string
  readonly label: Child
  readonly hint?: Child
  /** What the API has said about the value. */
  readonly error?: string | undefined
}

function describe({ name, hint, error }: FieldProps) {
  const ids = [hint && `${name}-hint`, error && `${name}-error`].filter(Boolean).join(' ')
  return {
    ...(ids && { 'aria-describedby': ids }),
    ...(error && { 'aria-invalid': 'true' as const }),
  }
}

/** The label, hint and error around a control; `id` of the control is the name of the field. */
const Around = (props: PropsWithChildren<FieldProps>) => (
  <div class="field">
    <label for={props.name}>{props.label}</label>
    {props.children}
    {props.hint && (
      <p class="hint" id={`${props.name}-hint`}>
        {props.hint}
      </p>
    )}
    {props.error && (
      <p class="error" id={`${props.name}-error`}>
        {props.error}
      </p>
    )}
  </div>
)

type Kind =
  | 'text'
  | 'number'
  | 'url'
  | 'search'
  | 'date'
  | 'time'
  | 'datetime-local'
  | 'color'
  | 'tel'

export const Field = ({
  value = '',
  type = 'text',
  required = false,
  maxlength,
  min,
  max,
  placeholder,
  autocomplete = 'off',
  typed,
  ...field
}: FieldProps & {
  readonly value?: string | number
  readonly type?: Kind
  readonly required?: boolean
  readonly maxlength?: number
  readonly min?: number
  readonly max?: number
  readonly placeholder?: string
  readonly autocomplete?: string
  /** What has to be typed before the script lets the form be sent. */
  readonly typed?: string
}) => (
  <Around {...field}>
    <input
      id={field.name}
      name={field.name}
      type={type}
      value={value}
      autocomplete={autocomplete}
      {...describe(field)}
      {...(required && { required: true })}
      {...(maxlength !== undefined && { maxlength })}
      {...(min !== undefined && { min })}
      {...(max !== undefined && { max })}
      {...(placeholder !== undefined && { placeholder })}
      {...(typed !== undefined && { 'data-typed': typed })}
    />
  </Around>
)

export const TextArea = ({
  value = '',
  rows = 3,
  maxlength,
  ...field
}: FieldProps & {
  readonly value?: string
  readonly rows?: number
  readonly maxlength?: number
}) => (
  <Around {...field}>
    <textarea
      id={field.name}
      name={field.name}
      rows={rows}
      {...describe(field)}
      {...(maxlength !== undefined && { maxlength })}
    >
      {value}
    </textarea>
  </Around>
)

export interface Choice {
  readonly value: string
  readonly text: string
}

export const Select = ({
  value = '',
  choices,
  from,
  all,
  ...field
}: FieldProps & {
  readonly value?: string
  readonly choices: readonly Choice[]
  /** Where the script finds those that are not among them yet, as JSON. */
  readonly from?: string
  /** Where all of them are without the script: an address of the same page. */
  readonly all?: string
}) => (
  <Around {...field}>
    <select
      id={field.name}
      name={field.name}
      {...describe(field)}
      {...(from !== undefined && { 'data-choices': from })}
    >
      {choices.map((choice) => (
        <option value={choice.value} selected={choice.value === value}>
          {choice.text}
        </option>
      ))}
    </select>
    {all !== undefined && (
      <noscript>
        <a href={all}>Offer all of them</a>
      </noscript>
    )}
  </Around>
)

export const Check = ({
  name,
  value = 'on',
  checked = false,
  children,
}: PropsWithChildren<{
  readonly name: string
  readonly value?: string
  readonly checked?: boolean
}>) => (
  <label class="check">
    <input type="checkbox" name={name} value={value} checked={checked} />
    <span>{children}</span>
  </label>
)

export const Hidden = ({ name, value }: { readonly name: string; readonly value: string }) => (
  <input type="hidden" name={name} value={value} />
)
