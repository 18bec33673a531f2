/** Charts as SVG in the page, each with its values as text for whoever does not see it. */
import { Day } from './parts.tsx'

export interface Point {
  /** As in `2026-11-30`. */
  readonly day: string
  readonly value: number
}

/** Of the drawing, which is stretched to its card; text stands beside it, so that it is not. */
const [WIDTH, HEIGHT] = [640, 100]

/** Bars, one for each day; first, middle and last are labelled. @param unit in the plural, as in `visits` */
export const Bars = ({
  title,
  unit,
  points,
}: {
  readonly title: string
  readonly unit: string
  readonly points: readonly Point[]
}) => {
  const total = points.reduce((sum, { value }) => sum + value, 0)
  if (total === 0) return <p class="muted">None in these days.</p>
  const top = Math.max(...points.map(({ value }) => value))
  const step = WIDTH / points.length
  const labelled = new Set([0, Math.floor((points.length - 1) / 2), points.length - 1])
  return (
    <figure>
      <span class="muted small nums" aria-hidden="true">
        {top}
      </span>
      <svg
        class="chart bars"
        viewBox={`0 0 ${WIDTH} ${HEIGHT}`}
        preserveAspectRatio="none"
        role="img"
        aria-label={`${title}: ${total} ${total === 1 ? unit.slice(0, -1) : unit} in all, at most ${top} on one day`}
      >
        {points.map(({ day, value }, at) => {
          const height = (value / top) * HEIGHT
          return (
            <rect
              x={at * step + step * 0.12}
              y={HEIGHT - height}
              width={step * 0.76}
              height={height}
            >
              <title>{`${day}: ${value}`}</title>
            </rect>
          )
        })}
      </svg>
      <div class="row between muted small" aria-hidden="true">
        {points
          .filter((_, at) => labelled.has(at))
          .map(({ day }) => (
            <Day day={day} />
          ))}
      </div>
    </figure>
  )
}

const DAY_MS = 86_400_000

/** Of each half of the drawing: on a phone they stand one above the other, so that a day can be seen. */
const HALF_WEEKS = 27
/** Days begin below the names of the months. */
const [CELL, TOP] = [12, 14]

/**
 * The days of a year as a grid of weeks, darker where there is more.
 * @param until the last day, `2026-11-30` @param counts by day
 */
export const HeatMap = ({
  title,
  until,
  counts,
}: {
  readonly title: string
  readonly until: string
  readonly counts: ReadonlyMap<string, number>
}) => {
  const last = Date.parse(`${until}T00:00:00Z`)
  // Weeks begin on Monday.
  const column = (new Date(last).getUTCDay() + 6) % 7
  const count = (2 * HALF_WEEKS - 1) * 7 + column + 1
  const days = Array.from({ length: count }, (_, at) => {
    const day = new Date(last - (count - 1 - at) * DAY_MS).toISOString().slice(0, 10)
    return { day, count: counts.get(day) ?? 0 }
  })
  const top = Math.max(1, ...days.map((each) => each.count))
  const active = days.filter((each) => each.count > 0).length
  return (
    <div
      class="heats"
      role="img"
      aria-label={`${title}: ${active} days with visits in ${2 * HALF_WEEKS} weeks`}
    >
      {[days.slice(0, HALF_WEEKS * 7), days.slice(HALF_WEEKS * 7)].map((half) => (
        <svg class="chart heat" viewBox={`0 0 ${HALF_WEEKS * CELL} ${TOP + 7 * CELL - 2}`}>
          {half.map(({ day, count }, at) => (
            <>
              {at % 7 === 0 && Number(day.slice(8)) <= 7 && (
                <text x={(at / 7) * CELL} y="9">
                  {monthOf(day)}
                </text>
              )}
              <rect
                x={Math.floor(at / 7) * CELL}
                y={TOP + (at % 7) * CELL}
                width="10"
                height="10"
                rx="2"
                {...(count > 0 && { class: `l${Math.ceil((count / top) * 4)}` })}
              >
                <title>{`${day}: ${count}`}</title>
              </rect>
            </>
          ))}
        </svg>
      ))}
    </div>
  )
}

/** As in `Nov`. */
function monthOf(day: string): string {
  const style = { month: 'short', timeZone: 'UTC' } as const
  return new Intl.DateTimeFormat('en-GB', style).format(new Date(`${day}T00:00:00Z`))
}
