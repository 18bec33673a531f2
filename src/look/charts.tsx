/** Charts as SVG in the page, each with its values as text for whoever does not see it. */

export interface Point {
  readonly label: string
  readonly value: number
}

const [WIDTH, HEIGHT, BOTTOM] = [640, 150, 18]

/** Bars, one for each point; first, middle and last are labelled. @param unit as in `visits` */
export const Bars = ({
  title,
  unit,
  points,
}: {
  readonly title: string
  readonly unit: string
  readonly points: readonly Point[]
}) => {
  const top = Math.max(1, ...points.map(({ value }) => value))
  const step = WIDTH / Math.max(1, points.length)
  const scale = (HEIGHT - BOTTOM - 14) / top
  const labelled = new Set([0, Math.floor((points.length - 1) / 2), points.length - 1])
  const total = points.reduce((sum, { value }) => sum + value, 0)
  return (
    <figure class="stack tight">
      <svg
        class="chart"
        viewBox={`0 0 ${WIDTH} ${HEIGHT}`}
        role="img"
        aria-label={`${title}: ${total} ${unit} in all, at most ${top} at once`}
      >
        <line class="line" x1="0" x2={WIDTH} y1={HEIGHT - BOTTOM} y2={HEIGHT - BOTTOM} />
        <line class="line" x1="0" x2={WIDTH} y1="14" y2="14" stroke-dasharray="2 4" />
        <text x="0" y="10">
          {top}
        </text>
        {points.map(({ label, value }, at) => (
          <>
            <rect
              class="bar"
              x={at * step + step * 0.12}
              y={HEIGHT - BOTTOM - value * scale}
              width={step * 0.76}
              height={value * scale}
              rx="1.5"
            >
              <title>{`${label}: ${value}`}</title>
            </rect>
            {labelled.has(at) && (
              <text
                x={at === 0 ? 0 : at === points.length - 1 ? WIDTH : at * step + step / 2}
                y={HEIGHT - 4}
                text-anchor={at === 0 ? 'start' : at === points.length - 1 ? 'end' : 'middle'}
              >
                {label}
              </text>
            )}
          </>
        ))}
      </svg>
    </figure>
  )
}

const DAY_MS = 86_400_000

/**
 * The days of a year as a grid of weeks, darker where there is more.
 * @param until the last day, `2026-11-30` @param counts by day
 */
export const HeatMap = ({
  title,
  until,
  weeks = 53,
  counts,
}: {
  readonly title: string
  readonly until: string
  readonly weeks?: number
  readonly counts: ReadonlyMap<string, number>
}) => {
  const last = Date.parse(`${until}T00:00:00Z`)
  // Weeks begin on Monday.
  const column = (new Date(last).getUTCDay() + 6) % 7
  const days = Array.from({ length: (weeks - 1) * 7 + column + 1 }, (_, at) => {
    const day = new Date(last - ((weeks - 1) * 7 + column - at) * DAY_MS).toISOString().slice(0, 10)
    return { day, count: counts.get(day) ?? 0, x: Math.floor(at / 7) * 12, y: (at % 7) * 12 }
  })
  const top = Math.max(1, ...days.map(({ count }) => count))
  const active = days.filter(({ count }) => count > 0).length
  return (
    <svg
      class="chart heat"
      viewBox={`0 0 ${weeks * 12} 84`}
      role="img"
      aria-label={`${title}: ${active} days with visits in ${weeks} weeks`}
    >
      {days.map(({ day, count, x, y }) => (
        <rect
          x={x}
          y={y}
          width="10"
          height="10"
          rx="2"
          {...(count > 0 && { class: `l${Math.ceil((count / top) * 4)}` })}
        >
          <title>{`${day}: ${count}`}</title>
        </rect>
      ))}
    </svg>
  )
}
