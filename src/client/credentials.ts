/** What a client says it is: a token or a key that is given, or a token that it asks for when it needs one. */

interface Fixed {
  /** A JWT of the member. */
  readonly token?: string
  readonly apiKey?: never
  readonly getToken?: never
}

interface Key {
  readonly apiKey: string
  readonly token?: never
  readonly getToken?: never
}

interface Asked {
  /**
   * Called before the first call, and once whenever the server has refused the token, however many
   * calls it has refused it to. @param refused the token that is not to be had again
   */
  readonly getToken: (refused?: string) => string | Promise<string>
  readonly token?: never
  readonly apiKey?: never
}

export type Credential = Fixed | Key | Asked

type Held = Promise<string | undefined>

/** `current` is one promise until the token in it is refused; `renew` says whether there is another. */
export function credentials({ token, apiKey, getToken }: Credential) {
  let held: Held | undefined = getToken ? undefined : Promise.resolve(token ?? apiKey)

  function ask(refused?: string): Held {
    const asked: Held = (async () => getToken?.(refused))()
    // One that could not be had is asked for again by the next call.
    asked.catch(() => {
      if (held === asked) held = undefined
    })
    return asked
  }

  return {
    current: (): Held => (held ??= ask()),
    /** When several calls were refused with the same token, the first of them asks for a new one. */
    renew(refused: Held, token: string | undefined): boolean {
      if (!getToken) return false
      if (held === refused) held = ask(token)
      return true
    },
  }
}
