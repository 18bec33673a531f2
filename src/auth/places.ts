/**
 * Where the owner of an account has signed in before: a network or a browser, each as a keyed hash that
 * says nothing without `AUTH_SECRET`, neither whose nor where. Such a place has tries of its own.
 */
import { sql } from 'drizzle-orm'
import { type Database, statement } from '../db/client.ts'
import { authPlaces, authUsers } from '../db/schema.ts'
import { keyedHash } from '../crypto/digest.ts'
import { randomText } from '../crypto/random.ts'
import { cookiesNamed } from '../security/callers/cookies.ts'
import { COOKIE_PREFIX } from '../security/callers/session-cookie.ts'

/** How long a place is known after somebody has signed in there. */
const KNOWN_SECONDS = 90 * 86_400
const COOKIE = `${COOKIE_PREFIX}.device`
const VALUE = /^[\w-]{43}$/

export interface Places {
  /** Hashes for the account with this address: the browser, if it has been here, then the network. */
  readonly of: (email: string) => Promise<readonly string[]>
  /** @returns the cookie that the browser is to be known by */
  readonly remember: (who: { readonly userId: string; readonly email: string }) => Promise<string>
}

/** @param network where the request comes from, as far as its sender cannot choose */
export function placesOf(
  db: Database,
  headers: Headers,
  network: string,
  secret: string,
  now: number,
): Places {
  const [sent = '', ...others] = cookiesNamed(headers, COOKIE)
  const known = others.length === 0 && VALUE.test(sent) ? sent : undefined

  const hashes = (email: string, device: string | undefined) => {
    const places = [...(device === undefined ? [] : [`device\n${device}`]), `network\n${network}`]
    return Promise.all(places.map((place) => keyedHash(secret, `place\n${place}\n${email}`)))
  }

  return {
    of: (email) => hashes(email, known),

    async remember({ userId, email }) {
      const device = known ?? randomText()
      const endsAt = now + KNOWN_SECONDS * 1000
      const places = JSON.stringify(await hashes(email, device))
      await statement(
        db,
        sql`insert into ${authPlaces} (place, user_id, ends_at)
        select here.value, ${authUsers.id}, ${endsAt} from json_each(${places}) as here, ${authUsers}
        where ${authUsers.id} = ${userId}
        on conflict (place) do update set ends_at = excluded.ends_at`,
      )
      return `${COOKIE}=${device}; Max-Age=${KNOWN_SECONDS}; Path=/; HttpOnly; Secure; SameSite=Lax`
    },
  }
}
