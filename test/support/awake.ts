/** A list of the objects that have been awake since the stores were last emptied. */
type Namespace = 'VISITS' | 'JOBS' | 'KEYS' | 'WEBHOOKS'

const awake = new Map<string, { readonly namespace: Namespace; readonly id: DurableObjectId }>()

export function noteAwake(namespace: Namespace, id: DurableObjectId): void {
  awake.set(id.toString(), { namespace, id })
}

export function allAwake() {
  return [...awake.values()]
}

/** Empties the list. @returns what was on it */
export function takeAwake() {
  const all = allAwake()
  awake.clear()
  return all
}
