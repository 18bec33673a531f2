/** What pages are made of. Whatever is shown is text: markup in it is escaped by the renderer. */
import { type Child, type PropsWithChildren, useContext } from 'hono/jsx'
import { initialsOf } from './initials.ts'
import { IsUnknown, SiteZone } from './site.ts'

/** A tone says in colour what the words beside it say too. */
export type Tone = 'good' | 'bad' | 'warn' | 'info' | 'plain'

export interface Crumb {
  readonly href: string
  readonly text: string
}

/** The top of a page: where it is, what it is called, and what can be done here. */
export const Head = ({
  title,
  lead,
  crumbs = [],
  children,
}: PropsWithChildren<{
  readonly title: Child
  readonly lead?: Child
  readonly crumbs?: readonly Crumb[]
}>) => (
  <div class="head">
    <div class="grow">
      {crumbs.length > 0 && (
        <nav class="crumbs" aria-label="Breadcrumb">
          {crumbs.map(({ href, text }) => (
            <>
              <a href={href}>{text}</a>
              {' / '}
            </>
          ))}
        </nav>
      )}
      <h1>{title}</h1>
    </div>
    {children && <div class="actions">{children}</div>}
    {lead && <p class="lead">{lead}</p>}
  </div>
)

export const Card = ({
  title,
  actions,
  footer,
  danger = false,
  flush = false,
  children,
}: PropsWithChildren<{
  readonly title?: Child
  readonly actions?: Child
  readonly footer?: Child
  readonly danger?: boolean
  /** Whether the content goes to the edge, as a table does. */
  readonly flush?: boolean
}>) => (
  <section class={danger ? 'card danger' : 'card'}>
    {title && (
      <header>
        <h2>{title}</h2>
        {actions && <div class="actions">{actions}</div>}
      </header>
    )}
    {flush ? children : <div class="body stack">{children}</div>}
    {footer && <footer>{footer}</footer>}
  </section>
)

/** In place of a list that has nothing in it. */
export const Empty = ({ title, children }: PropsWithChildren<{ readonly title: string }>) => {
  if (useContext(IsUnknown)) return <></>
  return (
    <div class="empty">
      <h2>{title}</h2>
      {children}
    </div>
  )
}

export interface Column<Row> {
  readonly label: string
  readonly cell: (row: Row) => Child
  readonly align?: 'right'
  /** Whether the value says what it is: on a phone it goes without its label. */
  readonly bare?: boolean
}

/**
 * A table whose first column names the row. On a phone each row is a block, with the label of its
 * column before each value; the roles are there because blocks lose those of a table.
 */
export function Table<Row>({
  caption,
  columns,
  rows,
  empty,
}: {
  readonly caption: string
  readonly columns: readonly Column<Row>[]
  readonly rows: readonly Row[]
  readonly empty: Child
}) {
  if (rows.length === 0) return useContext(IsUnknown) ? <></> : <div class="table">{empty}</div>
  return (
    <div class="table">
      <table role="table">
        <caption class="only-read">{caption}</caption>
        <thead role="rowgroup">
          <tr role="row">
            {columns.map(({ label, align }) => (
              <th scope="col" role="columnheader" class={align}>
                {label || <span class="only-read">Actions</span>}
              </th>
            ))}
          </tr>
        </thead>
        <tbody role="rowgroup">
          {rows.map((row) => (
            <tr role="row">
              {columns.map(({ label, cell, align, bare }, at) =>
                at === 0 ? (
                  <th scope="row" role="rowheader">
                    {cell(row)}
                  </th>
                ) : (
                  <td role="cell" class={align} {...(label && !bare && { 'data-label': label })}>
                    <div>{cell(row)}</div>
                  </td>
                ),
              )}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  )
}

/** @param href of the next page; null on the last */
export const Pager = ({
  shown,
  first,
  next,
}: {
  readonly shown: number
  readonly first: string | null
  readonly next: string | null
}) => {
  const isAll = !first && !next
  if (isAll && shown === 0) return <></>
  return (
    <nav class="pager" aria-label="Pages">
      <span>
        {shown} {shown === 1 ? 'entry' : 'entries'}
        {!isAll && ' on this page'}
      </span>
      <span class="row">
        {first && (
          <a class="button plain small" href={first}>
            First page
          </a>
        )}
        {next && (
          <a class="button plain small" href={next} rel="next">
            Next page
          </a>
        )}
      </span>
    </nav>
  )
}

export const Pill = ({ tone = 'plain', children }: PropsWithChildren<{ readonly tone?: Tone }>) => (
  <span class={`pill ${tone}`}>{children}</span>
)

export interface ShownBadge {
  readonly title: string
  readonly backgroundColor: string
  readonly textColor: string
  readonly iconUrl: string | null
}

/** Badges have colours of their own; `colourRules` writes what these classes stand for. */
export function colourClass({ backgroundColor, textColor }: ShownBadge): string {
  const [ground, text] = [backgroundColor, textColor].map((hex) => hex.slice(1).toLowerCase())
  return `c-${ground}-${text}`
}

/** Rules for every class of that kind in a page; whatever else looks like one colours nothing. */
export function colourRules(page: string): string {
  const found = new Set(page.match(/\bc-[0-9a-f]{6}-[0-9a-f]{6}\b/g))
  return [...found]
    .map((name) => `.${name}{background:#${name.slice(2, 8)};color:#${name.slice(9)}}`)
    .join('')
}

export const BadgeChip = ({
  badge,
  big = false,
}: {
  readonly badge: ShownBadge
  readonly big?: boolean
}) => (
  <span class={`chip ${big ? 'big ' : ''}${colourClass(badge)}`}>
    {badge.iconUrl && (
      <img src={badge.iconUrl} alt="" referrerpolicy="no-referrer" loading="lazy" />
    )}
    {badge.title}
  </span>
)

/** The picture of a member, or the first letters of their name. */
export const Face = ({
  name,
  url,
  big = false,
}: {
  readonly name: string
  readonly url: string | null
  readonly big?: boolean
}) => {
  const shape = big ? 'face big' : 'face'
  if (url) return <img class={shape} src={url} alt="" referrerpolicy="no-referrer" loading="lazy" />
  return (
    <span class={shape} aria-hidden="true">
      {initialsOf(name)}
    </span>
  )
}

/**
 * A time. It is sent in the zone of the site; the script puts it into that of the reader, and leaves
 * the site's in the title.
 */
export const Time = ({
  at,
  form = 'full',
}: {
  /** RFC 3339. */
  readonly at: string
  readonly form?: 'full' | 'day' | 'ago'
}) => {
  const zone = useContext(SiteZone)
  const style = form === 'day' ? undefined : ('short' as const)
  const shown = formatted(at, zone, style)
  return (
    <time datetime={at} data-form={form} title={`${formatted(at, zone, 'medium')} (${zone})`}>
      {shown}
    </time>
  )
}

function formatted(
  at: string,
  timeZone: string,
  timeStyle: 'short' | 'medium' | undefined,
): string {
  const style = timeStyle
    ? ({ dateStyle: 'medium', timeStyle } as const)
    : ({ dateStyle: 'medium' } as const)
  return new Intl.DateTimeFormat('en-GB', { ...style, timeZone }).format(new Date(at))
}

/** A day as the site counts days, `2026-11-30`. */
export const Day = ({ day }: { readonly day: string }) => (
  <time datetime={day}>
    {new Intl.DateTimeFormat('en-GB', { dateStyle: 'medium', timeZone: 'UTC' }).format(
      new Date(`${day}T00:00:00Z`),
    )}
  </time>
)

const ABSENT: ReadonlySet<unknown> = new Set([undefined, null, false, ''])

/** Names and values, as of one thing. A value that is not there is left out with its name. */
export const Facts = ({ of }: { readonly of: readonly (readonly [string, Child])[] }) => {
  const there = of.filter(([, value]) => !ABSENT.has(value))
  if (there.length === 0) return <></>
  return (
    <dl class="facts">
      {there.map(([name, value]) => (
        <>
          <dt>{name}</dt>
          <dd>{value}</dd>
        </>
      ))}
    </dl>
  )
}

export const Figure = ({
  name,
  value,
  note,
}: {
  readonly name: string
  readonly value: Child
  readonly note?: Child
}) => (
  <section class="card">
    <dl class="figure">
      <dt>{name}</dt>
      <dd>{value}</dd>
      {note && <dd>{note}</dd>}
    </dl>
  </section>
)

export const Tabs = ({
  label,
  tabs,
}: {
  readonly label: string
  readonly tabs: readonly { readonly href: string; readonly text: string; readonly here: boolean }[]
}) => (
  <nav class="tabs" aria-label={label}>
    {tabs.map(({ href, text, here }) => (
      <a href={href} {...(here && { 'aria-current': 'page' as const })}>
        {text}
      </a>
    ))}
  </nav>
)

/** Text that is there to be taken elsewhere. */
export const Copyable = ({
  id,
  text,
  label,
}: {
  readonly id: string
  readonly text: string
  readonly label: string
}) => (
  <div class="stack tight">
    <div class="row between">
      <strong>{label}</strong>
      <button type="button" class="plain small" data-copy={id} hidden>
        Copy
      </button>
    </div>
    <pre id={id}>{text}</pre>
  </div>
)
