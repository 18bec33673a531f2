/** The steps by which something was decided, each with how it ended and what it said. */
import { Pill, type Tone } from '../look/parts.tsx'

interface Step {
  readonly name: string
  readonly outcome: string
  readonly detail: string
}

const TONES: Readonly<Record<string, Tone>> = { passed: 'good', failed: 'bad' }

/** @param decisive the name of the step that decided; null if none did */
export const Steps = (props: {
  readonly of: readonly Step[]
  readonly decisive: string | null
}) => (
  <ol class="steps">
    {props.of.map(({ name, outcome, detail }) => (
      <li>
        <span>
          <Pill tone={TONES[outcome] ?? 'plain'}>{name}</Pill>
        </span>
        <span>
          {name === props.decisive ? <strong>{detail}</strong> : detail}
          <span class="only-read"> ({outcome})</span>
        </span>
      </li>
    ))}
  </ol>
)
