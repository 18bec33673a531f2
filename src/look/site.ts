/** What every part of a page may ask about the site it is on, without being handed it. */
import { createContext } from 'hono/jsx'

/** The site's own time zone, an IANA name; in the titles of times, which are shown in the reader's. */
export const SiteZone = createContext('UTC')
