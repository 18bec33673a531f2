/**
 * Which state of the database an object belongs to. Both are put back separately, and an object that
 * works with another state than the one it knows would lose or revive things without a word.
 */

/** A tick of the database; the token shows that it is a tick of this one. */
export interface Mark {
  readonly mark: number
  readonly token: string
}

/** What the tick tells an object. */
export interface Binding {
  readonly generation: string
  /** The mark that the object has confirmed, as far as the database knows; null for none. */
  readonly confirmed: Mark | null
  readonly next: Mark
}

export type Bound =
  | { readonly is: 'bound'; readonly at: Mark }
  /** The object is of an earlier state than the database: it was put back, and holds until it is reconciled. */
  | { readonly is: 'behind' }
  | { readonly is: 'of another generation' }
  /** The object knows a mark that the database has not heard it confirm. */
  | { readonly is: 'ahead'; readonly at: Mark }

type Belongs = {
  readonly generation: string
  /** The last one it was told; null before the first tick. */
  readonly at: Mark | null
  readonly isHeld: boolean
}

const KEY = 'belongs'
const OTHER_GENERATION = 'the object belongs to another generation of the stores'

/** What an object says that must do nothing; `isRetryable` knows it, and requests are answered 503. */
export function otherGeneration(): Error {
  return new Error(OTHER_GENERATION)
}

export function isOfOtherGeneration(error: unknown): boolean {
  return error instanceof Error && error.message === OTHER_GENERATION
}

export class Belonging {
  readonly #storage: DurableObjectStorage
  #known: Belongs | undefined

  constructor(storage: DurableObjectStorage) {
    this.#storage = storage
    this.#known = storage.kv.get<Belongs>(KEY)
  }

  /**
   * To be called before anything else is done. Whoever is told for the first time believes it.
   * @param generation undefined from a version that does not know of generations
   * @throws Error that `isRetryable` recognises
   */
  assert(generation: string | undefined): void {
    if (this.#known?.isHeld) throw otherGeneration()
    if (generation === undefined) return
    if (!this.#known) this.#keep({ generation, at: null, isHeld: false })
    else if (this.#known.generation !== generation) throw otherGeneration()
  }

  bind({ generation, confirmed, next }: Binding): Bound {
    const { at = null, isHeld = false, generation: known = generation } = this.#known ?? {}
    if (known !== generation) return { is: 'of another generation' }
    if (isHeld || (confirmed && (at?.mark ?? 0) < confirmed.mark)) {
      this.#keep({ generation, at, isHeld: true })
      return { is: 'behind' }
    }
    if (at && !isSame(at, confirmed) && !isSame(at, next)) return { is: 'ahead', at }
    // Ticks may overlap, and the mark of the later one stays.
    const now = at && at.mark > next.mark ? at : next
    this.#keep({ generation, at: now, isHeld: false })
    return { is: 'bound', at: now }
  }

  /** Makes the object one of this generation, whatever it was: the last step of reconciling. */
  adopt(generation: string, at: Mark | null): void {
    this.#keep({ generation, at, isHeld: false })
  }

  /** Has the object do nothing until it is adopted. */
  hold(): void {
    this.#keep({ generation: '', at: null, isHeld: true })
  }

  #keep(belongs: Belongs): void {
    this.#known = belongs
    this.#storage.kv.put(KEY, belongs)
  }
}

function isSame(one: Mark, other: Mark | null): boolean {
  return one.mark === other?.mark && one.token === other.token
}
