/** A refusal of the API as people read it: what was refused, at which stage, and what is missing. */
import type { GuildhallError } from '../client/index.ts'
import { Facts, Pill } from '../look/parts.tsx'

/** What a stage is, for somebody who has not read the reference. */
const STAGES: Readonly<Record<string, string>> = {
  credential: 'The credential was looked at first, and it is not good.',
  session: 'The session was looked up, and it has ended.',
  permission: 'You are known, and none of your roles has this permission.',
  ownership: 'Your roles have the permission, but it does not reach this far.',
}

interface Told {
  readonly title: string
  readonly detail: string
  readonly code: string
  readonly status: number
  readonly requestId: string | undefined
}

function told(error: GuildhallError): Told {
  const { code, requestId } = error
  if (code === 'network_failure' || code === 'unexpected_answer') {
    const detail =
      'The API gave no answer that can be read. It may have done what was asked for: look first.'
    return { title: 'That did not work', detail, code, status: 502, requestId }
  }
  return { title: error.title, detail: error.detail, code, status: error.status, requestId }
}

export function statusOf(error: GuildhallError): number {
  return told(error).status
}

export function titleOf(error: GuildhallError): string {
  return told(error).title
}

/** @param titled whether the page says what it is already */
export const Refusal = ({
  error,
  titled = false,
}: {
  readonly error: GuildhallError
  readonly titled?: boolean
}) => {
  const { title, detail, code, status, requestId } = told(error)
  const stage = 'stage' in error ? error.stage : undefined
  const missing = 'required' in error ? error : undefined
  const fields = 'errors' in error ? error.errors : []
  return (
    <div role="alert" class="stack tight">
      <div class="row between">
        {titled ? <strong>{detail}</strong> : <h2>{title}</h2>}
        <Pill tone="bad">
          {status} {code}
        </Pill>
      </div>
      {!titled && <p>{detail}</p>}
      {fields.length > 0 && (
        <ul>
          {fields.map(({ path, message }) => (
            <li>
              <code>{path || 'the whole'}</code>: {message}
            </li>
          ))}
        </ul>
      )}
      <Facts
        of={[
          ['Stage', stage && <AtStage stage={stage} />],
          ['Missing', missing && <Lacked {...missing} />],
          [
            'Again in',
            'retryAfter' in error && error.retryAfter !== undefined && `${error.retryAfter} s`,
          ],
          ['Request', requestId && <code>{requestId}</code>],
        ]}
      />
      {code !== 'network_failure' && code !== 'unexpected_answer' && (
        <p>
          <a href={`/problems/${code}`}>What this means and how to fix it</a>
        </p>
      )}
    </div>
  )
}

const AtStage = ({ stage }: { readonly stage: string }) => (
  <>
    <Pill>{stage}</Pill> <span class="muted">{STAGES[stage]}</span>
  </>
)

const Lacked = ({ required, reach }: { readonly required: string; readonly reach: string }) => (
  <>
    <code>{required}</code> with reach <code>{reach}</code>
  </>
)

/** In place of a form whose sending the API would refuse for want of this permission. */
export const Missing = ({ required }: { readonly required: string }) => (
  <div role="alert" class="stack tight">
    <strong>The API would refuse what is asked for here.</strong>
    <Facts
      of={[
        ['Stage', <AtStage stage="permission" />],
        ['Missing', <Lacked required={required} reach="any" />],
      ]}
    />
  </div>
)
